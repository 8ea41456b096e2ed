// The connections of one UDP socket, and the loop that serves them.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "bench/peers/ngtcp2/connection.h"
#include "bench/support/udp_batch.h"

namespace bench::quic {

class Endpoint final : private IdRegistry {
 public:
  using TlsContext = Connection::TlsContext;
  Endpoint(std::unique_ptr<UdpBatch> socket, std::shared_ptr<TlsContext> tls, bool is_server,
           StreamHandler& handler);
  ~Endpoint();

  const sockaddr_in& local() const { return socket_->local(); }
  /// Begins a handshake; turn() until it is_open() or is_over(). Lives until close().
  Connection& dial(const sockaddr_in& to);
  /// Ends and destroys the connection.
  void close(Connection& connection);
  /// Sends what there is to send, waits for datagrams or for a timer, at most so long, and handles
  /// them. The answers go out with the next turn: one batch of reads, one of writes.
  void turn(std::int64_t most_ns);
  /// There is something to send for it.
  void touch(Connection& connection) { touched_.push_back(&connection); }

 private:
  void add(Id id, Connection& connection) override { by_id_[id] = &connection; }
  void remove(Id id) override { by_id_.erase(id); }
  void flush();
  void handle_datagram(Bytes datagram, const sockaddr_in& from);
  Connection* accept(Bytes datagram, const sockaddr_in& from);
  std::int64_t nanoseconds_to_timer() const;
  void handle_timers();
  void remove_over();

  std::unique_ptr<UdpBatch> socket_;
  std::shared_ptr<TlsContext> tls_;
  bool is_server_;
  StreamHandler& handler_;
  std::uint64_t now_;
  std::unordered_map<Id, Connection*> by_id_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> touched_;
};

inline constexpr const char* kAlpn = "bench";

}  // namespace bench::quic
