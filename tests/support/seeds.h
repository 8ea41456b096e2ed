// Scenarios that run over many seeds, and can be replayed at one.
#pragma once

#include <cstdint>
#include <functional>

namespace echostream::testing {

/// Calls `scenario(seed)` for the seeds 1 to `count`, or only for that in the environment variable
/// ECHOSTREAM_SEED; ECHOSTREAM_SEEDS=n asks for n instead of `count`. Stops at the first seed at
/// which the test fails, and prints the command that runs it again.
void for_each_seed(std::uint64_t count, const std::function<void(std::uint64_t)>& scenario);

}  // namespace echostream::testing
