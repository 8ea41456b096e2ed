// What is published of a node.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/plugin.h"

namespace echostream::discovery {

using Properties = std::vector<std::pair<std::string, std::string>>;

/// INVALID_ARGUMENT says which of name (which must not be empty any more) and interface does not
/// fit, and what would. The others are for make_registration().
Status check_options(const AnnounceOptions& options);

/// Everything but the interface. `node_id` and `properties` are the user's; those of the
/// announcement come after them, and of several with one key the first counts.
/// INVALID_ARGUMENT when it does not fit; otherwise FAILED_PRECONDITION when the node listens
/// nowhere where others could reach it.
Result<Registration> make_registration(const Announcement& announcement, const std::string& node_id,
                                       const Properties& properties);

/// The port that others should dial: of the first address that is not for this machine alone.
Result<std::uint16_t> announced_port(const std::vector<SocketAddress>& listening);

}  // namespace echostream::discovery
