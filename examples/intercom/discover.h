// Stations that find each other on the local network (docs/discovery.md).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "echostream/node.h"
#include "echostream/security.h"

namespace intercom {

/// "echostream+mdns:" and the station's name; or, when that is empty, the service that every
/// station serves: whoever is found first that may be trusted.
std::string target_of(const std::string& station);

/// What keeps a station announced, until it is destroyed, which must be before its node is.
class Announced {
 public:
  virtual ~Announced() = default;
};

/// Announces the station by that name. `say` gets a sentence about it, now and when it changes: the
/// name that others see, or why they see none.
echostream::Result<std::unique_ptr<Announced>> announce_station(
    echostream::Node& node, const std::string& name, std::function<void(const std::string&)> say);

/// Lets the node dial target_of().
echostream::Status find_stations(echostream::Node& node);

/// Believes the stations in that file, and those whose name is not in it the first time.
echostream::Result<echostream::Trust> trust_known_stations(const std::string& path);

}  // namespace intercom
