// echostream.console.v1.Console: what the node is doing, for the page that this folder holds.
#pragma once

#include <cstddef>

#include "echostream/base/status.h"

namespace echostream {
class Node;
}

namespace echostream::gateway {

/// Watches that a node has at once, and those of one session: each makes it look at every session
/// and stream again and again.
inline constexpr std::size_t kMostWatches = 32;
inline constexpr std::size_t kMostWatchesPerSession = 8;
/// What a snapshot tells of, the oldest first.
inline constexpr std::size_t kMostSessionsTold = 200;
inline constexpr std::size_t kMostStreamsTold = 200;

/// Serves it, and watches the streams that begin from now on. On the node's loop. ALREADY_EXISTS:
/// it is served already.
Status serve_console(Node& node);

}  // namespace echostream::gateway
