// Whom a dialler meets for the first time is known from then on: Trust::known_peers() with
// FirstUse::kAccept.
#pragma once

#include <optional>
#include <string>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/known_peers.h"
#include "echostream/peer_identity.h"
#include "echostream/socket_address.h"

namespace echostream::internal {

/// Writes the peer down by that name. Once it has proved to have its key, and before anything is
/// said to it: UNAUTHENTICATED when the name stands for another certificate by now, or there is
/// none; else what KnownPeers::add() says, or that it threw. `any`: it may be known by another
/// name. What to tell the user, when it is new; empty otherwise.
Result<std::string> meet_peer(KnownPeers& peers, const std::optional<PeerIdentity>& identity,
                              const SocketAddress& address, const std::string& name, bool any,
                              WallTime now);

}  // namespace echostream::internal
