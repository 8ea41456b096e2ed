// Nodes that were found, for people and as JSON. All of it comes from neighbours whom nobody knows:
// nothing gets out that a terminal would obey.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/discovery/browser.h"

namespace echostream::tool {

/// "appeared", "changed" or "gone".
std::string_view to_string(discovery::NodeEvent::Kind kind);

/// "appeared  camera  192.0.2.7:4433  acme.v1.Camera  location=door".
std::string event_line(const discovery::NodeEvent& event);

/// One JSON object. Bytes that are not printable are written as in a terminal, "\x1b", before the
/// text is made a JSON string, so that whatever they were it is valid JSON.
std::string event_json(const discovery::NodeEvent& event);

/// A headline and a line for each node.
std::vector<std::string> node_table(const std::vector<discovery::DiscoveredNode>& nodes);

/// "location=door", as --property takes it. kInvalidArgument without '=' or key.
Result<std::pair<std::string, std::string>> parse_property(const std::string& text);

}  // namespace echostream::tool
