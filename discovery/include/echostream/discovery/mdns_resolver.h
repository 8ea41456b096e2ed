// Connecting by name: node.connect("echostream+mdns:acme.v1.Camera").
#pragma once

#include <memory>
#include <string>

#include "echostream/base/task.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/resolver.h"

namespace echostream::discovery {

inline constexpr char kMdnsScheme[] = "echostream+mdns";

class MdnsResolverOptions {
 public:
  MdnsResolverOptions() {}

  /// For trust in certificate authorities: the name that every device's certificate has. Empty: a
  /// device that is dialled by its name must have that in its certificate, so it must be a host
  /// name; one that is dialled by a service cannot be dialled.
  std::string server_name;
};
static_assert(kSafeInAwait<MdnsResolverOptions>);

/// For Node::add_resolver(). What stands behind "echostream+mdns:" is
///   acme.v1.Camera       a service: whoever serves it. Also ".Camera", for one without package;
///   camera at the door   the name that a node is announced by, when it is no service's as above;
///   "camera.local"       in quotes always a node's name.
///
/// Of several that fit, all are tried side by side: at once those whose announced fingerprint is
/// pinned or known, the others a second later where fingerprints are pinned or known at all. The
/// first that proves to be trusted is taken: whom to believe is decided by NodeOptions::trust
/// alone. With Trust::known_peers() a node that is dialled by its name must be known by that name;
/// one that is dialled by a service may be known by any, and is believed at first use only when
/// none of those that are found first (for a second) is known. Nodes that speak only a later
/// version of the protocol are not dialled; when there are no others, UNAVAILABLE says so.
std::shared_ptr<Resolver> make_mdns_resolver(Loop& loop, std::shared_ptr<DnsSd> dns_sd,
                                             MdnsResolverOptions options = {});

}  // namespace echostream::discovery
