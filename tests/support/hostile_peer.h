// A QUIC endpoint that breaks rules, with keys: it does a real TLS handshake with one of our
// endpoints, as client or as server, and then writes whatever packets and frames a test wants. It
// keeps none of QUIC's promises by itself: no acknowledgements, no retransmission, no flow control.
// Answers are read at once, without delay.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/transport/peer_check.h"
#include "tests/support/quic_frames.h"
#include "tests/support/quic_packets.h"
#include "tests/support/quic_pair.h"

namespace echostream::testing {

/// Transport parameters (RFC 9000 section 18) by id.
using TransportParameters = std::map<std::uint64_t, std::vector<std::uint8_t>>;
std::vector<std::uint8_t> as_varint(std::uint64_t value);

class HostilePeer {
 public:
  enum class Role : std::uint8_t { kClient, kServer };
  /// Takes over what is sent to `address` in the world, in front of the world's tap.
  HostilePeer(QuicWorld& world, Role role, const SocketAddress& address, QuicHost& victim);
  HostilePeer(const HostilePeer&) = delete;
  HostilePeer& operator=(const HostilePeer&) = delete;

  // ---- Before the handshake.
  /// Changes the parameters that a decent peer would send; or replaces their bytes.
  std::function<void(TransportParameters&)> change_parameters;
  std::optional<std::vector<std::uint8_t>> raw_parameters;
  std::string alpn = "echostream/1";
  /// Changes a handshake message before it is sent: level, bytes.
  std::function<void(PacketType, std::vector<std::uint8_t>&)> change_crypto;
  /// TLS bytes of our side that are due are kept, to be taken with take_crypto(), from this level
  /// on.
  std::optional<PacketType> holds_crypto_from;

  /// Client: the ClientHello, unsent.
  std::vector<std::uint8_t> make_hello();
  /// Client: handshake from the ClientHello on. True when both ends have their 1-RTT keys.
  bool connect();
  /// The CRYPTO bytes of that level that were not sent yet.
  std::vector<std::uint8_t> take_crypto(PacketType level);

  // ---- Packets.
  /// Seals the frames, hands the packet to the victim, and reads what it answers.
  void send(const Frames& frames) { send(PacketType::kOneRtt, frames); }
  void send(PacketType level, const Frames& frames);
  /// The packet alone, with the next packet number of its level.
  std::vector<std::uint8_t> seal(PacketType level, BytesView payload);
  void send_datagram(BytesView bytes);
  /// What the next packets look like.
  PacketForm form;
  std::uint64_t next_number(PacketType level) const { return numbers_[index(level)]; }
  void skip_to_number(PacketType level, std::uint64_t number) { numbers_[index(level)] = number; }
  /// Our next packets are sealed with the keys of the next phase (RFC 9001 section 6).
  void update_keys();
  void rebind(const SocketAddress& address) { address_ = address; }
  /// Lets time pass, reading what comes.
  void run_for(Duration duration);

  // ---- What the victim said.
  bool has_keys() const {
    return tx_[index(PacketType::kOneRtt)] && rx_[index(PacketType::kOneRtt)];
  }
  bool is_closed() const { return close.has_value(); }
  std::uint64_t count(std::uint64_t frame_type) const;
  std::optional<std::uint64_t> largest_number(PacketType level) const {
    return largest_[index(level)];
  }
  /// Its CONNECTION_CLOSE.
  std::optional<Frame> close;
  std::map<std::uint64_t, std::uint64_t> frames_seen;  // type, count
  std::uint64_t bytes_seen = 0;
  std::uint64_t datagrams_seen = 0;
  std::uint64_t retries_seen = 0;
  std::vector<std::uint8_t> retry_token;
  /// Every frame, as it comes.
  std::function<void(PacketType, const Frame&)> on_frame;
  /// Server: a client's first packet arrived, to which nothing was answered yet. False: do not.
  std::function<bool(const PacketHead&)> on_hello;

  const transport::ConnectionId& victim_id() const { return victim_id_; }
  const transport::ConnectionId& own_id() const { return own_id_; }
  QuicHost& victim() { return victim_; }

 private:
  static constexpr std::size_t kLevels = 5;
  static constexpr std::size_t index(PacketType type) { return static_cast<std::size_t>(type); }
  struct Callbacks;
  /// CRYPTO bytes of one level that came, in any order, and how many of them TLS has.
  struct CryptoIn {
    std::map<std::uint64_t, std::vector<std::uint8_t>> pieces;
    std::uint64_t taken = 0;
  };
  struct CryptoOut {
    std::vector<std::uint8_t> bytes;
    std::uint64_t offset = 0;
  };

  bool is_client() const { return role_ == Role::kClient; }
  void start_tls();
  void install_initial_keys(const transport::ConnectionId& id);
  std::vector<std::uint8_t> encode_parameters() const;
  void pump();
  void receive(BytesView datagram);
  void receive_packet(const PacketHead& head, BytesView packet);
  void receive_retry(const PacketHead& head, BytesView packet);
  void receive_frame(PacketType level, const Frame& frame);
  void advance_tls();
  void feed_tls(PacketType level);
  void flush_crypto();

  QuicWorld& world_;
  Role role_;
  SocketAddress address_;
  QuicHost& victim_;
  std::shared_ptr<TlsContext> context_;
  transport::PeerCheck check_;
  bssl::UniquePtr<SSL> ssl_;
  bool is_complete_ = false;
  transport::ConnectionId own_id_;
  transport::ConnectionId victim_id_;
  transport::ConnectionId first_id_;  // of the client's first packet
  transport::CipherSuite suite_ = transport::CipherSuite::initial();
  std::array<std::optional<PacketKey>, kLevels> tx_;
  std::array<std::optional<PacketKey>, kLevels> rx_;
  std::vector<std::uint8_t> first_tx_secret_, tx_secret_, first_rx_secret_, rx_secret_;
  std::array<std::uint64_t, kLevels> numbers_{};
  std::array<std::optional<std::uint64_t>, kLevels> largest_;
  std::array<CryptoIn, kLevels> crypto_in_;
  std::array<CryptoOut, kLevels> crypto_out_;
  std::deque<std::vector<std::uint8_t>> inbox_;
  bool is_pumping_ = false;
};

}  // namespace echostream::testing
