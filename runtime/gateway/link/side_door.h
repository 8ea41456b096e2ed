// Whether this build has the TCP side door (docs/http.md), which needs llhttp, and how it is
// opened.
#pragma once

#include <memory>

#include "runtime/api/node_impl.h"
#include "runtime/gateway/link/http_gateway.h"

namespace echostream::gateway {

bool has_side_door();
/// Only where there is one.
Node::Impl::OpenSideDoor side_door_of(Node::Impl& node, std::shared_ptr<HttpGateway> gateway);

}  // namespace echostream::gateway
