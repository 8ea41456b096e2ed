// What a list of known peers holds, and how it is written down. Without locks and files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/known_peers.h"

namespace echostream::internal {

class KnownPeerList {
 public:
  static constexpr std::size_t kMostPeers = 10'000;

  /// As KnownPeers has them. add() and remove() say what changed something by true.
  std::optional<KnownPeer> find(std::string_view name) const;
  std::optional<KnownPeer> find(const Fingerprint& fingerprint) const;
  std::vector<KnownPeer> list() const;
  Result<bool> add(const KnownPeer& peer);
  Status remove(std::string_view name);

  /// A line for each. INVALID_ARGUMENT with the number of the line that says something else.
  static Result<KnownPeerList> parse(std::string_view text);
  std::string to_text() const;

 private:
  std::map<std::string, KnownPeer, std::less<>> peers_;
};

}  // namespace echostream::internal
