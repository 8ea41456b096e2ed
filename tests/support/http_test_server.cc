#include "tests/support/http_test_server.h"

#include <algorithm>
#include <utility>

#include "echostream/base/check.h"

namespace echostream::testing {

using http3::Fields;
using http3::Http3Connection;
using http3::Http3Error;

void HttpTestServer::Request::begin(int status, const Fields& fields, bool ends) {
  Fields sent{{":status", std::to_string(status)}};
  for (const http3::Field& field : fields) sent.add(field.name, field.value);
  connection.http().respond(id, sent, ends);
  connection.flush_soon();
}

void HttpTestServer::Request::write(std::string_view text) {
  connection.http().write(id, Buffer::copy(text));
  connection.flush_soon();
}

void HttpTestServer::Request::finish(const Fields& with) {
  connection.http().finish(id, with);
  connection.flush_soon();
}

void HttpTestServer::Request::answer(int status, std::string_view text, const Fields& fields) {
  begin(status, fields, text.empty());
  write(text);
  finish();
}

void HttpTestServer::Request::reset(Http3Error code) {
  connection.http().reset(id, code);
  connection.flush_soon();
}

void HttpTestServer::Request::stop_reading(Http3Error code) {
  connection.http().stop_reading(id, code);
  connection.flush_soon();
}

std::size_t HttpTestServer::Request::unsent_bytes() const {
  return connection.http().unsent_bytes(id);
}

HttpTestServer::Connection::Connection(HttpTestServer& server, transport::QuicConnection& quic,
                                       http3::Http3Options options)
    : server_(server), http_(Http3Connection::make(true, options, *this).value()), quic_(&quic) {
  http_->bind(&quic);
}

void HttpTestServer::Connection::flush_soon() {
  if (quic_ != nullptr) server_.driver_->flush_soon();
}

HttpTestServer::Request* HttpTestServer::Connection::find(StreamId id) {
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](Request* open) { return open->id == id; });
  return found != open_.end() ? *found : nullptr;
}

void HttpTestServer::Connection::on_head(LocalTime, StreamId id, Fields head, bool) {
  server_.requests.push_back(std::make_unique<Request>(Request{*this, id}));
  Request& request = *server_.requests.back();
  open_.push_back(&request);
  request.head = std::move(head);
  if (server_.on_head) server_.on_head(request);
}

void HttpTestServer::Connection::on_oversized_head(LocalTime, StreamId id) {
  http_->respond(id, {{":status", "431"}}, true);
  http_->stop_reading(id, Http3Error::kNoError);
}

void HttpTestServer::Connection::on_body(LocalTime, StreamId id, BytesView data) {
  Request* request = find(id);
  if (request == nullptr) return;
  request->body.append(as_text(data));
  if (server_.consumes) http_->consume(id, data.size());
}

void HttpTestServer::Connection::on_trailers(LocalTime, StreamId id, Fields trailers) {
  if (Request* request = find(id)) request->trailers = std::move(trailers);
}

void HttpTestServer::Connection::on_end(LocalTime, StreamId id) {
  Request* request = find(id);
  if (request == nullptr) return;
  request->has_ended = true;
  if (server_.on_end) server_.on_end(*request);
}

void HttpTestServer::Connection::on_reset(LocalTime, StreamId id, std::uint64_t code) {
  if (Request* request = find(id)) request->reset_code = code;
}

void HttpTestServer::Connection::on_stop_sending(LocalTime, StreamId id, std::uint64_t code) {
  if (Request* request = find(id)) request->stop_code = code;
}

void HttpTestServer::Connection::on_stream_closed(LocalTime, StreamId id) {
  if (Request* request = find(id)) request->is_closed = true;
  std::erase_if(open_, [&](Request* open) { return open->id == id; });
}

void HttpTestServer::Connection::on_closed(LocalTime, const transport::CloseInfo& info) {
  closed = info;
  server_.driver_->release_soon(*std::exchange(quic_, nullptr));
}

HttpTestServer::HttpTestServer(Loop& loop, std::string_view address, const Identity& identity,
                               Options options)
    : loop_(loop), options_(std::move(options)) {
  transport::TlsContext::Options tls;
  tls.alpn = {"h3"};
  tls.identity = identity;
  tls.trust = options_.client_trust;
  transport::QuicEndpoint::Options endpoint;
  endpoint.quic = options_.quic;
  endpoint.server_tls = transport::TlsContext::make_server(std::move(tls)).value();
  endpoint.fill_random = [this](MutableBytes out) { loop_.fill_random(out); };
  endpoint.wall_time = [this] { return loop_.wall_time(); };
  driver_ = internal::QuicDriver::open(
                loop, SocketAddress::parse(address).value(), std::move(endpoint),
                [this](internal::QuicDriver&,
                       transport::QuicConnection& quic) -> transport::QuicConnectionSink* {
                  connections.push_back(std::make_unique<Connection>(*this, quic, options_.http));
                  return &connections.back()->http();
                },
                [](const SocketAddress&, const Status&) {})
                .value();
}

// The connections are the sinks of what the driver holds.
HttpTestServer::~HttpTestServer() { driver_.reset(); }

}  // namespace echostream::testing
