// As whom a peer is dialled.
#pragma once

#include <string>

namespace echostream::transport {

/// For Trust::known_peers().
struct PeerName {
  std::string name;
  /// Whoever is known by any name will do.
  bool any = false;
};

}  // namespace echostream::transport
