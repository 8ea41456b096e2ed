#include "runtime/gateway/link/side_door.h"

#include <utility>

#include "runtime/gateway/link/tcp_side_door.h"

namespace echostream::gateway {

bool has_side_door() { return true; }

Node::Impl::OpenSideDoor side_door_of(Node::Impl& node, std::shared_ptr<HttpGateway> gateway) {
  return [&node, gateway = std::move(gateway)](const SocketAddress& bind_to, bool shares_port,
                                               std::shared_ptr<transport::TlsContext> tls) {
    return TcpSideDoor::open(node, *gateway, bind_to, shares_port, std::move(tls));
  };
}

}  // namespace echostream::gateway
