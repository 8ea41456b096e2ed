// The TCP side door of a node (docs/http.md): a listener, and the clients that came through it.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "runtime/api/side_door.h"
#include "runtime/gateway/link/door_connection.h"
#include "runtime/transport/address_budget.h"

namespace echostream::gateway {

class TcpSideDoor final : public internal::SideDoor,
                          private DoorConnection::Owner,
                          private ReadyNode {
 public:
  /// `bind_to` is the address, with the port, of the node's UDP socket. The gateway outlives it.
  /// What Loop::listen_tcp() says.
  static Result<std::unique_ptr<internal::SideDoor>> open(
      Node::Impl& node, HttpGateway& gateway, const SocketAddress& bind_to, bool shares_port,
      std::shared_ptr<transport::TlsContext> tls);

  // internal::SideDoor
  void set_server_tls(std::shared_ptr<transport::TlsContext> tls) override {
    tls_ = std::move(tls);
  }
  void stop_accepting() override { is_accepting_ = false; }
  void flush_now() override;

 private:
  TcpSideDoor(Node::Impl& node, HttpGateway& gateway, std::uint16_t port,
              std::shared_ptr<transport::TlsContext> tls);

  // DoorConnection::Owner
  Node::Impl& node() override { return node_; }
  HttpGateway& gateway() override { return gateway_; }
  const std::string& alt_svc() const override { return alt_svc_; }
  Status admit() const override;
  void refused(const SocketAddress& client, const Status& why) override;
  void handshake_over() override { --handshakes_; }
  void over_soon() override;

  void on_ready() override;
  void accept(std::unique_ptr<TcpConnection> tcp);
  Status admit(LocalTime now, const SocketAddress& client);
  void drop_oldest_handshake();

  Node::Impl& node_;
  HttpGateway& gateway_;
  const std::string alt_svc_;
  std::shared_ptr<transport::TlsContext> tls_;
  bool is_accepting_ = true;
  std::size_t handshakes_ = 0;
  transport::AddressCounts addresses_;
  transport::NetworkRateLimit networks_;
  std::list<std::unique_ptr<DoorConnection>> connections_;  // the oldest first
  std::unique_ptr<TcpListener> listener_;
};

}  // namespace echostream::gateway
