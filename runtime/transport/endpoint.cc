#include "runtime/transport/endpoint.h"

#include <algorithm>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/transport/crypto/key_schedule.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {
namespace {

// RFC 9000 section 14.1: a client's first datagrams are at least that large.
constexpr std::size_t kLeastInitialBytes = 1200;
// Answers that wait for the socket; more are not given.
constexpr std::size_t kMostWaitingAnswers = 256;
// Tokens of servers that were visited; more forget the first in order.
constexpr std::size_t kMostKeptTokens = 256;
// Of packets written at a time: what one GSO call takes, and some more, but not 64 of the largest.
constexpr std::size_t kMostBatchBytes = 256 * 1024;

std::size_t batch_datagrams(const QuicEndpoint::Options& options) {
  const std::size_t fitting = kMostBatchBytes / options.quic.max_udp_payload_bytes;
  return std::max<std::size_t>(1, std::min(options.max_burst_datagrams, fitting));
}

// Who accepts nobody needs no table of networks.
std::size_t handshakes_per_network(const QuicEndpoint::Options& options) {
  return options.server_tls ? options.max_handshakes_per_network : 0;
}

}  // namespace

/// A client's first packet, read.
struct Endpoint::Initial {
  std::uint32_t version = 0;
  ConnectionId destination_id;
  ConnectionId source_id;
  BytesView token;
};

std::unique_ptr<QuicEndpoint> make_quic_endpoint(QuicEndpoint::Options options,
                                                 QuicEndpointSink& sink) {
  return std::make_unique<Endpoint>(std::move(options), sink);
}

Endpoint::Endpoint(Options options, QuicEndpointSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      tokens_(make_secret()),
      routes_(make_routes()),
      batch_(batch_datagrams(options_), options_.quic.max_udp_payload_bytes),
      answer_limit_(options_.max_stateless_answers_per_second),
      unproven_limit_(handshakes_per_network(options_), make_hash_key()),
      proven_limit_(handshakes_per_network(options_), make_hash_key()),
      address_counts_(options_.max_connections_per_address),
      ids_(16, make_hash()),
      reset_tokens_(16, make_hash()) {}

Endpoint::~Endpoint() {
  connections_.clear();
  retired_.clear();
}

AddressTokens::Secret Endpoint::make_secret() {
  if (options_.static_secret) return AddressTokens::derive_secret(*options_.static_secret);
  AddressTokens::Secret secret;
  if (options_.group) {
    expand_label(EVP_sha256(), options_.group->secret, "es tokens", secret);
  } else {
    options_.fill_random(secret);
  }
  return secret;
}

IdRoutes Endpoint::make_routes() const {
  IdRoutes::Key key{};
  if (options_.group) {
    ECHOSTREAM_CHECK(
        options_.group->index < options_.group->size && options_.group->size <= IdRoutes::kMost,
        "an id has room for the numbers 0 to 255");
    expand_label(EVP_sha256(), options_.group->secret, "es routes", key);
  }
  return IdRoutes(key);
}

std::array<std::uint64_t, 2> Endpoint::make_hash_key() {
  std::array<std::uint8_t, 16> bytes;
  options_.fill_random(bytes);
  std::array<std::uint64_t, 2> key{};
  for (std::size_t i = 0; i < bytes.size(); ++i) key[i / 8] = key[i / 8] << 8 | bytes[i];
  return key;
}

// ---- Datagrams in.

void Endpoint::handle_datagram(LocalTime now, const IncomingDatagram& datagram) {
  ++stats_.datagrams_received;
  // ngtcp2_pkt_decode_version_cid() asserts that there is something to read.
  if (datagram.data.empty()) {
    ++stats_.datagrams_dropped;
    return;
  }
  ngtcp2_version_cid ids;
  const int result = ngtcp2_pkt_decode_version_cid(&ids, datagram.data.data(), datagram.data.size(),
                                                   ConnectionId::kOwnBytes);
  if (result != 0 && result != NGTCP2_ERR_VERSION_NEGOTIATION) {
    ++stats_.datagrams_dropped;
    return;
  }
  const BytesView destination_id(ids.dcid, ids.dcidlen);
  const bool is_long = (datagram.data[0] & 0x80) != 0;
  const bool is_other_version = is_long && ids.version != 0 && ids.version != NGTCP2_PROTO_VER_V1;
  if (is_other_version || result == NGTCP2_ERR_VERSION_NEGOTIATION) {
    answer_version(now, datagram, destination_id, {ids.scid, ids.scidlen});
    return;
  }
  bool is_reset = false;
  Connection* connection = find(destination_id, datagram, is_long, is_reset);
  if (connection == nullptr) {
    handle_unknown(now, datagram, destination_id, is_long);
  } else if (is_reset) {
    connection->handle_stateless_reset(now);
  } else {
    connection->handle_datagram(now, datagram);
  }
  retired_.clear();
}

Connection* Endpoint::find(BytesView destination_id, const IncomingDatagram& datagram, bool is_long,
                           bool& is_reset) {
  if (destination_id.size() <= ConnectionId::kMostBytes) {
    const ConnectionId id(destination_id);
    // Datagrams come in trains.
    if (last_found_ != nullptr && id == last_id_) return last_found_;
    const auto found = ids_.find(id);
    if (found != ids_.end()) {
      last_id_ = id;
      return last_found_ = found->second;
    }
  }
  constexpr std::size_t kLeastResetBytes = NGTCP2_MIN_STATELESS_RESET_RANDLEN + 16;
  if (is_long || datagram.data.size() < kLeastResetBytes || reset_tokens_.empty()) return nullptr;
  ResetToken token;
  std::copy(datagram.data.end() - static_cast<std::ptrdiff_t>(token.size()), datagram.data.end(),
            token.begin());
  const auto found = reset_tokens_.find(token);
  if (found == reset_tokens_.end() || found->second->remote_address() != datagram.remote) {
    return nullptr;
  }
  is_reset = true;
  return found->second;
}

void Endpoint::handle_unknown(LocalTime now, const IncomingDatagram& datagram,
                              BytesView destination_id, bool is_long) {
  if (const auto owner = other_owner_of(destination_id)) {
    ++stats_.datagrams_misdelivered;
    return sink_.on_misdelivered(now, *owner, datagram);
  }
  if (is_long) return handle_initial(now, datagram);
  std::array<std::uint8_t, 64> random;
  options_.fill_random(random);
  answer(now, datagram,
         make_stateless_reset(tokens_.reset_token(ConnectionId(destination_id)),
                              datagram.data.size(), random),
         stats_.stateless_resets_sent);
}

// The first id of a connection is the client's choice and may look like one of another member: then
// that member is the one that accepts it, from its first packet on.
std::optional<std::size_t> Endpoint::other_owner_of(BytesView destination_id) const {
  if (!options_.group || destination_id.size() != ConnectionId::kOwnBytes) return std::nullopt;
  const std::size_t owner = routes_.read(destination_id);
  if (owner == options_.group->index || owner >= options_.group->size) return std::nullopt;
  return owner;
}

void Endpoint::handle_initial(LocalTime now, const IncomingDatagram& datagram) {
  ngtcp2_pkt_hd header;
  if (!options_.server_tls || datagram.data.size() < kLeastInitialBytes ||
      ngtcp2_accept(&header, datagram.data.data(), datagram.data.size()) != 0) {
    ++stats_.datagrams_dropped;
    return;
  }
  const Initial initial{header.version,
                        ConnectionId(header.dcid),
                        ConnectionId(header.scid),
                        {header.token, header.tokenlen}};
  Arrival arrival;
  arrival.local = datagram.local;
  arrival.remote = datagram.remote;
  arrival.client_id = initial.source_id;
  arrival.destination_id = initial.destination_id;
  if (!validate_token(now, datagram, initial, arrival)) return;
  const bool is_proven = !arrival.token.empty();
  if (!is_proven && must_prove_address(now, datagram.remote)) {
    return answer_retry(datagram, initial);
  }
  if (!may_come_in(now, datagram.remote, is_proven)) {
    tell_of_limit(now, datagram.remote);
    return answer(now, datagram,
                  make_refusal(initial.version, initial.source_id, initial.destination_id,
                               NGTCP2_CONNECTION_REFUSED),
                  stats_.connections_refused);
  }
  auto connection =
      Connection::accept(*this, now, options_.wall_time(), *options_.server_tls, arrival);
  if (!connection) {
    ++stats_.datagrams_dropped;
    return;
  }
  ++half_open_;
  ++stats_.handshakes_started;
  Connection& accepted = *connection;
  add(std::move(connection));
  accepted.handle_datagram(now, datagram);
  if (!accepted.is_closed()) return;
  // Nothing in it could be used, so nothing is kept of it: a flood of such packets must not fill
  // the table, and the client's next try is a new one.
  if (accepted.wants_retry()) {
    answer_retry(datagram, initial);
  } else {
    ++stats_.datagrams_dropped;
  }
  retire(accepted);
}

void Endpoint::tell_of_limit(LocalTime now, const SocketAddress& client) {
  if (!is_accepting_) return;
  sink_.on_refused(now, client,
                   {StatusCode::kResourceExhausted,
                    "a limit of sessions or handshakes, in all or for its address, is reached"});
}

bool Endpoint::must_prove_address(LocalTime now, const SocketAddress& client) {
  return half_open_ >= options_.retry_above_half_open || !unproven_limit_.take(now, client);
}

bool Endpoint::may_come_in(LocalTime now, const SocketAddress& client, bool is_proven) {
  return is_accepting_ && half_open_ < options_.max_half_open &&
         connections_.size() < options_.max_connections && address_counts_.has_room(client) &&
         (!is_proven || proven_limit_.take(now, client));
}

// False: the token is a bad Retry token, and the client was told.
bool Endpoint::validate_token(LocalTime now, const IncomingDatagram& datagram,
                              const Initial& initial, Arrival& arrival) {
  if (initial.token.empty()) return true;
  if (AddressTokens::is_retry_token(initial.token)) {
    arrival.original_id = tokens_.open_retry_token(wall_time(), initial.token, datagram.remote,
                                                   initial.destination_id);
    if (!arrival.original_id) {
      // RFC 9000 section 8.1.2: a client gets only one Retry, so this one cannot go on.
      answer(now, datagram,
             make_refusal(initial.version, initial.source_id, initial.destination_id,
                          NGTCP2_INVALID_TOKEN),
             stats_.connections_refused);
      return false;
    }
  } else if (!tokens_.check_new_token(wall_time(), initial.token, datagram.remote)) {
    return true;  // as if it had sent none
  }
  arrival.token.assign(initial.token.begin(), initial.token.end());
  return true;
}

// ---- Answers to nobody's packets.

void Endpoint::answer_version(LocalTime now, const IncomingDatagram& datagram,
                              BytesView destination_id, BytesView source_id) {
  // A smaller one is not worth an answer larger than itself.
  if (!options_.server_tls || datagram.data.size() < kLeastInitialBytes) {
    ++stats_.datagrams_dropped;
    return;
  }
  std::array<std::uint8_t, 1> random;
  options_.fill_random(random);
  answer(now, datagram, make_version_negotiation(destination_id, source_id, random[0]),
         stats_.version_negotiations_sent);
}

void Endpoint::answer_retry(const IncomingDatagram& datagram, const Initial& initial) {
  const ConnectionId retry_id = new_id();
  AddressTokens::Nonce nonce;
  options_.fill_random(nonce);
  const auto token = tokens_.make_retry_token(wall_time(), datagram.remote, retry_id,
                                              initial.destination_id, nonce);
  // Not rate limited: it is smaller than what it answers, and honest clients wait for it.
  if (answers_.size() >= kMostWaitingAnswers) {
    ++stats_.datagrams_dropped;
    return;
  }
  answers_.push_back(
      {datagram.local, datagram.remote,
       make_retry(initial.version, initial.source_id, retry_id, initial.destination_id, token)});
  ++stats_.retries_sent;
}

void Endpoint::answer(LocalTime now, const IncomingDatagram& datagram,
                      std::vector<std::uint8_t> packet, std::uint64_t& counter) {
  if (packet.empty() || answers_.size() >= kMostWaitingAnswers || !answer_limit_.take(now)) {
    ++stats_.datagrams_dropped;
    return;
  }
  answers_.push_back({datagram.local, datagram.remote, std::move(packet)});
  ++counter;
}

// ---- Connections.

Result<QuicConnection*> Endpoint::connect(LocalTime now, Dial dial, QuicConnectionSink& sink) {
  if (connections_.size() >= options_.max_connections) {
    return Status(
        StatusCode::kResourceExhausted,
        "this endpoint has its " + std::to_string(options_.max_connections) + " connections");
  }
  Departure departure;
  departure.local = dial.local.is_set() ? dial.local : any_address_like(dial.remote);
  departure.remote = dial.remote;
  departure.server_name = std::move(dial.server_name);
  departure.peer_name = std::move(dial.peer_name);
  departure.ticket = std::move(dial.ticket);
  departure.early_data = dial.early_data;
  // RFC 9000 section 8.1.3: a token is used once.
  if (auto kept = kept_tokens_.extract(dial.remote)) departure.token = std::move(kept.mapped());
  auto connection = Connection::dial(*this, now, options_.wall_time(), *dial.tls, departure, sink);
  if (!connection) {
    return Status(StatusCode::kResourceExhausted, "no memory for another connection");
  }
  Connection& dialled = *connection;
  add(std::move(connection));
  want_write(dialled);
  return static_cast<QuicConnection*>(&dialled);
}

std::unique_ptr<QlogSink> Endpoint::open_qlog(const ConnectionId& original_id, bool is_server) {
  if (!options_.open_qlog) return nullptr;
  constexpr char kDigits[] = "0123456789abcdef";
  QlogName name;
  name.is_server = is_server;
  for (const std::uint8_t byte : original_id.view()) {
    name.original_id += kDigits[byte >> 4];
    name.original_id += kDigits[byte & 15];
  }
  return options_.open_qlog(std::move(name));
}

void Endpoint::add(std::unique_ptr<Connection> connection) {
  Connection* key = connection.get();
  connections_.emplace(key, std::move(connection));
}

void Endpoint::release(QuicConnection& connection) {
  static_cast<Connection&>(connection).release();
}

void Endpoint::retire(Connection& connection) {
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  if (connection.is_queued) std::erase(write_queue_, &connection);
  // One that failed has counted until now: a flood of broken handshakes must turn to Retries too.
  if (connection.is_half_open()) handshake_over(connection);
  address_counts_.remove(std::exchange(connection.counted_address, {}));
  // It is still on the stack below us.
  retired_.push_back(std::move(found->second));
  connections_.erase(found);
}

QuicConnectionSink* Endpoint::accept(LocalTime now, Connection& connection) {
  const SocketAddress client = connection.remote_address();
  QuicConnectionSink* sink =
      address_counts_.has_room(client) ? sink_.on_incoming(now, connection) : nullptr;
  if (sink == nullptr) {
    ++stats_.connections_refused;
    tell_of_limit(now, client);
    return nullptr;
  }
  address_counts_.add(client);
  connection.counted_address = client;
  return sink;
}

void Endpoint::handshake_over(Connection& connection) {
  if (connection.is_server()) --half_open_;
}

void Endpoint::keep_token(const SocketAddress& server, BytesView token) {
  constexpr std::size_t kMostTokenBytes = 512;
  if (token.size() > kMostTokenBytes) return;
  if (kept_tokens_.size() >= kMostKeptTokens) kept_tokens_.erase(kept_tokens_.begin());
  kept_tokens_[server].assign(token.begin(), token.end());
}

ConnectionId Endpoint::new_id() {
  std::array<std::uint8_t, ConnectionId::kOwnBytes> bytes;
  options_.fill_random(bytes);
  if (options_.group) routes_.write(bytes, static_cast<std::uint8_t>(options_.group->index));
  return ConnectionId(bytes);
}

void Endpoint::add_id(const ConnectionId& id, Connection& connection) {
  if (id == last_id_) last_found_ = nullptr;
  ids_[id] = &connection;
}
void Endpoint::remove_id(const ConnectionId& id) {
  if (id == last_id_) last_found_ = nullptr;
  ids_.erase(id);
}
void Endpoint::add_reset_token(const ResetToken& token, Connection& connection) {
  reset_tokens_[token] = &connection;
}
void Endpoint::remove_reset_token(const ResetToken& token) { reset_tokens_.erase(token); }

void Endpoint::want_write(Connection& connection) {
  if (connection.is_queued) return;
  connection.is_queued = true;
  write_queue_.push_back(&connection);
}

// ---- Datagrams out.

std::optional<Transmit> Endpoint::poll_transmit(LocalTime now) {
  for (;;) {
    if (auto run = batch_.take_run()) {
      return Transmit{run->local, run->remote, run->ecn, run->data, run->segment_size};
    }
    batch_.clear();
    if (!answers_.empty()) {
      StatelessAnswer next = std::move(answers_.front());
      answers_.pop_front();
      answer_packet_ = std::move(next.packet);
      return Transmit{next.local, next.remote, 0, answer_packet_, answer_packet_.size()};
    }
    if (write_queue_.empty()) return std::nullopt;
    Connection& connection = *write_queue_.front();
    write_queue_.pop_front();
    connection.is_queued = false;
    if (connection.write(now, batch_, options_.max_burst_datagrams)) want_write(connection);
  }
}

void Endpoint::handle_timeout(LocalTime now) {
  timers_.fire(now);
  retired_.clear();
}

LocalTime Endpoint::next_deadline() const { return timers_.next_deadline(); }

}  // namespace echostream::transport
