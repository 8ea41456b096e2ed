// Dialling by name: tries the addresses side by side as they are found, each a little after the one
// before (RFC 8305), and keeps the first that completes its handshake, or can send early data.
#pragma once

#include <string>

#include "echostream/base/task.h"

#include "runtime/api/node_impl.h"

namespace echostream::internal {

/// Gives up after `timeout`; the node's handshake timeout bounds each handshake as well.
Task<Result<Session>> connect(Node::Impl& node, std::string target, ConnectOptions options,
                              Duration timeout);

}  // namespace echostream::internal
