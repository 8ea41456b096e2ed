#include "discovery/resolver/candidates.h"

#include <algorithm>
#include <array>

#include "echostream/base/printable.h"
#include "echostream/known_peers.h"

#include "discovery/records/protocol_version.h"

namespace echostream::discovery {
namespace {

// How long nodes wait for one that announces an expected fingerprint: multicast DNS answers within
// 120 ms (RFC 6762 6), and lost questions are asked again after a second (5.2).
constexpr Duration kHold = std::chrono::seconds(1);

// More are not dialled by one connect().
constexpr std::size_t kMostGiven = 16;
// Of addresses of nodes that do not announce an expected fingerprint, while others could: however
// many a neighbour makes up, some dials remain for the right one when it comes later.
constexpr std::size_t kMostOthers = 8;

bool is_link_local(const SocketAddress& address) {
  return address.family() == SocketAddress::Family::kIpv6 && address.address()[0] == 0xFE &&
         (address.address()[1] & 0xC0) == 0x80;
}

bool leads_nowhere(const SocketAddress& address) {
  return !address.is_set() || address.is_any() || address.port() == 0 ||
         (is_link_local(address) && address.scope_id() == 0);
}

}  // namespace

std::vector<SocketAddress> in_dialling_order(const std::vector<SocketAddress>& addresses) {
  std::vector<SocketAddress> order;
  std::vector<SocketAddress> ipv6;
  std::vector<SocketAddress> ipv4;
  for (const SocketAddress& address : addresses) {
    if (leads_nowhere(address)) continue;
    const bool is_ipv6 = address.family() == SocketAddress::Family::kIpv6;
    (is_link_local(address) ? order : is_ipv6 ? ipv6 : ipv4).push_back(address);
  }
  for (std::size_t i = 0; i < std::max(ipv6.size(), ipv4.size()); ++i) {
    if (i < ipv6.size()) order.push_back(ipv6[i]);
    if (i < ipv4.size()) order.push_back(ipv4[i]);
  }
  return order;
}

CandidateList::CandidateList(MdnsTarget target, const std::string& server_name, Trust trust,
                             LocalTime now)
    : target_(std::move(target)), trust_(std::move(trust)), hold_until_(now + kHold) {
  const bool is_name = target_.kind == MdnsTarget::Kind::kName;
  // Never what the network says: a certificate for that name would then do.
  server_name_ = server_name;
  if (server_name_.empty() && is_name && is_host_name(target_.text)) server_name_ = target_.text;

  if (trust_.mode() == Trust::Mode::kPinned) {
    expects_fingerprints_ = true;
  } else if (trust_.mode() == Trust::Mode::kKnownPeers && is_name) {
    if (const auto peer = trust_.peers()->find(target_.text)) known_ = peer->fingerprint;
    expects_fingerprints_ = known_.has_value();
  } else if (trust_.mode() == Trust::Mode::kKnownPeers) {
    expects_fingerprints_ = !trust_.peers()->list().empty();
  }
}

CandidateList::Standing CandidateList::standing_of(const DiscoveredNode& node) const {
  if (!expects_fingerprints_ || !node.fingerprint) return Standing::kOpen;
  const Fingerprint& says = *node.fingerprint;
  bool is_expected = false;
  if (known_) {
    is_expected = says == *known_;
  } else if (trust_.mode() == Trust::Mode::kPinned) {
    const auto& pins = trust_.fingerprints();
    is_expected = std::find(pins.begin(), pins.end(), says) != pins.end();
  } else {
    is_expected = trust_.peers()->find(says).has_value();
  }
  return is_expected ? Standing::kExpected : Standing::kOther;
}

bool CandidateList::may_be_dialled(Standing standing, LocalTime now) {
  if (!expects_fingerprints_ || standing == Standing::kExpected) return true;
  if (now < hold_until_) {
    is_holding_ = true;
    return false;
  }
  // First use is for networks where nobody is known.
  const bool would_be_first_use = trust_.mode() == Trust::Mode::kKnownPeers && !known_ &&
                                  trust_.first_use() == FirstUse::kAccept;
  return !(would_be_first_use && has_met_expected_);
}

std::vector<DialCandidate> CandidateList::update(const std::vector<DiscoveredNode>& nodes,
                                                 LocalTime now) {
  is_holding_ = false;
  incompatible_ = Status();
  std::array<std::vector<const DiscoveredNode*>, 3> by_standing;
  for (const DiscoveredNode& node : nodes) {
    if (node.protocol_version > kProtocolVersion) {
      incompatible_ = Status(StatusCode::kUnavailable,
                             "'" + printable(node.name) + "' speaks version " +
                                 std::to_string(node.protocol_version) +
                                 " of the protocol, this program only version " +
                                 std::to_string(kProtocolVersion) + ": update this program");
      continue;
    }
    const Standing standing = standing_of(node);
    has_met_expected_ = has_met_expected_ || standing == Standing::kExpected;
    by_standing[static_cast<std::size_t>(standing)].push_back(&node);
  }
  std::vector<DialCandidate> candidates;
  for (const Standing standing : {Standing::kExpected, Standing::kOpen, Standing::kOther}) {
    const auto& group = by_standing[static_cast<std::size_t>(standing)];
    if (group.empty() || !may_be_dialled(standing, now)) continue;
    give(group, !expects_fingerprints_ || standing == Standing::kExpected, candidates);
  }
  return candidates;
}

void CandidateList::give(const std::vector<const DiscoveredNode*>& nodes, bool are_expected,
                         std::vector<DialCandidate>& out) {
  std::vector<std::vector<SocketAddress>> addresses;
  std::size_t most = 0;
  for (const DiscoveredNode* node : nodes) {
    addresses.push_back(in_dialling_order(node->addresses));
    most = std::max(most, addresses.back().size());
  }
  // In turn, so that one node with many addresses does not keep the others from being tried.
  for (std::size_t turn = 0; turn < most; ++turn) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (turn >= addresses[i].size()) continue;
      if (given_.size() >= kMostGiven || (!are_expected && others_given_ >= kMostOthers)) return;
      DialCandidate next = candidate(*nodes[i], addresses[i][turn]);
      if (!given_.emplace(next.address, next.peer_name).second) continue;
      if (!are_expected) ++others_given_;
      out.push_back(std::move(next));
    }
  }
}

// Who announces the fingerprint of a known peer is that one, or nobody: what it announced must not
// get it in as a newcomer. The others are written down by their own word, but nothing that a list
// of names could not hold.
std::string CandidateList::name_of_found(const DiscoveredNode& node) const {
  if (trust_.mode() == Trust::Mode::kKnownPeers && node.fingerprint) {
    if (const auto known = trust_.peers()->find(*node.fingerprint)) return known->name;
  }
  return printable(node.name);
}

DialCandidate CandidateList::candidate(const DiscoveredNode& node,
                                       const SocketAddress& address) const {
  const bool is_name = target_.kind == MdnsTarget::Kind::kName;
  DialCandidate candidate;
  candidate.address = address;
  candidate.server_name = server_name_;
  candidate.peer_name = is_name ? target_.text : name_of_found(node);
  candidate.any_known_peer = !is_name;
  return candidate;
}

}  // namespace echostream::discovery
