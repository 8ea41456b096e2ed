#include "runtime/gateway/client/client_connection.h"

#include <array>
#include <utility>

#include "runtime/api/first_meeting.h"
#include "runtime/api/node_context.h"
#include "runtime/gateway/client/exchange_state.h"
#include "runtime/gateway/client/reset_status.h"

namespace echostream::gateway {
namespace {

SocketAddress any_like(const SocketAddress& address) {
  return address.family() == SocketAddress::Family::kIpv4 ? SocketAddress::ipv4({}, 0)
                                                          : SocketAddress::ipv6({}, 0);
}

// As which a server is known: by its name and port, as Node::connect() has it.
std::string known_name(const DialCandidate& candidate) {
  const std::string& host = candidate.server_name;
  const bool is_ipv6 = host.find(':') != host.npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(candidate.address.port());
}

// As Node::connect() has it: a ticket is never used under another policy.
std::string ticket_key(const DialCandidate& candidate, const ClientConnection::Plan& plan) {
  std::string key =
      candidate.server_name + ' ' + candidate.address.to_string() + ' ' + plan.tls->ticket_scope();
  if (plan.known_peers != nullptr) key += " one " + known_name(candidate);
  return key;
}

Status going_away() {
  return {StatusCode::kUnavailable,
          "the server goes away (GOAWAY) and did not process the request; it may be sent again "
          "over another connection"};
}

}  // namespace

ClientConnection::ClientConnection(Loop& loop, const Plan& plan) : loop_(loop), plan_(plan) {}

ClientConnection::~ClientConnection() {
  changed_ = nullptr;
  fail_all(Status(StatusCode::kUnavailable, "the HTTP client was closed"));
  if (quic_ == nullptr) return;
  http_->close(http3::Http3Error::kNoError, "");
  driver_->flush_now();
}

Result<std::unique_ptr<ClientConnection>> ClientConnection::dial(Loop& loop, const Plan& plan,
                                                                 const DialCandidate& candidate) {
  std::unique_ptr<ClientConnection> made(new ClientConnection(loop, plan));
  if (Status status = made->start(candidate); !status.is_ok()) return status;
  return made;
}

Status ClientConnection::start(const DialCandidate& candidate) {
  known_name_ = known_name(candidate);
  ticket_key_ = ticket_key(candidate, plan_);
  auto http = http3::Http3Connection::make(false, plan_.http, *this);
  if (!http) return std::move(http).error();
  http_ = *std::move(http);
  transport::QuicEndpoint::Options endpoint;
  endpoint.quic = plan_.quic;
  endpoint.fill_random = [this](MutableBytes out) { loop_.fill_random(out); };
  endpoint.wall_time = [this] { return loop_.wall_time(); };
  plan_.traces->apply_to(endpoint);
  auto driver = internal::QuicDriver::open(loop_, any_like(candidate.address), std::move(endpoint),
                                           nullptr, [](const SocketAddress&, const Status&) {});
  if (!driver) return std::move(driver).error();
  driver_ = *std::move(driver);
  transport::QuicEndpoint::Dial dial;
  dial.remote = candidate.address;
  dial.server_name = candidate.server_name;
  dial.peer_name = {known_name_, false};
  dial.ticket = take_ticket();
  dial.tls = plan_.tls;
  auto connection = driver_->connect(std::move(dial), *http_);
  if (!connection) return std::move(connection).error();
  quic_ = *connection;
  http_->bind(quic_);
  http_->write_later([this] { write_soon(); });
  remote_address_ = candidate.address;
  return Status::ok();
}

Status ClientConnection::status() const {
  if (closed_) return lost_status(*closed_);
  if (is_going_away_) return going_away();
  return Status::ok();
}

SocketAddress ClientConnection::remote_address() const {
  return quic_ != nullptr ? quic_->remote_address() : remote_address_;
}

std::optional<PeerIdentity> ClientConnection::peer_identity() const {
  return quic_ != nullptr ? quic_->peer_identity() : peer_identity_;
}

bool ClientConnection::is_resumed() const {
  return quic_ != nullptr ? quic_->is_resumed() : is_resumed_;
}

// A cache of the program's own is called from inside the transport: what it throws must not get
// there.
std::string ClientConnection::take_ticket() {
  if (plan_.tickets == nullptr) return {};
  try {
    return plan_.tickets->take(ticket_key_).value_or(std::string());
  } catch (...) {
    plan_.traces->warn("the ticket cache threw: " + internal::describe_exception());
    return {};
  }
}

Status ClientConnection::meet_server() {
  if (plan_.known_peers == nullptr || !plan_.meets_strangers) return Status::ok();
  auto met = internal::meet_peer(*plan_.known_peers, quic_->peer_identity(),
                                 quic_->remote_address(), known_name_, false, loop_.wall_time());
  if (!met) return met.error();
  if (!met->empty()) plan_.traces->warn(*met);
  return Status::ok();
}

void ClientConnection::add(ExchangeState& exchange) {
  exchange.handle_added(*this);
  if (waiting_.empty() && open(exchange)) return flush_soon();
  exchange.set_place(next_place_);
  waiting_.emplace(next_place_++, &exchange);
  open_waiting();
}

void ClientConnection::forget(ExchangeState& exchange) {
  give_up_waiting(exchange);
  if (exchange.id().is_valid()) streams_.erase(exchange.id());
}

void ClientConnection::give_up_waiting(ExchangeState& exchange) {
  if (!exchange.place()) return;
  waiting_.erase(*exchange.place());
  exchange.set_place(std::nullopt);
}

void ClientConnection::write_soon() {
  if (!is_scheduled()) loop_.schedule_last(*this);
}

void ClientConnection::on_ready() {
  http_->flush();
  flush_soon();
}

void ClientConnection::consume(StreamId id, std::size_t bytes) {
  if (bytes == 0 || !id.is_valid()) return;
  http_->consume(id, bytes);
  flush_soon();
}

bool ClientConnection::open(ExchangeState& exchange) {
  const HttpRequest& request = exchange.request();
  const bool has_body = request.streams_body || !request.body.empty();
  const std::array<http3::Field, 4> target{{{":method", request.method},
                                            {":scheme", "https"},
                                            {":authority", authority_},
                                            {":path", request.path}}};
  const auto id = http_->request(target, request.fields, !has_body);
  if (!id && id.error().code() == StatusCode::kResourceExhausted) return false;
  give_up_waiting(exchange);
  if (!id) {
    exchange.handle_lost(id.error(), true);
  } else {
    streams_.emplace(*id, &exchange);
    exchange.handle_opened(*id);
  }
  return true;
}

void ClientConnection::open_waiting() {
  while (!waiting_.empty() && open(*waiting_.begin()->second)) {
  }
  flush_soon();
}

void ClientConnection::fail_waiting(const Status& status) {
  for (const auto& [place, exchange] : std::exchange(waiting_, {})) {
    exchange->set_place(std::nullopt);
    exchange->handle_lost(status, true);
  }
}

void ClientConnection::fail_all(const Status& status) {
  fail_waiting(status);
  for (const auto& [id, exchange] : std::exchange(streams_, {})) {
    exchange->handle_lost(status, false);
  }
}

ExchangeState* ClientConnection::find(StreamId id) const {
  const auto found = streams_.find(id);
  return found != streams_.end() ? found->second : nullptr;
}

void ClientConnection::tell_change() {
  if (changed_ != nullptr) changed_->notify_all();
}

// ---- http3::Http3Sink. Those whose exchange is gone have been reset.

void ClientConnection::on_open(LocalTime) {
  refusal_ = meet_server();
  if (!refusal_.is_ok()) return http_->close(http3::Http3Error::kNoError, "");
  is_open_ = true;
  tell_change();
}

void ClientConnection::on_session_ticket(LocalTime, BytesView ticket) {
  if (plan_.tickets == nullptr) return;
  try {
    plan_.tickets->store(ticket_key_, std::string(as_text(ticket)));
  } catch (...) {
    plan_.traces->warn("the ticket cache threw: " + internal::describe_exception());
  }
}

void ClientConnection::on_head(LocalTime, StreamId id, http3::Fields head, bool) {
  write_soon();  // ahead of the driver: a response makes room for the next request
  if (ExchangeState* exchange = find(id)) exchange->handle_head(std::move(head));
}

void ClientConnection::on_oversized_head(LocalTime, StreamId id) {
  ExchangeState* exchange = find(id);
  if (exchange == nullptr) return;
  exchange->fail(Status(StatusCode::kResourceExhausted,
                        "the headers or trailers of the response are over the limit "
                        "(HttpClientOptions::max_field_section_bytes)"));
}

void ClientConnection::on_body(LocalTime, StreamId id, BytesView data) {
  ExchangeState* exchange = find(id);
  if (exchange == nullptr) return consume(id, data.size());
  exchange->handle_body(data);
}

void ClientConnection::on_trailers(LocalTime, StreamId id, http3::Fields trailers) {
  if (ExchangeState* exchange = find(id)) exchange->handle_trailers(std::move(trailers));
}

void ClientConnection::on_end(LocalTime, StreamId id) {
  if (ExchangeState* exchange = find(id)) exchange->handle_end();
}

void ClientConnection::on_reset(LocalTime, StreamId id, std::uint64_t code) {
  if (ExchangeState* exchange = find(id)) exchange->handle_reset(code);
}

void ClientConnection::on_stop_sending(LocalTime, StreamId id, std::uint64_t code) {
  if (ExchangeState* exchange = find(id)) exchange->handle_stop_sending(code);
}

void ClientConnection::on_stream_drained(LocalTime, StreamId id) {
  if (ExchangeState* exchange = find(id)) exchange->handle_drained();
}

void ClientConnection::on_stream_closed(LocalTime, StreamId id) {
  if (ExchangeState* exchange = find(id)) exchange->handle_stream_closed();
}

void ClientConnection::on_streams_available(LocalTime) {
  if (is_open()) open_waiting();
}

void ClientConnection::on_goaway(LocalTime) {
  is_going_away_ = true;
  fail_waiting(going_away());
}

void ClientConnection::on_closed(LocalTime, const transport::CloseInfo& info) {
  closed_ = info;
  if (!refusal_.is_ok()) closed_->status = refusal_;
  is_resumed_ = quic_->is_resumed();
  remote_address_ = quic_->remote_address();
  peer_identity_ = quic_->peer_identity();
  driver_->release_soon(*std::exchange(quic_, nullptr));
  fail_all(lost_status(info));
  tell_change();
}

}  // namespace echostream::gateway
