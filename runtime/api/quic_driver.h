// Joins a UDP socket (and those that sessions have moved to), one QUIC endpoint and the loop:
// datagrams in, datagrams out, one timer.
// Writes once after everything that was readable has been handled and every task that it woke has
// run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "echostream/loop.h"

#include "runtime/api/path_socket.h"
#include "runtime/api/quic_link.h"
#include "runtime/api/shared_port.h"
#include "runtime/transport/quic_endpoint.h"

namespace echostream::internal {

class QuicDriver final : private UdpHandler,
                         private PathSocket::Owner,
                         private transport::QuicEndpointSink,
                         private ReadyNode,
                         private TimerNode {
 public:
  /// Makes what an accepted connection reports to, which the connection calls until on_closed();
  /// null refuses it. QuicConnection::alpn() says what the two ends talk.
  using Accept =
      UniqueFunction<transport::QuicConnectionSink*(QuicDriver&, transport::QuicConnection&)>;

  /// Hears of clients that were not let in.
  using Refused = UniqueFunction<void(const SocketAddress& client, const Status& why)>;

  /// `member`: shares the port with drivers of other loops; without one the port is its own.
  static Result<std::unique_ptr<QuicDriver>> open(Loop& loop, const SocketAddress& bind_to,
                                                  transport::QuicEndpoint::Options options,
                                                  Accept accept, Refused refused,
                                                  PortMember member = {});
  ~QuicDriver() override;

  SocketAddress local_address() const { return socket_->local_address(); }
  /// Starts a handshake whose connection reports to `sink`.
  Result<transport::QuicConnection*> connect(transport::QuicEndpoint::Dial dial,
                                             transport::QuicConnectionSink& sink);

  /// Moves a connection to a new socket, bound to `local` or to any address. Its name, which
  /// on_migrated() will say; or why it cannot begin.
  Result<SocketAddress> migrate(transport::QuicConnection& connection, const SocketAddress& local);
  /// The sockets that the connection no longer needs are closed, in a moment.
  void migration_over(transport::QuicConnection& connection, const SocketAddress& to, bool moved);
  /// Whether a session that began to use the address `home` should look for another one.
  bool has_lost(const SocketAddress& home, const SocketAddress& remote, bool is_bound_to_it) const;

  /// Writes what waits, once the tasks that are ready have run.
  void flush_soon() {
    if (!is_scheduled()) loop_.schedule_last(*this);
  }
  /// Frees a connection that has closed, outside of its callbacks.
  void release_soon(transport::QuicConnection& connection);
  void set_server_tls(std::shared_ptr<transport::TlsContext> tls) {
    endpoint_->set_server_tls(std::move(tls));
  }
  transport::EndpointStats endpoint_stats() const { return endpoint_->stats(); }
  /// Refuses new clients from now on.
  void stop_accepting() { endpoint_->stop_accepting(); }
  /// Writes what waits at once: the last packets before the node goes away.
  void flush_now();

 private:
  QuicDriver(Loop& loop, transport::QuicEndpoint::Options options, Accept accept, Refused refused,
             PortMember member);

  // UdpHandler; the shared port calls the first two as the socket does.
  void handle_datagram(const ReceivedDatagram& datagram) override;
  void handle_batch_end() override { flush_soon(); }
  void handle_writable() override;
  // PathSocket::Owner
  void handle_path_datagram(PathSocket& socket, const ReceivedDatagram& datagram) override;
  void handle_path_batch_end() override { flush_soon(); }
  void handle_path_writable() override { handle_writable(); }
  // transport::QuicEndpointSink
  transport::QuicConnectionSink* on_incoming(LocalTime now,
                                             transport::QuicConnection& connection) override;
  void on_refused(LocalTime, const SocketAddress& client, const Status& why) override {
    refused_(client, why);
  }
  void on_misdelivered(LocalTime now, std::size_t owner,
                       const transport::IncomingDatagram& datagram) override;
  void on_ready() override { flush_now(); }
  void on_timer(LocalTime now) override;

  bool send(const transport::Transmit& transmit);
  void close_later(PathSocket& path, LocalTime at);
  void close_unused(LocalTime now);

  Loop& loop_;
  Accept accept_;
  Refused refused_;
  PortMember member_;
  std::unique_ptr<transport::QuicEndpoint> endpoint_;
  std::unique_ptr<UdpSocket> socket_;
  std::map<SocketAddress, std::unique_ptr<PathSocket>> paths_;  // by name
  LocalTime next_close_ = kNever;
  std::vector<transport::QuicConnection*> closed_;
  std::optional<transport::Transmit> blocked_;
};

}  // namespace echostream::internal
