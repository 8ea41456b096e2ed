// What both sides of a pairing have in common: a node for it alone, and steps that are sent and
// received.
#pragma once

#include <string>

#include "echostream/base/result.h"
#include "echostream/base/status.h"
#include "echostream/known_peers.h"
#include "echostream/node.h"
#include "echostream/pairing/pairing.h"
#include "echostream/pairing/v1/pairing.echostream.h"
#include "echostream/session.h"
#include "echostream/stream.h"

#include "discovery/pairing/exchange.h"

namespace echostream::pairing {

using Step = v1::PairingStep;

/// INVALID_ARGUMENT when something is missing or wrong.
Status check_options(const PairingOptions& options);

/// Of a node that believes anybody, and shows its own certificate to everybody.
NodeOptions node_options(const PairingOptions& options);

/// What TLS says of a session between the two. UNAVAILABLE when it is closed.
Result<Binding> bind(Role role, const Session& session, const Fingerprint& own);

/// Whether the name stands for another certificate in the list: ALREADY_EXISTS.
Status check_conflict(const KnownPeers& peers, const std::string& name,
                      const Fingerprint& fingerprint);

/// The next step, which must be of that kind: PERMISSION_DENIED. Otherwise why there is none.
Task<Result<Step>> read_step(Reader<Step>& in, Step::StepCase kind);

Step greeting_step(const Greeting& greeting);
Step confirmation_step(const std::string& confirmation);
Step listed_step();

}  // namespace echostream::pairing
