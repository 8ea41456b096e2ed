#include "runtime/gateway/link/tcp_side_door.h"

#include <algorithm>
#include <utility>

namespace echostream::gateway {
namespace {

// Handshakes at once. Above it the oldest has to go: a client in earnest needs two round trips.
constexpr std::size_t kMostHandshakes = 512;
// How long a browser remembers where HTTP/3 is (RFC 7838 3.1). An hour: the next run of the node
// may have another port.
constexpr char kRemembered[] = "; ma=3600";

}  // namespace

TcpSideDoor::TcpSideDoor(Node::Impl& node, HttpGateway& gateway, std::uint16_t port,
                         std::shared_ptr<transport::TlsContext> tls)
    : node_(node),
      gateway_(gateway),
      alt_svc_("h3=\":" + std::to_string(port) + "\"" + kRemembered),
      tls_(std::move(tls)),
      addresses_(node.context.options.max_sessions_per_address),
      networks_(node.context.options.max_handshakes_per_network,
                {node.random_number(), node.random_number()}) {}

Result<std::unique_ptr<internal::SideDoor>> TcpSideDoor::open(
    Node::Impl& node, HttpGateway& gateway, const SocketAddress& bind_to, bool shares_port,
    std::shared_ptr<transport::TlsContext> tls) {
  std::unique_ptr<TcpSideDoor> door(new TcpSideDoor(node, gateway, bind_to.port(), std::move(tls)));
  TcpOptions options;
  options.bind_to = bind_to;
  options.reuse_port = shares_port;
  auto listener = node.loop.listen_tcp(
      options,
      [self = door.get()](std::unique_ptr<TcpConnection> tcp) { self->accept(std::move(tcp)); });
  if (!listener) return std::move(listener).error().with_context("the TCP side door");
  door->listener_ = *std::move(listener);
  return std::unique_ptr<internal::SideDoor>(std::move(door));
}

void TcpSideDoor::accept(std::unique_ptr<TcpConnection> tcp) {
  const LocalTime now = node_.loop.now();
  const SocketAddress client = tcp->remote_address();
  if (Status status = admit(now, client); !status.is_ok()) return refused(client, status);
  auto tls = transport::TlsStream::make_server(tls_);
  if (tls == nullptr) return;
  if (handshakes_ >= kMostHandshakes) drop_oldest_handshake();
  ++handshakes_;
  ++node_.context.counts.handshakes_started;
  addresses_.add(client);
  DoorConnection::Owner& owner = *this;
  connections_.push_back(std::make_unique<DoorConnection>(owner, std::move(tcp), std::move(tls)));
}

// Those whose handshake is under way count as well: they are what a flood is made of.
Status TcpSideDoor::admit(LocalTime now, const SocketAddress& client) {
  Status status = admit();
  if (!status.is_ok()) return status;
  if (connections_.size() >= node_.context.options.max_sessions) {
    return {StatusCode::kResourceExhausted, "too many TCP connections (NodeOptions::max_sessions)"};
  }
  if (!addresses_.has_room(client)) {
    return {StatusCode::kResourceExhausted,
            "too many of one address (NodeOptions::max_sessions_per_address)"};
  }
  if (!networks_.take(now, client)) {
    return {StatusCode::kResourceExhausted,
            "too many of one network (NodeOptions::max_handshakes_per_network)"};
  }
  return Status::ok();
}

Status TcpSideDoor::admit() const {
  if (!is_accepting_ || node_.shutting_down) {
    return {StatusCode::kUnavailable, "this node is shutting down"};
  }
  if (node_.sessions.size() >= node_.context.options.max_sessions) {
    return {StatusCode::kResourceExhausted, "too many sessions (NodeOptions::max_sessions)"};
  }
  return Status::ok();
}

void TcpSideDoor::refused(const SocketAddress& client, const Status& why) {
  ++node_.context.counts.clients_refused;
  node_.refusals.warn(node_.loop.now(), "refused a client at the TCP side door, " +
                                            client.to_string() + ": " + why.to_string());
}

void TcpSideDoor::drop_oldest_handshake() {
  const auto oldest =
      std::find_if(connections_.begin(), connections_.end(),
                   [](const auto& connection) { return connection->is_shaking_hands(); });
  if (oldest != connections_.end()) (*oldest)->drop();
}

void TcpSideDoor::over_soon() {
  if (!is_scheduled()) node_.loop.schedule_last(*this);
}

void TcpSideDoor::on_ready() {
  for (auto it = connections_.begin(); it != connections_.end();) {
    if (!(*it)->is_dead()) {
      ++it;
      continue;
    }
    addresses_.remove((*it)->remote_address());
    it = connections_.erase(it);
  }
}

void TcpSideDoor::flush_now() {
  for (const auto& connection : connections_) {
    while (!connection->is_dead()) {
      connection->pump();
      if (!connection->goes_on_later()) break;
    }
  }
}

}  // namespace echostream::gateway
