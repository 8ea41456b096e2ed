// In place of side_door.cc where llhttp is missing.
#include "runtime/gateway/link/side_door.h"

namespace echostream::gateway {

bool has_side_door() { return false; }

Node::Impl::OpenSideDoor side_door_of(Node::Impl&, std::shared_ptr<HttpGateway>) { return {}; }

}  // namespace echostream::gateway
