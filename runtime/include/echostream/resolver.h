// How targets that are no "host:port" become addresses: Node::add_resolver().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/status.h"
#include "echostream/base/unique_function.h"
#include "echostream/loop.h"
#include "echostream/security.h"
#include "echostream/socket_address.h"

namespace echostream {

/// One address at which the peer may be, and what its certificate must be good for.
struct DialCandidate {
  SocketAddress address;
  /// Trust::certificate_authorities() and Trust::system(): the name that must be in the
  /// certificate. It must come from what the user asked for, never from the network (RFC 9525 6.1).
  std::string server_name;
  /// Trust::known_peers(): under which name the peer is, or will be, known. Empty: `server_name`
  /// with the port of `address`.
  std::string peer_name;
  /// Trust::known_peers(): whoever is known by any name will do. For targets that name a service
  /// rather than a peer.
  bool any_known_peer = false;
};

/// What a resolver has found so far.
struct Resolution {
  /// Those that are new since the last time, the most promising first.
  std::vector<DialCandidate> candidates;
  /// Nothing more is expected soon: a dial whose candidates have all failed fails now. One that has
  /// had no candidate goes on waiting.
  bool is_complete = false;
};

/// Finds the peers behind targets of one scheme: "echostream+mdns:acme.v1.Camera". Belongs to the
/// loop's thread of the nodes that it was added to.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// What stands before the first ':' of a target.
  virtual std::string_view scheme() const = 0;
  /// Whether anything could ever be found by `name`, what stands behind the scheme:
  /// INVALID_ARGUMENT, or FAILED_PRECONDITION when such a target cannot be dialled with `trust`,
  /// says why and what to do.
  virtual Status check(std::string_view name, const Trust& trust) const = 0;

  using Callback = UniqueFunction<void(Result<Resolution>)>;
  /// Looks for `name`. Calls back, from the ready queue, as often as something is found, until the
  /// result is destroyed, which the callback may do. An error is final: UNAVAILABLE (looking is not
  /// possible, and what to do about it) or NOT_FOUND.
  virtual std::unique_ptr<Pending> resolve(std::string name, const Trust& trust,
                                           Callback callback) = 0;
};

}  // namespace echostream
