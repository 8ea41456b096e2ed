#include "runtime/gateway/client/http_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "echostream/base/printable.h"

#include "runtime/base/buffer_builder.h"
#include "runtime/base/pooled_allocator.h"
#include "runtime/gateway/client/client_connection.h"
#include "runtime/gateway/client/exchange_state.h"
#include "runtime/gateway/client/http_dial.h"
#include "runtime/gateway/client/http_target.h"
#include "runtime/gateway/client/request_check.h"

namespace echostream::gateway {
namespace {

Status too_large(std::size_t most_bytes) {
  return {StatusCode::kResourceExhausted, "the body of the response has more than " +
                                              std::to_string(most_bytes) +
                                              " bytes (HttpClientOptions::max_response_bytes)"};
}

// What a server announces, and nghttp3 holds it to; of an answer to HEAD nothing comes of it.
bool announces_more_than(std::size_t most_bytes, const http3::Fields& fields) {
  const std::string_view text = fields.get("content-length");
  std::uint64_t bytes = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), bytes);
  return parsed.ec == std::errc() && bytes > most_bytes;
}

// On the state itself: a whole response mostly comes at once, and is one wait then. A state that
// goes before its end cancels the exchange.
Task<Result<HttpResponse>> collect(Result<std::shared_ptr<ExchangeState>> exchange, bool has_body,
                                   std::size_t most_bytes) {
  if (!exchange) co_return exchange.error();
  ExchangeState& state = **exchange;
  while (!state.head() && !state.error()) co_await state.wait();
  if (!state.head()) co_return *state.error();
  HttpHead head = state.take_head();
  if (has_body && announces_more_than(most_bytes, head.fields)) co_return too_large(most_bytes);
  Buffer whole;
  BufferBuilder joined;
  for (;;) {
    if (state.has_body()) {
      Buffer piece = state.take_body();
      if (piece.size() > most_bytes - whole.size() - joined.size()) co_return too_large(most_bytes);
      if (whole.empty() && joined.empty()) {
        whole = std::move(piece);
      } else {
        joined.append(std::exchange(whole, {}));
        joined.append(piece);
      }
    } else if (state.has_ended()) {
      break;
    } else if (state.error()) {
      co_return *state.error();
    } else {
      co_await state.wait();
    }
  }
  HttpResponse response;
  response.status = head.status;
  response.fields = std::move(head.fields);
  response.body = joined.empty() ? std::move(whole) : joined.take();
  response.trailers = state.trailers();
  co_return response;
}

}  // namespace

HttpClient::HttpClient(Loop& loop, std::string authority, HttpClientOptions options,
                       std::unique_ptr<ClientConnection> connection)
    : loop_(loop),
      authority_(std::move(authority)),
      options_(std::move(options)),
      connection_(std::move(connection)) {
  connection_->set_authority(authority_);
}

HttpClient::~HttpClient() = default;

Task<Result<std::unique_ptr<HttpClient>>> HttpClient::connect(Loop& loop, std::string target,
                                                              HttpClientOptions options) {
  const std::string context = "connect to " + printable(target.substr(0, 200));
  auto parsed = parse_http_target(target);
  if (!parsed) co_return parsed.error().with_context("connect");
  LocalTime deadline = deadline_after(loop.now(), options.handshake_timeout);
  const auto task = co_await internal::current_context();
  if (task.call != nullptr) deadline = std::min(deadline, task.call->deadline());
  auto dialling = dial_http(loop, parsed->host_and_port, options, deadline);
  auto connection = co_await std::move(dialling);
  if (!connection) co_return connection.error().with_context(context);
  co_return std::unique_ptr<HttpClient>(new HttpClient(loop, std::move(parsed->authority),
                                                       std::move(options), *std::move(connection)));
}

Result<std::shared_ptr<ExchangeState>> HttpClient::start(HttpRequest request) {
  if (Status status = check_request(request); !status.is_ok()) return status;
  if (Status status = connection_->status(); !status.is_ok()) return status;
  if (connection_->waiting_count() >= options_.max_waiting_requests) {
    return Status(StatusCode::kResourceExhausted,
                  "too many requests wait (HttpClientOptions::max_waiting_requests)");
  }
  const LocalTime deadline =
      request.timeout ? deadline_after(loop_.now(), *request.timeout) : kNever;
  if (!request.body.empty() && !request.fields.has("content-length")) {
    request.fields.add("content-length", std::to_string(request.body.size()));
  }
  auto state = std::allocate_shared<ExchangeState>(PooledAllocator<ExchangeState>(), loop_,
                                                   std::move(request), deadline);
  connection_->add(*state);
  return state;
}

Result<HttpExchange> HttpClient::request(HttpRequest request) {
  auto state = start(std::move(request));
  if (!state) return state.error();
  return HttpExchange(*std::move(state));
}

Task<Result<HttpResponse>> HttpClient::fetch(HttpRequest request) {
  const bool has_body = request.method != "HEAD";
  return collect(start(std::move(request)), has_body, options_.max_response_bytes);
}

Status HttpClient::status() const { return connection_->status(); }
std::size_t HttpClient::request_count() const { return connection_->request_count(); }
SocketAddress HttpClient::remote_address() const { return connection_->remote_address(); }
std::optional<PeerIdentity> HttpClient::peer_identity() const {
  return connection_->peer_identity();
}
bool HttpClient::is_resumed() const { return connection_->is_resumed(); }

}  // namespace echostream::gateway
