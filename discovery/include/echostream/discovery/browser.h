// Seeing who is there on the local network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/security.h"
#include "echostream/socket_address.h"

namespace echostream::discovery {

/// A node as it, or somebody who claims to be it, announces itself: hints, until a session has
/// proved who it is. What is in it is bounded, but strings may hold anything that a neighbour likes
/// to send; show them through printable() (echostream/base/printable.h).
struct DiscoveredNode {
  /// 1 to 63 bytes.
  std::string name;
  /// "camera.local".
  std::string host;
  /// Each where it can be dialled; at most 16. Link-local IPv6 ones have their scope.
  std::vector<SocketAddress> addresses;
  /// Full names: "acme.v1.Camera".
  std::vector<std::string> services;
  std::string node_id;
  /// Never a reason to trust: anybody can announce any fingerprint.
  std::optional<Fingerprint> fingerprint;
  /// Of the protocol (docs/protocol.md); 0 when it does not say.
  std::uint32_t protocol_version = 0;
  /// In their order; of several with one key the first counts, and is the only one here.
  std::vector<std::pair<std::string, std::string>> properties;

  friend bool operator==(const DiscoveredNode&, const DiscoveredNode&) = default;
};

/// All that is set must hold.
class BrowseFilter {
 public:
  BrowseFilter() {}

  /// Full name of a service that it serves: "acme.v1.Camera".
  std::string service;
  /// Exactly that name.
  std::string name;
  /// Each with exactly that value.
  std::vector<std::pair<std::string, std::string>> properties;
};
static_assert(kSafeInAwait<BrowseFilter>);

struct NodeEvent {
  enum class Kind : std::uint8_t { kAppeared, kChanged, kGone };
  Kind kind = Kind::kAppeared;
  /// kGone: as it was last.
  DiscoveredNode node;
};

struct BrowserStats {
  /// Not shown: no room (256 nodes; those that were there first stay), or what they said made no
  /// sense (port 0, an address that is none).
  std::uint64_t ignored = 0;
};

/// Watches the network until it is destroyed. One node is reported once, on however many interfaces
/// and IP versions it is seen; one whose daemon is lost is gone, and appears again. One thread: the
/// loop's.
class Browser {
 public:
  Browser(Loop& loop, std::shared_ptr<DnsSd> dns_sd, BrowseFilter filter = {});
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  /// The next change since the last call: a node that flaps while nobody looks is one event, not
  /// many. Errors do not end it: UNAVAILABLE, with what to install or start, once each time that
  /// the daemon is found missing; CANCELLED when the call is cancelled that this works for.
  Task<Result<NodeEvent>> next();
  /// Those that are there now, by name.
  std::vector<DiscoveredNode> nodes() const;
  /// Whether everything that is there at present should have been reported.
  bool is_complete() const;
  /// OK while the network can be watched.
  Status status() const;
  BrowserStats stats() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

/// The first node that fits. NOT_FOUND after `timeout`, UNAVAILABLE at once when there is no
/// daemon, CANCELLED.
Task<Result<DiscoveredNode>> find(Loop& loop, std::shared_ptr<DnsSd> dns_sd, BrowseFilter filter,
                                  Duration timeout);

}  // namespace echostream::discovery
