// Links as bad as real ones are, chosen at random.
#pragma once

#include <string>

#include "echostream/testing/sim.h"

#include "runtime/sim/random.h"

namespace echostream::testing {

/// Between zero and `most`, all equally likely.
Duration some(Random& random, Duration most);
/// Any mixture of delay, jitter, loss, bursts, duplicates, reordering, damage, a small MTU and a
/// narrow rate; each may be absent.
LinkOptions random_link(Random& random);
/// For a log.
std::string describe(const LinkOptions& link);

}  // namespace echostream::testing
