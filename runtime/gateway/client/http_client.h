// An HTTP/3 client (RFC 9114): one connection to one server, on which any number of requests run
// side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/loop.h"
#include "echostream/peer_identity.h"
#include "echostream/security.h"
#include "echostream/session_tickets.h"
#include "echostream/socket_address.h"

#include "runtime/gateway/client/http_exchange.h"
#include "runtime/gateway/client/http_messages.h"

namespace echostream::gateway {

class ClientConnection;
class ExchangeState;

class HttpClientOptions {
 public:
  explicit HttpClientOptions(Trust trust_in) : trust(std::move(trust_in)) {}

  /// Whom to believe. Whom Trust::known_peers() meets for the first time `warn` is told of.
  Trust trust;
  /// Shown to a server that asks for a certificate.
  std::optional<Identity> identity;
  /// Where tickets are kept that servers give, with which later connections to them are resumed:
  /// a handshake without certificates. May be that of a node. Unset: every handshake is a full one.
  std::shared_ptr<SessionTicketCache> ticket_cache;
  /// For connect(), from looking the name up to a completed handshake.
  Duration handshake_timeout = std::chrono::seconds(10);
  /// A connection on which nothing arrives for that long is lost; zero: never.
  Duration idle_timeout = std::chrono::seconds(30);
  /// A PING is sent after that long without traffic, at least 10 ms; zero sends none.
  Duration keep_alive_interval = std::chrono::seconds(10);

  // What a server can make us hold, in bytes where they say so. None is zero.

  /// Of a response's body that is not read yet.
  std::uint64_t stream_window_bytes = 1024 * 1024;
  /// Of all of them together.
  std::uint64_t connection_window_bytes = 8 * 1024 * 1024;
  /// A header or trailer section (RFC 9114 4.2.2): RESOURCE_EXHAUSTED for a response with a larger
  /// one. One of more than sixteen times that ends the connection.
  std::size_t max_field_section_bytes = 64 * 1024;
  /// The body that fetch() collects.
  std::size_t max_response_bytes = 16 * 1024 * 1024;
  /// Requests that wait until the server allows more streams.
  std::size_t max_waiting_requests = 100'000;

  // For debugging: docs/debugging.md.

  /// The TLS secrets of all connections: who has that file can read everything that was said.
  std::string key_log_file;
  /// Traces in qlog's format, a file for each connection.
  std::string qlog_directory;
  /// What is empty above is taken from SSLKEYLOGFILE and QLOGDIR.
  bool use_environment = true;
  /// Gets each warning, from the loop; unset: they go to stderr.
  std::function<void(std::string_view)> warn;
};
static_assert(kSafeInAwait<HttpClientOptions>);

/// Belongs to its loop. Destroying it closes the connection; exchanges under way fail.
class HttpClient {
 public:
  /// Dials "host:port" or "https://host[:port]" on all addresses that the name has, each a little
  /// after the one before (RFC 8305), and keeps the first that completes its handshake.
  /// INVALID_ARGUMENT for a target or options that cannot be; UNAUTHENTICATED for a server that is
  /// not trusted; UNAVAILABLE, NOT_FOUND or DEADLINE_EXCEEDED when nobody answers. `loop` outlives
  /// the client.
  static Task<Result<std::unique_ptr<HttpClient>>> connect(Loop& loop, std::string target,
                                                           HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends a request, as soon as the server allows one more. INVALID_ARGUMENT for one that cannot
  /// be sent; UNAVAILABLE when the connection is lost or goes away; RESOURCE_EXHAUSTED when too
  /// many wait.
  Result<HttpExchange> request(HttpRequest request);
  /// Sends a request at once, and collects its response; dropping the task cancels it.
  /// RESOURCE_EXHAUSTED for a body that is too large;
  /// otherwise as HttpExchange. Any status of HTTP is a response. Not for a body that is streamed.
  Task<Result<HttpResponse>> fetch(HttpRequest request);

  /// OK while new requests are taken; UNAVAILABLE and why, when the server has announced that it
  /// goes away (GOAWAY), or the connection was lost.
  Status status() const;
  /// Exchanges that were not destroyed, those that wait for a stream included.
  std::size_t request_count() const;
  /// What goes into ":authority": the host, and its port unless that is 443.
  const std::string& authority() const noexcept { return authority_; }
  SocketAddress remote_address() const;
  std::optional<PeerIdentity> peer_identity() const;
  /// An earlier connection was resumed: HttpClientOptions::ticket_cache had a ticket.
  bool is_resumed() const;

 private:
  HttpClient(Loop& loop, std::string authority, HttpClientOptions options,
             std::unique_ptr<ClientConnection> connection);
  Result<std::shared_ptr<ExchangeState>> start(HttpRequest request);

  Loop& loop_;
  const std::string authority_;
  const HttpClientOptions options_;
  std::unique_ptr<ClientConnection> connection_;
};

}  // namespace echostream::gateway
