// A peer's stream of one-way events. Reading pauses while too many of its handlers run, so a slow
// handler stalls the peer by flow control instead of filling our memory.
#pragma once

#include "echostream/base/bytes.h"
#include "echostream/limits.h"

#include "runtime/base/stream_id.h"
#include "runtime/core/frame/frame_parser.h"
#include "runtime/core/frame/frames.h"
#include "runtime/core/frame/unparsed_bytes.h"
#include "runtime/core/session/transport_port.h"

namespace echostream::core {

class EventReceiver final : private FrameSink {
 public:
  class Sink {
   public:
    virtual bool wants_event() = 0;
    virtual void on_event(EventHeader header, Buffer message) = 0;
    /// An event over our limits, skipped: its sender may not have seen our settings yet.
    virtual void on_event_dropped() = 0;

   protected:
    ~Sink() = default;
  };

  EventReceiver(TransportPort& transport, const Limits& limits, StreamId id, Sink& sink)
      : transport_(transport), limits_(limits), id_(id), sink_(sink) {}

  /// An error means the stream makes no sense any more.
  Status handle_data(LocalTime now, BytesView data, bool fin);
  /// The sink wants events again.
  Status resume();
  /// Events that arrived still wait to be taken.
  bool is_paused() const noexcept { return !unparsed_.empty(); }
  /// The peer gave the stream up: what waits is dropped, and its flow-control credit given back.
  void discard();

 private:
  std::optional<std::uint64_t> payload_limit(std::uint64_t type) override;
  Status on_oversized(Status error) override;
  Status on_frame(std::uint64_t type, Buffer payload) override;
  bool wants_frame() override { return sink_.wants_event(); }
  Status parse(BytesView data, std::size_t& taken);
  Status check_end() const;

  TransportPort& transport_;
  const Limits& limits_;
  StreamId id_;
  Sink& sink_;
  FrameParser parser_;
  bool fin_seen_ = false;
  LocalTime received_at_{};
  UnparsedBytes unparsed_;
};

}  // namespace echostream::core
