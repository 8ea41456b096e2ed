// Whom a command talks to, whatever protocol it speaks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/call_options.h"
#include "echostream/jitter_buffer.h"
#include "echostream/metadata.h"
#include "echostream/security.h"
#include "echostream/session.h"
#include "echostream/socket_address.h"
#include "echostream/stream.h"

#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// A call of several messages. Dropping it cancels the call.
class RemoteStream {
 public:
  virtual ~RemoteStream() = default;
  /// Waits while much is queued. An error: the call is over.
  virtual Task<Status> write(Buffer message) = 0;
  /// No more from us.
  virtual Task<Status> finish() = 0;
  /// The next message, or the one reply once everything is written; nothing at the end, and then
  /// status() says how it ended.
  virtual Task<std::optional<Frame<Buffer>>> next() = 0;
  virtual Status status() const = 0;
  /// Ends it at once: next() gives nothing any more.
  virtual void cancel() = 0;
  virtual Metadata response_metadata() const = 0;
  /// None where the protocol or the method has no such thing.
  virtual std::optional<JitterBufferStats> jitter_buffer() const { return std::nullopt; }
  /// Messages that were sent after the last one that came.
  virtual std::uint64_t lost_at_end() const { return 0; }
};

/// A connection to a node or server. What is started on it must end before it does.
class Remote {
 public:
  virtual ~Remote() = default;

  /// What it says that it serves; with `services`, only those. UNIMPLEMENTED when it does not tell.
  virtual Task<Result<Schema>> describe(std::vector<std::string> services) = 0;
  virtual Task<Result<Buffer>> unary(const SchemaMethod& method, Buffer request,
                                     CallOptions options) = 0;
  virtual Task<Status> emit(const SchemaMethod& method, Buffer event, CallOptions options) = 0;
  /// `request` is the one message of methods whose request is no stream.
  virtual Task<std::unique_ptr<RemoteStream>> open(const SchemaMethod& method,
                                                   std::optional<Buffer> request,
                                                   CallOptions options) = 0;
  /// Has the other program say anything at all. An error: it did not, within `limit`.
  virtual Task<Status> ping(Duration limit) = 0;
  /// Ends it politely: what was sent is delivered.
  virtual Task<void> close() = 0;

  /// None when it is none of ours: clock and path are not known then.
  virtual std::optional<Session> session() const { return std::nullopt; }
  /// From the first packet until calls could be made, with looking the name up.
  virtual Duration handshake_time() const = 0;
  /// The handshake resumed an earlier session.
  virtual bool is_resumed() const = 0;
  virtual SocketAddress remote_address() const = 0;
  /// Of its certificate.
  virtual std::optional<Fingerprint> fingerprint() const = 0;
  /// What is spoken: "EchoStream", "HTTP/3".
  virtual std::string_view protocol() const = 0;
};

}  // namespace echostream::tool
