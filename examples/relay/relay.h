// Forwards UDP between its clients and one target, through a bad link each way. A client is a
// source port: each gets a port of its own towards the target, as behind a NAT.
#pragma once

#include <map>
#include <memory>

#include "echostream/loop.h"

#include "link.h"

namespace relay {

struct RelayOptions {
  echostream::SocketAddress listen;
  echostream::SocketAddress target;
  LinkOptions link;
  std::uint64_t seed = 1;
};

class Relay final : private echostream::UdpHandler {
 public:
  static echostream::Result<std::unique_ptr<Relay>> open(echostream::Loop& loop,
                                                         const RelayOptions& options);
  ~Relay() override;

  echostream::SocketAddress address() const { return socket_->local_address(); }
  std::size_t client_count() const noexcept { return clients_.size(); }
  const LinkStats& to_target() const noexcept { return to_target_.stats(); }
  const LinkStats& to_clients() const noexcept { return to_clients_.stats(); }
  /// Datagrams that this machine would not send, or that came from clients beyond the limit.
  std::uint64_t refused() const noexcept { return refused_; }

 private:
  class Client;

  Relay(echostream::Loop& loop, const RelayOptions& options);
  void handle_datagram(const echostream::ReceivedDatagram& datagram) override;
  void handle_batch_end() override {}
  void handle_writable() override {}

  Client* find_or_add(const echostream::ReceivedDatagram& datagram);
  bool make_room();
  void send_to_target(ClientId id, echostream::Ecn ecn, echostream::BytesView data);
  void send_to_client(ClientId id, echostream::Ecn ecn, echostream::BytesView data);
  void send(echostream::UdpSocket& socket, const echostream::OutgoingDatagrams& datagrams);

  echostream::Loop& loop_;
  RelayOptions options_;
  Link to_target_;
  Link to_clients_;
  std::unique_ptr<echostream::UdpSocket> socket_;
  std::map<ClientId, std::unique_ptr<Client>> clients_;
  std::map<echostream::SocketAddress, ClientId> ids_;
  std::uint64_t next_id_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace relay
