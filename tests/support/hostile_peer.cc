#include "tests/support/hostile_peer.h"

#include <openssl/err.h>

#include <algorithm>
#include <utility>

#include "echostream/base/check.h"

#include "tests/support/test_certificates.h"

namespace echostream::testing {
namespace {

using namespace transport;

constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kInitialBytes = 1200;
constexpr std::size_t kMostCryptoBytes = 1000;  // in one packet

ConnectionId random_id(Random& random) {
  std::array<std::uint8_t, kIdBytes> bytes;
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return ConnectionId(bytes);
}

PacketType packet_type_of(ssl_encryption_level_t level) {
  switch (level) {
    case ssl_encryption_initial:
      return PacketType::kInitial;
    case ssl_encryption_early_data:
      return PacketType::kZeroRtt;
    case ssl_encryption_handshake:
      return PacketType::kHandshake;
    case ssl_encryption_application:
      break;
  }
  return PacketType::kOneRtt;
}

ssl_encryption_level_t tls_level_of(PacketType type) {
  switch (type) {
    case PacketType::kInitial:
      return ssl_encryption_initial;
    case PacketType::kHandshake:
      return ssl_encryption_handshake;
    default:
      return ssl_encryption_application;
  }
}

std::vector<std::uint8_t> copy(BytesView bytes) { return {bytes.begin(), bytes.end()}; }

std::vector<std::uint8_t> after_update(const CipherSuite& suite, BytesView secret) {
  std::vector<std::uint8_t> next(secret.size());
  next_secret(suite, secret, next);
  return next;
}

}  // namespace

struct HostilePeer::Callbacks {
  static HostilePeer& self(const SSL* ssl) {
    return *static_cast<HostilePeer*>(SSL_get_app_data(ssl));
  }
  static const SSL_QUIC_METHOD& method() {
    static constexpr SSL_QUIC_METHOD kMethod = {
        [](SSL* ssl, ssl_encryption_level_t level, const SSL_CIPHER* cipher,
           const std::uint8_t* secret, std::size_t size) -> int {
          HostilePeer& peer = self(ssl);
          const PacketType type = packet_type_of(level);
          peer.suite_ = CipherSuite::of(cipher);
          peer.rx_[index(type)].emplace(peer.suite_, BytesView(secret, size));
          peer.first_rx_secret_ = peer.rx_secret_ = copy({secret, size});
          return 1;
        },
        [](SSL* ssl, ssl_encryption_level_t level, const SSL_CIPHER* cipher,
           const std::uint8_t* secret, std::size_t size) -> int {
          HostilePeer& peer = self(ssl);
          const PacketType type = packet_type_of(level);
          peer.suite_ = CipherSuite::of(cipher);
          peer.tx_[index(type)].emplace(peer.suite_, BytesView(secret, size));
          peer.first_tx_secret_ = peer.tx_secret_ = copy({secret, size});
          return 1;
        },
        [](SSL* ssl, ssl_encryption_level_t level, const std::uint8_t* data,
           std::size_t size) -> int {
          append_bytes(self(ssl).crypto_out_[index(packet_type_of(level))].bytes, {data, size});
          return 1;
        },
        [](SSL*) -> int { return 1; },
        [](SSL*, ssl_encryption_level_t, std::uint8_t) -> int { return 1; },
    };
    return kMethod;
  }
};

std::vector<std::uint8_t> as_varint(std::uint64_t value) {
  std::vector<std::uint8_t> bytes;
  append_varint(bytes, value);
  return bytes;
}

HostilePeer::HostilePeer(QuicWorld& world, Role role, const SocketAddress& address,
                         QuicHost& victim)
    : world_(world),
      role_(role),
      address_(address),
      victim_(victim),
      own_id_(random_id(world.random)) {
  if (is_client()) first_id_ = victim_id_ = random_id(world.random);
  world.tap = [this, behind = std::move(world.tap)](Datagram& datagram) {
    if (datagram.to != address_) return !behind || behind(datagram);
    inbox_.push_back(datagram.bytes);
    return false;
  };
}

// ---- TLS.

void HostilePeer::start_tls() {
  TlsContext::Options options;
  options.alpn = {alpn};
  options.identity = world_.identity();
  if (is_client()) options.trust = Trust::insecure_accept_any();
  // The context hands a client's tickets to our own handshake, which this is not.
  options.resumption = !is_client();
  context_ = (is_client() ? TlsContext::make_client(std::move(options))
                          : TlsContext::make_server(std::move(options)))
                 .value();
  check_.now = kCertificateTestTime;
  ssl_ = make_ssl(*context_, check_);
  SSL_set_app_data(ssl_.get(), this);
  const std::vector<std::uint8_t> encoded = encode_parameters();
  ECHOSTREAM_CHECK(
      SSL_set_quic_method(ssl_.get(), &Callbacks::method()) == 1 &&
          SSL_set_quic_transport_params(ssl_.get(), encoded.data(), encoded.size()) == 1,
      "setting up TLS");
  install_initial_keys(first_id_);
}

void HostilePeer::install_initial_keys(const ConnectionId& id) {
  const InitialSecrets secrets = InitialSecrets::derive(id.view());
  const std::size_t initial = index(PacketType::kInitial);
  tx_[initial].emplace(CipherSuite::initial(), is_client() ? secrets.client : secrets.server);
  rx_[initial].emplace(CipherSuite::initial(), is_client() ? secrets.server : secrets.client);
}

std::vector<std::uint8_t> HostilePeer::encode_parameters() const {
  if (raw_parameters) return *raw_parameters;
  constexpr std::uint64_t kMuch = 1 << 30;
  TransportParameters parameters;
  parameters[0x01] = as_varint(60'000);  // max_idle_timeout
  for (const std::uint64_t id : {0x04, 0x05, 0x06, 0x07}) parameters[id] = as_varint(kMuch);
  parameters[0x08] = parameters[0x09] = as_varint(10'000);  // streams
  parameters[0x0e] = as_varint(8);                          // active_connection_id_limit
  parameters[0x0f] = copy(own_id_.view());                  // initial_source_connection_id
  parameters[0x20] = as_varint(65'535);                     // max_datagram_frame_size
  if (!is_client()) parameters[0x00] = copy(first_id_.view());
  if (change_parameters) change_parameters(parameters);
  Frames encoded;
  for (const auto& [id, value] : parameters) encoded.varint(id).varint(value.size()).raw(value);
  return encoded.bytes();
}

std::vector<std::uint8_t> HostilePeer::make_hello() {
  holds_crypto_from = PacketType::kInitial;
  start_tls();
  advance_tls();
  return take_crypto(PacketType::kInitial);
}

bool HostilePeer::connect() {
  start_tls();
  advance_tls();
  // The victim may pace its packets.
  run_for(std::chrono::milliseconds(10));
  return has_keys() && !is_closed();
}

std::vector<std::uint8_t> HostilePeer::take_crypto(PacketType level) {
  CryptoOut& out = crypto_out_[index(level)];
  out.offset += out.bytes.size();
  return std::exchange(out.bytes, {});
}

void HostilePeer::feed_tls(PacketType level) {
  CryptoIn& in = crypto_in_[index(level)];
  for (auto& [offset, bytes] : in.pieces) {
    if (offset > in.taken || offset + bytes.size() <= in.taken) continue;
    const BytesView fresh = BytesView(bytes).subspan(in.taken - offset);
    in.taken += fresh.size();
    if (SSL_provide_quic_data(ssl_.get(), tls_level_of(level), fresh.data(), fresh.size()) != 1) {
      ERR_clear_error();
      return;
    }
    advance_tls();
  }
}

void HostilePeer::advance_tls() {
  ERR_clear_error();
  if (is_complete_) {
    (void)SSL_process_quic_post_handshake(ssl_.get());
  } else {
    is_complete_ = SSL_do_handshake(ssl_.get()) == 1;
  }
  ERR_clear_error();
  flush_crypto();
}

void HostilePeer::flush_crypto() {
  for (const PacketType level :
       {PacketType::kInitial, PacketType::kHandshake, PacketType::kOneRtt}) {
    if (holds_crypto_from && level >= *holds_crypto_from) return;
    const std::uint64_t offset = crypto_out_[index(level)].offset;
    std::vector<std::uint8_t> bytes = take_crypto(level);
    if (bytes.empty()) continue;
    if (change_crypto) change_crypto(level, bytes);
    for (std::size_t at = 0; at < bytes.size(); at += kMostCryptoBytes) {
      const BytesView rest = BytesView(bytes).subspan(at);
      send(level,
           Frames().crypto(offset + at, rest.first(std::min(rest.size(), kMostCryptoBytes))));
    }
  }
}

// ---- Packets out.

std::vector<std::uint8_t> HostilePeer::seal(PacketType level, BytesView payload) {
  const auto& key = tx_[index(level)];
  ECHOSTREAM_CHECK(key.has_value(), "there are keys for that level");
  PacketForm made = form;
  made.type = level;
  made.destination_id = victim_id_;
  made.source_id = own_id_;
  made.number = numbers_[index(level)]++;
  if (level == PacketType::kInitial) {
    made.least_bytes = kInitialBytes;
    if (is_client() && made.token.empty()) made.token = retry_token;
  }
  return seal_packet(*key, made, payload);
}

void HostilePeer::send(PacketType level, const Frames& frames) {
  send_datagram(seal(level, frames.bytes()));
}

void HostilePeer::send_datagram(BytesView bytes) {
  world_.deliver(victim_, address_, bytes);
  world_.flush(victim_);
  pump();
}

void HostilePeer::update_keys() {
  tx_secret_ = after_update(suite_, tx_secret_);
  tx_[index(PacketType::kOneRtt)].emplace(suite_, tx_secret_, first_tx_secret_);
  form.key_phase = !form.key_phase;
}

void HostilePeer::run_for(Duration duration) {
  world_.run_until(
      [this] {
        pump();
        return false;
      },
      duration);
}

// ---- Packets in.

std::uint64_t HostilePeer::count(std::uint64_t frame_type) const {
  const auto found = frames_seen.find(frame_type);
  return found == frames_seen.end() ? 0 : found->second;
}

// Not from inside the reading of another datagram: what a test sends from on_frame is answered in
// its turn.
void HostilePeer::pump() {
  if (std::exchange(is_pumping_, true)) return;
  while (!inbox_.empty()) {
    const std::vector<std::uint8_t> datagram = std::move(inbox_.front());
    inbox_.pop_front();
    ++datagrams_seen;
    bytes_seen += datagram.size();
    receive(datagram);
  }
  is_pumping_ = false;
}

void HostilePeer::receive(BytesView datagram) {
  while (!datagram.empty()) {
    const auto head = read_head(datagram, kIdBytes);
    if (!head) return;
    if (head->type == PacketType::kRetry) return receive_retry(*head, datagram);
    if (!is_client() && !ssl_) {
      first_id_ = head->destination_id;
      victim_id_ = head->source_id;
      if (on_hello && !on_hello(*head)) return;
      start_tls();
    }
    receive_packet(*head, datagram.first(head->size));
    datagram = datagram.subspan(head->size);
  }
}

void HostilePeer::receive_packet(const PacketHead& head, BytesView packet) {
  auto& key = rx_[index(head.type)];
  if (!key) return;
  auto& largest = largest_[index(head.type)];
  const std::uint64_t expected = largest ? *largest + 1 : 0;
  auto opened = open_packet(*key, head, packet, expected);
  if (!opened && head.type == PacketType::kOneRtt) {
    std::vector<std::uint8_t> secret = after_update(suite_, rx_secret_);
    PacketKey next(suite_, secret, first_rx_secret_);
    opened = open_packet(next, head, packet, expected);
    if (opened) {
      rx_secret_ = std::move(secret);
      key.emplace(suite_, rx_secret_, first_rx_secret_);
    }
  }
  if (!opened) return;
  // A server's choice of id.
  if (is_client() && head.type == PacketType::kInitial) victim_id_ = head.source_id;
  largest = std::max(largest.value_or(0), opened->number);
  for (const Frame& frame : read_frames(opened->payload)) receive_frame(head.type, frame);
}

void HostilePeer::receive_retry(const PacketHead& head, BytesView packet) {
  ++retries_seen;
  if (!is_client() || retries_seen > 1) return;
  const BytesView rest = packet.subspan(head.number_at);
  retry_token = copy(rest.first(rest.size() - kTagBytes));
  victim_id_ = head.source_id;
  install_initial_keys(victim_id_);
  // The ClientHello again, from the start.
  crypto_out_[index(PacketType::kInitial)] = {};
  is_complete_ = false;
  ssl_.reset();
  start_tls();
  install_initial_keys(victim_id_);
  advance_tls();
}

void HostilePeer::receive_frame(PacketType level, const Frame& frame) {
  ++frames_seen[frame.type];
  if (frame.is_close() && !close) close = frame;
  if (on_frame) on_frame(level, frame);
  if (frame.type != 0x06 || !ssl_) return;
  crypto_in_[index(level)].pieces[frame.offset] = frame.data;
  feed_tls(level);
}

}  // namespace echostream::testing
