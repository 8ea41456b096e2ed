// The page for Prometheus over HTTP/1.1 (RFC 9112): GET and HEAD of /metrics, one request a
// connection, on a thread of its own, so that neither a slow client nor a long page delays the
// node.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "echostream/base/result.h"
#include "echostream/plugins/metrics.h"
#include "echostream/socket_address.h"

namespace echostream::internal {

/// What an HTTP server would answer to this header, without the body.
struct HttpAnswer {
  int code = 200;
  const char* reason = "OK";
  /// HEAD: the body is left out, but its length is told.
  bool with_body = true;
  bool is_page = false;
};
HttpAnswer answer_to(std::string_view header);

class HttpListener {
 public:
  using MakePage = std::function<std::string()>;
  /// `make_page` is called on the listener's thread. INVALID_ARGUMENT, UNAVAILABLE.
  static Result<std::unique_ptr<HttpListener>> open(const MetricsListenOptions& options,
                                                    MakePage make_page);
  /// Closes all connections and waits for the thread.
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  const SocketAddress& address() const noexcept { return address_; }

 private:
  class Server;
  HttpListener(std::unique_ptr<Server> server, const SocketAddress& address);

  SocketAddress address_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace echostream::internal
