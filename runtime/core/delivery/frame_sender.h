// How the frames of a stream leave: one implementation per delivery mode, chosen in
// make_frame_sender().
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/executor.h"
#include "echostream/limits.h"
#include "echostream/method.h"

#include "runtime/core/frame/frames.h"
#include "runtime/core/session/transport_port.h"

namespace echostream::core {

struct SenderStats {
  std::uint64_t sent = 0;
  /// Given up because older than max_age, because too many were in flight, or with the call.
  std::uint64_t expired = 0;
};

class FrameSender {
 public:
  virtual ~FrameSender() = default;
  virtual void send(LocalTime now, const FrameHeader& header, Buffer message) = 0;
  /// False: the caller should wait for handle_progress() to make it true.
  virtual bool is_writable() const = 0;
  /// Streams became available, or a stream of this sender drained or closed.
  virtual void handle_progress(LocalTime now) = 0;
  /// A stream that this sender put into FrameStreams is gone for good.
  virtual void handle_stream_closed(StreamId) {}
  /// The call was cut off: what is under way outside its own stream need not arrive.
  virtual void give_up_all(WireError) {}
  /// Nothing is under way outside the call's own stream.
  virtual bool is_idle() const { return true; }
  virtual SenderStats stats() const = 0;
  /// The receiver plays frames that long after their capture, as far as it has said: one that
  /// cannot be there by then is given up like one older than max_age. Zero: it has not said.
  void set_playout_limit(Duration limit) noexcept { playout_limit_ = limit; }

 protected:
  /// When a frame is too old to be sent: older than max_age or too late to be played.
  LocalTime deadline_of(LocalTime now, const FrameHeader& header, Duration max_age) const;

 private:
  Duration playout_limit_{};
};

/// Which sender opened which unidirectional stream, and which ones wait for the peer to allow
/// another; kept by the session.
struct FrameStreams {
  std::unordered_map<StreamId, FrameSender*> senders;
  std::vector<FrameSender*> waiting;
};

/// What the senders share with the call they belong to. References outlive the sender.
struct SenderContext {
  Executor& executor;
  TransportPort& transport;
  const Limits& limits;
  FrameStreams& frame_streams;
  StreamId call;
  Priority priority;
  Duration max_age;
};

/// When a frame reaches an age. It ages from its capture, where that is known and not in the
/// future; kNever without a max_age.
LocalTime expiry_of(LocalTime now, const FrameHeader& header, Duration max_age);

std::unique_ptr<FrameSender> make_frame_sender(Delivery delivery, const SenderContext& context);

}  // namespace echostream::core
