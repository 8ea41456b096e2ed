// Judges a peer's certificate by a list of known peers: Trust::known_peers().
#pragma once

#include "echostream/security.h"

#include "runtime/transport/certificate_check.h"
#include "runtime/transport/peer_name.h"

namespace echostream::transport {

/// Of a server that was dialled as `dialled`. OK for one that `trust` accepts at its first use.
Verdict check_known_server(const Trust& trust, const PeerName& dialled, const Fingerprint& shown);
/// Of a client: it is in the list.
Verdict check_known_client(const Trust& trust, const Fingerprint& shown);

}  // namespace echostream::transport
