// One request and its response, piece by piece.
#pragma once

#include <memory>
#include <optional>

#include "echostream/base/result.h"
#include "echostream/base/task.h"

#include "runtime/gateway/client/http_messages.h"

namespace echostream::gateway {

class ExchangeState;

/// Made by HttpClient::request(); may outlive the client, when everything fails with UNAVAILABLE.
/// Destroying it, or assigning to it, cancels what has not ended (H3_REQUEST_CANCELLED). Belongs to
/// the client's loop. Of one that was moved from nothing may be asked.
///
/// It fails, and is reset at the server, when the request's timeout has passed, or the deadline of
/// the call that a waiting task works for (DEADLINE_EXCEEDED), or when that call is cancelled
/// (CANCELLED). Other errors: what the server's reset says (its message has the code's name),
/// RESOURCE_EXHAUSTED for headers or trailers over the limit, UNAVAILABLE when the connection is
/// lost or goes away.
class HttpExchange {
 public:
  explicit HttpExchange(std::shared_ptr<ExchangeState> state) noexcept;
  ~HttpExchange();
  HttpExchange(HttpExchange&&) noexcept;
  HttpExchange& operator=(HttpExchange&&) noexcept;

  /// Waits for the response's head; may be asked for again.
  Task<Result<HttpHead>> head();
  /// Waits for the next bytes of the body, at most a stream's window of them; nothing at its end.
  /// The server may send more only as they are taken. What came before a reset is given out first.
  Task<Result<std::optional<Buffer>>> read();
  /// After the end of the body; empty when there are none. Valid as long as the exchange.
  const http3::Fields& trailers() const;

  /// Sends a piece of a body that is streamed, once little of what was written before is unsent.
  /// FAILED_PRECONDITION after finish() and where the body is not streamed; ABORTED when the server
  /// wants no more of it, whose response can still be read.
  Task<Status> write(Buffer bytes);
  /// The body is complete, perhaps with trailers (names in lower case). INVALID_ARGUMENT for
  /// trailers that cannot be sent, otherwise as write().
  Status finish(http3::Fields trailers = {});
  /// Ends the exchange: whoever waits gets CANCELLED.
  void cancel();

  /// It has failed, and the server has certainly not acted upon the request: it may be sent again,
  /// over another connection, whatever it was.
  bool is_unprocessed() const;

 private:
  std::shared_ptr<ExchangeState> state_;
};

}  // namespace echostream::gateway
