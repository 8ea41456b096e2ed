// Which of the nodes that were found are dialled, and in which order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/discovery/browser.h"
#include "echostream/resolver.h"
#include "echostream/security.h"

#include "discovery/resolver/target.h"

namespace echostream::discovery {

/// Of one lookup. What nodes announce decides only who comes first, or late: an impostor that
/// announces somebody else's fingerprint gains a handshake, in which it fails.
class CandidateList {
 public:
  /// `server_name`: as MdnsResolverOptions has it. The lookup begins `now`.
  CandidateList(MdnsTarget target, const std::string& server_name, Trust trust, LocalTime now);

  /// Those of `nodes`, which are all that are there at present, that are to be dialled now and were
  /// not given before.
  std::vector<DialCandidate> update(const std::vector<DiscoveredNode>& nodes, LocalTime now);
  bool has_given() const noexcept { return !given_.empty(); }
  /// When nodes that update() has held back may be dialled; kNever when none is held back.
  LocalTime held_until() const noexcept { return is_holding_ ? hold_until_ : kNever; }
  /// Set when the last update() left a node out that speaks only a later version of the protocol.
  const Status& incompatible() const noexcept { return incompatible_; }

 private:
  enum class Standing : std::uint8_t {
    kExpected,  // it announces a fingerprint that is pinned or known
    kOpen,      // it announces none, or none is expected
    kOther,     // it announces another
  };
  Standing standing_of(const DiscoveredNode& node) const;
  bool may_be_dialled(Standing standing, LocalTime now);
  std::string name_of_found(const DiscoveredNode& node) const;
  DialCandidate candidate(const DiscoveredNode& node, const SocketAddress& address) const;
  void give(const std::vector<const DiscoveredNode*>& nodes, bool are_expected,
            std::vector<DialCandidate>& out);

  const MdnsTarget target_;
  const Trust trust_;
  std::string server_name_;
  /// Nodes may be told apart by the fingerprints that they announce.
  bool expects_fingerprints_ = false;
  /// The one that the name stands for.
  std::optional<Fingerprint> known_;
  const LocalTime hold_until_;
  bool is_holding_ = false;
  bool has_met_expected_ = false;
  std::size_t others_given_ = 0;
  std::set<std::pair<SocketAddress, std::string>> given_;
  Status incompatible_;
};

/// Where a node is dialled, the most promising first: link-local IPv6 addresses, which need no
/// router, then IPv6 and IPv4 in turn (RFC 8305 section 4). Without those that lead nowhere.
std::vector<SocketAddress> in_dialling_order(const std::vector<SocketAddress>& addresses);

}  // namespace echostream::discovery
