// What the engine asks of the connection below it. The QUIC connection, the in-memory channel and
// the tests' recorder implement it.
#pragma once

#include <cstdint>
#include <string>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/time.h"

#include "runtime/base/stream_id.h"
#include "runtime/core/frame/frames.h"
#include "runtime/core/frame/wire.h"

namespace echostream::core {

/// 0 is sent first, 7 last.
using Priority = std::uint8_t;

/// Commands only: none of them calls the session back before it returns.
class TransportPort {
 public:
  virtual ~TransportPort() = default;
  /// False: calls and events to the peer are UNIMPLEMENTED.
  virtual bool peer_serves() const { return true; }
  /// kResourceExhausted when the peer allows no more streams now;
  /// Session::handle_streams_available() follows.
  virtual Result<StreamId> open_bidirectional() = 0;
  virtual Result<StreamId> open_unidirectional() = 0;
  /// Queues bytes behind what the stream already has; `fin` ends our side.
  virtual void write(StreamId id, Buffer bytes, bool fin) = 0;
  /// The same of frames of a call. A transport that would only have to take them apart again gets
  /// them whole.
  virtual void write_frame(StreamId id, FrameType type, BytesView payload, bool fin) {
    write(id, make_frame(type, payload), fin);
  }
  virtual void write_message(StreamId id, const Buffer& message, bool fin) {
    write(id, make_frame(FrameType::kMessage, message), fin);
  }
  /// A STATUS, which ends our side.
  virtual void write_status(StreamId id, const StatusFrame& status) {
    ByteWriter payload;
    core::write_status(payload, status);
    write(id, make_frame(FrameType::kStatus, payload.bytes()), true);
  }
  virtual void set_priority(StreamId id, Priority priority) = 0;
  virtual std::size_t unsent_bytes(StreamId id) const = 0;
  /// Session::handle_stream_drained() follows once unsent_bytes() is at most `low_water_bytes`.
  virtual void notify_when_drained(StreamId id, std::size_t low_water_bytes) = 0;
  virtual void reset(StreamId id, WireError code) = 0;
  virtual void stop_sending(StreamId id, WireError code) = 0;
  /// Gives flow-control credit back.
  virtual void consume(StreamId id, std::size_t bytes) = 0;
  /// 0 when the peer takes no datagrams.
  virtual std::size_t max_datagram_bytes() const = 0;
  /// Header and payload together at most max_datagram_bytes(). Dropped unsent after `expires_at`.
  virtual void send_datagram(Buffer header, Buffer payload, Priority priority,
                             LocalTime expires_at) = 0;
  /// Before everything else that waits. Session::handle_datagram_sent() tells when it left, if it
  /// did before `expires_at`. `tag` is not 0.
  virtual void send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime expires_at) = 0;
  virtual void close(WireError code, std::string reason) = 0;
};

}  // namespace echostream::core
