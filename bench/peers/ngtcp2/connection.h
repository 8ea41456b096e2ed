// One QUIC connection with nothing on it but streams: what ngtcp2 needs to work, and no more.
#pragma once

#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/support/udp_batch.h"
#include "runtime/transport/crypto/tls_handshake.h"
#include "runtime/transport/tls_context.h"

namespace bench::quic {

using Bytes = std::span<const std::uint8_t>;
/// Connection ids are eight bytes, so that they are found as numbers.
using Id = std::uint64_t;
inline constexpr std::size_t kIdBytes = sizeof(Id);
inline constexpr std::size_t kDatagramBytes = 1452;

class Connection;

/// A stream that is open. What is to be sent stays here until it was acknowledged.
struct Stream {
  /// What the program that reads it gathers.
  std::string received;
  std::uint64_t messages = 0;
  std::uint64_t message_bytes = 0;
  std::uint64_t message_left = 0;
  std::uint32_t header = 0;
  unsigned header_bytes = 0;

  /// Sent `total` bytes long, from the beginning again where that is more.
  std::string bytes;
  std::uint64_t total = 0;
  std::uint64_t sent = 0;
  bool fin = false;
  bool waits = false;  // listed among those that can be written
};

/// The program's side.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void on_data(Connection& connection, std::int64_t id, Stream& stream, Bytes data,
                       bool fin) = 0;
};

/// The endpoint's side: which ids lead to which connection.
class IdRegistry {
 public:
  virtual ~IdRegistry() = default;
  virtual void add(Id id, Connection& connection) = 0;
  virtual void remove(Id id) = 0;
};

class Connection {
 public:
  using TlsContext = echostream::transport::TlsContext;
  struct Setup {
    IdRegistry& ids;
    StreamHandler& handler;
    TlsContext& tls;
    sockaddr_in local;
    sockaddr_in remote;
    std::uint64_t now = 0;
  };
  /// A client's, which knocks with the next write().
  explicit Connection(const Setup& setup);
  /// A server's, for a client's first packet.
  Connection(const Setup& setup, const ngtcp2_pkt_hd& first);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Its handshake is complete.
  bool is_open() const { return open_; }
  /// Failed, or closed by either side: to be destroyed.
  bool is_over() const { return over_; }

  /// -1 while the peer allows no more streams.
  std::int64_t open_stream();
  Stream* find(std::int64_t id);
  /// Sends what was put into the stream.
  void send(std::int64_t id, Stream& stream);

  void handle_datagram(Bytes datagram, std::uint64_t now);
  std::uint64_t expiry() const { return over_ ? UINT64_MAX : ngtcp2_conn_get_expiry(connection_); }
  void handle_expiry(std::uint64_t now);
  /// All packets that may be sent now.
  void write(UdpBatch& socket, std::uint64_t now);
  /// Says goodbye.
  void close(UdpBatch& socket, std::uint64_t now);

 private:
  static ngtcp2_callbacks callbacks();
  static void add_stream_callbacks(ngtcp2_callbacks& callbacks);
  void attach(ngtcp2_conn* connection);
  ngtcp2_path path();
  Id make_id(ngtcp2_cid& out);
  ngtcp2_ssize write_packet(std::uint8_t* out, std::uint64_t now);
  ngtcp2_ssize write_stream(std::uint8_t* out, std::int64_t id, Stream& stream, std::uint64_t now,
                            ngtcp2_ssize& taken);

  IdRegistry& registry_;
  StreamHandler& handler_;
  echostream::transport::TlsHandshake tls_;
  sockaddr_in local_;
  sockaddr_in remote_;
  ngtcp2_conn* connection_ = nullptr;
  std::vector<Id> ids_;
  std::unordered_map<std::int64_t, Stream> streams_;
  std::deque<std::int64_t> ready_;
  bool open_ = false;
  bool over_ = false;
};

}  // namespace bench::quic
