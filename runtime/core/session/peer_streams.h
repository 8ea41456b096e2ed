// The unidirectional streams that the peer opens (docs/protocol.md 3): its control stream, its
// streams of events, and one stream for each frame of an EXPIRING stream.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "echostream/limits.h"

#include "runtime/core/frame/frame_parser.h"
#include "runtime/core/frame/frames.h"
#include "runtime/core/session/byte_budget.h"
#include "runtime/core/session/event_receiver.h"
#include "runtime/core/session/transport_port.h"
#include "runtime/timing/node_clock.h"

namespace echostream::core {

/// A sender needs one stream of events for each priority.
inline constexpr std::size_t kMaxEventStreams = 8;

class PeerStreams final : private FrameSink {
 public:
  class Sink : public EventReceiver::Sink {
   public:
    virtual void on_settings(const SettingsFrame& settings) = 0;
    virtual void on_goaway() = 0;
    virtual void on_clock_report(const timing::NodeClockReport& report) = 0;
    /// A whole frame of the call with that stream id, which need not be known.
    virtual void on_frame_stream(LocalTime now, StreamId call, const FrameHeader& header,
                                 Buffer message) = 0;

   protected:
    ~Sink() = default;
  };

  PeerStreams(TransportPort& transport, const Limits& limits, ByteBudget& budget, Sink& sink)
      : transport_(transport), limits_(limits), budget_(budget), sink_(sink) {}

  /// An error is one of the whole connection.
  Status handle_data(LocalTime now, StreamId id, BytesView data, bool fin);
  Status handle_reset(StreamId id);
  void handle_closed(StreamId id);
  /// Handlers of events ended: reading may go on.
  Status resume_events();
  std::size_t size() const noexcept { return streams_.size(); }

 private:
  struct Stream {
    explicit Stream(ByteBudget& budget) : held(budget) {}
    std::optional<std::uint64_t> type;
    bool is_ignored = false;          // of a type we do not know, or a frame that was refused
    bool is_closed = false;           // while its events still wait to be taken
    std::vector<std::uint8_t> bytes;  // the type's first bytes, then a whole EXPIRING frame
    ByteShare held;
    std::unique_ptr<EventReceiver> events;
  };
  // FrameSink: the control stream's frames.
  std::optional<std::uint64_t> payload_limit(std::uint64_t type) override;
  Status on_frame(std::uint64_t type, Buffer payload) override;

  bool read_type(StreamId id, Stream& stream, BytesView& data);
  Status begin(StreamId id, Stream& stream);
  Status handle_control_data(StreamId id, BytesView data, bool fin);
  Status handle_frame_data(LocalTime now, StreamId id, Stream& stream, BytesView data, bool fin);
  Status handle_whole_frame(LocalTime now, BytesView bytes);
  void ignore(StreamId id, Stream& stream, WireError code);
  void forget(StreamId id);

  TransportPort& transport_;
  const Limits& limits_;
  ByteBudget& budget_;
  Sink& sink_;
  std::unordered_map<StreamId, Stream> streams_;
  std::vector<StreamId> event_streams_;  // at most kMaxEventStreams
  std::optional<StreamId> control_;
  FrameParser control_parser_;
  bool settings_seen_ = false;
};

}  // namespace echostream::core
