// A session without a network, for unit tests of services and clients.
#pragma once

#include <utility>

#include "echostream/node.h"
#include "echostream/session.h"

namespace echostream::testing {

/// Joins two nodes of one loop, or a node with itself, by a session in memory: no TLS, no sockets,
/// no delay, nothing lost. Everything above the transport is the real thing, limits and flow
/// control included. First the end of `a`, then the end of `b`. Both are open at once, unless
/// plugins of their nodes look at the peer first.
std::pair<Session, Session> connect_in_memory(Node& a, Node& b);

}  // namespace echostream::testing
