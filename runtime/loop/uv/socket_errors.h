// Why the system gives no socket, for a person.
#pragma once

#include "echostream/base/status.h"
#include "echostream/socket_address.h"

namespace echostream::internal {

/// UNAVAILABLE, with the system's reason (an errno) and what helps. `kind`: "UDP", "TCP".
Status cannot_open_socket(const char* kind, const SocketAddress& address, int error);

}  // namespace echostream::internal
