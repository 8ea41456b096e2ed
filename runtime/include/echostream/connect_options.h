// How Node::connect() dials.
#pragma once

#include "echostream/base/task.h"

namespace echostream {

struct ConnectOptions {
  /// False: a full handshake, even where there is a ticket. What it brings is kept all the same.
  bool resume = true;
  /// With a ticket of an earlier session with that server, connect() returns before the handshake
  /// is complete: rpcs that the .proto marks `idempotent` are sent at once, as early data (0-RTT,
  /// RFC 9001 section 4.6), and answered a round trip sooner; every other call and event waits
  /// until the session is open. A server that does not take the early data gets it again after the
  /// handshake.
  ///
  /// A call sent early may run twice when an attacker holds packets back and repeats them: see
  /// docs/early-data.md. Without a ticket connect() waits for the handshake, as ever.
  /// Needs `resume`.
  bool early_data = false;
};
static_assert(kSafeInAwait<ConnectOptions>);

}  // namespace echostream
