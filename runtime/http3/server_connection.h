// What a server does with the requests of one HTTP connection, of whatever version.
#pragma once

#include <cstddef>
#include <string>

#include "echostream/base/bytes.h"

#include "runtime/base/stream_id.h"
#include "runtime/http3/fields.h"
#include "runtime/http3/http3_error.h"

namespace echostream::http3 {

/// Commands on streams that have closed are ignored. An error code says as well why where the
/// version has no such codes.
class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  /// Several commands may wait until this to be written.
  virtual void flush() = 0;
  /// Answers; a body follows unless `ends`. Once for each request.
  virtual void respond(StreamId id, Fields head, bool ends) = 0;
  /// Queues bytes of the body.
  virtual void write(StreamId id, Buffer bytes) = 0;
  /// The message is complete, perhaps with trailers.
  virtual void finish(StreamId id, Fields trailers) = 0;
  /// Bytes of write() that were never handed on.
  virtual std::size_t unsent_bytes(StreamId id) const = 0;
  virtual void notify_when_drained(StreamId id, std::size_t low_water_bytes) = 0;
  /// The peer may send that many more bytes of its message.
  virtual void consume(StreamId id, std::size_t bytes) = 0;
  /// Ends our message before its end; nothing more of the peer's is wanted either.
  virtual void reset(StreamId id, Http3Error code) = 0;
  /// Nothing more of the peer's message is wanted.
  virtual void stop_reading(StreamId id, Http3Error code) = 0;
  /// The peer should send no more requests.
  virtual void announce_shutdown() = 0;
  /// Requests that come from now on are refused.
  virtual void refuse_requests() = 0;
  virtual void close(Http3Error code, std::string reason) = 0;
};

}  // namespace echostream::http3
