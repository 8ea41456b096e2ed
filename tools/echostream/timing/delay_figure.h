// The picture of a stream's playout: what the network did, and what the jitter buffer made of it.
#pragma once

#include <string>
#include <vector>

#include "tools/echostream/plot/figure.h"
#include "tools/echostream/timing/decisions.h"
#include "tools/echostream/timing/trace.h"

namespace echostream::tool {

/// `title` may be empty.
Figure make_delay_figure(const Trace& trace, const std::vector<Decision>& decisions,
                         const std::string& title);

}  // namespace echostream::tool
