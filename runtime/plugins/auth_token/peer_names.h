// Peers as the configuration names them: by what their certificates say.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/peer_identity.h"

namespace echostream::auth_token {

/// "sha256:...", "dns:...", "uri:...", "ip:...", "email:...".
class PeerName {
 public:
  /// INVALID_ARGUMENT lists the forms.
  static Result<PeerName> parse(std::string_view text);
  /// Never for a peer that nobody has verified. Names count only where a CA vouches for them: with
  /// a pinned certificate they are what the peer calls itself.
  bool is_of(const PeerIdentity& peer) const;
  const std::string& to_string() const { return text_; }

 private:
  enum class Kind : unsigned char { kFingerprint, kDns, kUri, kIp, kEmail };
  PeerName() = default;
  std::string text_;
  Kind kind_ = Kind::kFingerprint;
  std::string value_;
  std::optional<Fingerprint> fingerprint_;
};

Result<std::vector<PeerName>> parse_peer_names(const std::vector<std::string>& texts);
/// The first of them that the peer has; null when it has none.
const PeerName* find_name_of(const std::vector<PeerName>& names, const PeerIdentity& peer);
bool is_verified(const std::optional<PeerIdentity>& peer);

}  // namespace echostream::auth_token
