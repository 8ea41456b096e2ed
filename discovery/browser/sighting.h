// What one instance, on one interface over one IP version, says of the node behind it.
#pragma once

#include <optional>
#include <string>

#include "echostream/discovery/dns_sd.h"
#include "echostream/socket_address.h"

#include "discovery/records/text_record.h"

namespace echostream::discovery {

struct Sighting {
  std::string host;
  SocketAddress address;
  TextRecord record;

  friend bool operator==(const Sighting&, const Sighting&) = default;
};

/// Nothing when it makes no sense: port 0; an address that nobody has (any, multicast, broadcast);
/// a loopback address, unless the instance was seen on interface 1, which is Linux' loopback
/// interface, for only this machine can mean itself; a link-local IPv6 address on no interface.
std::optional<Sighting> read_sighting(const Instance& instance, const ResolvedInstance& says);

}  // namespace echostream::discovery
