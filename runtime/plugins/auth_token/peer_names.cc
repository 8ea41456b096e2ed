#include "runtime/plugins/auth_token/peer_names.h"

#include <algorithm>
#include <utility>

#include "echostream/socket_address.h"

#include "runtime/plugins/auth_token/signed_token.h"

namespace echostream::auth_token {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status no_name(std::string_view text) {
  std::string shown(text.substr(0, 100));
  for (char& c : shown) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return {StatusCode::kInvalidArgument,
          "'" + shown +
              "' names no peer; write \"sha256:<64 hexadecimal digits>\", \"dns:<host name>\", "
              "\"uri:<uri>\", \"ip:<address>\" or \"email:<address>\""};
}

// The form that certificates' addresses are shown in.
std::string canonical_ip(const std::string& text) {
  const bool is_v6 = text.find(':') != std::string::npos;
  const auto address = SocketAddress::parse(is_v6 ? "[" + text + "]:0" : text + ":0");
  if (!address) return {};
  const std::string shown = address->to_string();
  return is_v6 && shown.starts_with('[') ? shown.substr(1, shown.rfind(']') - 1)
                                         : shown.substr(0, shown.rfind(':'));
}

}  // namespace

Result<PeerName> PeerName::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return no_name(text);
  const std::string_view kind = text.substr(0, colon);
  PeerName name;
  name.text_ = text;
  name.value_ = text.substr(colon + 1);
  if (!is_good_name(name.value_)) return no_name(text);
  if (kind == "sha256") {
    auto fingerprint = Fingerprint::parse(name.value_);
    if (!fingerprint) return no_name(text);
    name.fingerprint_ = *fingerprint;
  } else if (kind == "dns") {
    name.kind_ = Kind::kDns;
    for (char& c : name.value_) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
  } else if (kind == "uri") {
    name.kind_ = Kind::kUri;
  } else if (kind == "ip") {
    name.kind_ = Kind::kIp;
    name.value_ = canonical_ip(name.value_);
    if (name.value_.empty()) return no_name(text);
  } else if (kind == "email") {
    name.kind_ = Kind::kEmail;
  } else {
    return no_name(text);
  }
  return name;
}

bool PeerName::is_of(const PeerIdentity& peer) const {
  if (peer.verified_by() == Trust::Mode::kInsecure) return false;
  if (kind_ == Kind::kFingerprint) return peer.fingerprint() == *fingerprint_;
  if (peer.verified_by() != Trust::Mode::kAuthorities) return false;
  switch (kind_) {
    case Kind::kFingerprint:
      return false;
    case Kind::kDns:
      return contains(peer.dns_names(), value_);
    case Kind::kUri:
      return contains(peer.uris(), value_);
    case Kind::kIp:
      return contains(peer.ip_addresses(), value_);
    case Kind::kEmail:
      return contains(peer.email_addresses(), value_);
  }
  return false;
}

Result<std::vector<PeerName>> parse_peer_names(const std::vector<std::string>& texts) {
  std::vector<PeerName> names;
  for (const std::string& text : texts) {
    auto name = PeerName::parse(text);
    if (!name) return std::move(name).error();
    names.push_back(*std::move(name));
  }
  return names;
}

const PeerName* find_name_of(const std::vector<PeerName>& names, const PeerIdentity& peer) {
  for (const PeerName& name : names) {
    if (name.is_of(peer)) return &name;
  }
  return nullptr;
}

bool is_verified(const std::optional<PeerIdentity>& peer) {
  return peer.has_value() && peer->verified_by() != Trust::Mode::kInsecure;
}

}  // namespace echostream::auth_token
