// The picture of a clock estimate: how the offset moved, and how well it is known.
#pragma once

#include <string>
#include <vector>

#include "tools/echostream/plot/figure.h"
#include "tools/echostream/timing/exchanges.h"

namespace echostream::tool {

/// `exchanges` and `title` may be empty.
Figure make_clock_figure(const std::vector<OffsetEstimate>& estimates,
                         const std::vector<Exchange>& exchanges, const std::string& title);

}  // namespace echostream::tool
