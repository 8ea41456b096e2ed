// The plugins that a benchmark program runs with: --plugins.
#pragma once

#include <string_view>

#include "echostream/node.h"

namespace bench {

inline constexpr char kPluginsHelp[] =
    "auth_token, logging, metrics[=ADDRESS], tracing[=RATIO] (to /dev/null), as far as they are "
    "built";

/// Adds those of a list such as "metrics,tracing=0.01" to a node that has not started. Nothing for
/// an empty list.
echostream::Status add_plugins(echostream::Node& node, std::string_view list);

}  // namespace bench
