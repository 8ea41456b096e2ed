// Runs recorded exchanges through the runtime's estimate of a peer's clock.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "echostream/base/result.h"
#include "echostream/clock.h"

#include "tools/echostream/timing/exchanges.h"

namespace echostream::tool {

struct ClockSummary {
  std::uint64_t exchanges = 0;
  std::uint64_t rows = 0;
  /// At the last row.
  ClockEstimate last;
  /// Rows in each state, in the order of ClockState.
  std::uint64_t rows_in_state[5] = {};
};

/// Writes an estimate for every 100 ms of the local clock, from the first reply to the last, each
/// from the exchanges up to its time. Needs the same memory however long the file is.
Result<ClockSummary> replay_clock(ExchangeReader& exchanges, std::ostream& out);

/// Some lines of text for people.
std::string to_text(const ClockSummary& summary);

}  // namespace echostream::tool
