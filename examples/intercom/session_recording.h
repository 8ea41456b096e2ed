// What a station says and hears, as a file that Foxglove's tools and `echostream recording` open.
#pragma once

#include <string>

#include "echostream/base/status.h"
#include "echostream/node.h"

namespace intercom {

/// Records the messages of all sessions of `node` to the MCAP file `path`; does nothing when that
/// is empty. Before the node starts. UNIMPLEMENTED in a build without the plugin recorder.
echostream::Status record_sessions(echostream::Node& node, const std::string& path);

}  // namespace intercom
