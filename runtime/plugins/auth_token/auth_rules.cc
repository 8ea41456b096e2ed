#include "runtime/plugins/auth_token/auth_rules.h"

#include <algorithm>
#include <utility>

#include "runtime/plugins/auth_token/signed_token.h"

namespace echostream::auth_token {
namespace {

// The same words whatever was shown: they tell nobody how close a guess was.
Status unauthenticated() {
  return {StatusCode::kUnauthenticated, "this method needs a valid token or client certificate"};
}
Status denied() { return {StatusCode::kPermissionDenied, "not allowed to call this method"}; }

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

Status check_names(const std::vector<std::string>& names, const char* what) {
  if (std::all_of(names.begin(), names.end(), is_good_name)) return {};
  return {StatusCode::kInvalidArgument,
          std::string("allows a ") + what +
              " that is none: it must have 1 to 256 bytes, and no control characters"};
}

}  // namespace

Result<AuthRules> AuthRules::make(const std::vector<AuthRule>& rules) {
  AuthRules made;
  for (const AuthRule& rule : rules) {
    const std::string which = "auth rule " + std::to_string(made.rules_.size() + 1);
    auto methods = plugins::MethodPatterns::parse(rule.methods);
    if (!methods) return methods.error().with_context(which);
    auto peers = parse_peer_names(rule.allow_peers);
    if (!peers) return peers.error().with_context(which);
    Status names = check_names(rule.allow_subjects, "subject");
    if (names.is_ok()) names = check_names(rule.allow_scopes, "scope");
    if (!names.is_ok()) return names.with_context(which);
    Rule& added = made.rules_.emplace_back();
    added.methods = *std::move(methods);
    added.anyone = rule.allow_anyone;
    added.any_token = rule.allow_any_token;
    added.subjects = rule.allow_subjects;
    added.scopes = rule.allow_scopes;
    added.peers = *std::move(peers);
  }
  return made;
}

bool AuthRules::Rule::allows(const AuthenticatedPeer::Details& token_peer) const {
  if (any_token || contains(subjects, token_peer.subject)) return true;
  return std::any_of(scopes.begin(), scopes.end(),
                     [&](const std::string& scope) { return contains(token_peer.scopes, scope); });
}

const AuthRules::Rule& AuthRules::rule_of(const MethodInfo& method) {
  static const Rule kNobody;
  static const Rule kAnyToken = [] {
    Rule rule;
    rule.any_token = true;
    return rule;
  }();
  if (rules_.empty()) return kAnyToken;
  if (&method == last_) return *last_rule_;
  auto found = found_.find(&method);
  if (found == found_.end()) {
    const auto first = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
      return rule.methods.matches(method.full_name);
    });
    found = found_.emplace(&method, static_cast<std::size_t>(first - rules_.begin())).first;
  }
  last_rule_ = found->second < rules_.size() ? &rules_[found->second] : &kNobody;
  last_ = &method;
  return *last_rule_;
}

AuthRules::Decision AuthRules::decide(const Rule& rule, const Shown& shown) {
  if (shown.token_peer != nullptr && rule.allows(*shown.token_peer)) {
    return {Status(), shown.token_peer};
  }
  if (shown.session_peer) {
    const PeerName* name = find_name_of(rule.peers, *shown.session_peer);
    if (name != nullptr && shown.token_peer != nullptr) return {Status(), shown.token_peer};
    if (name != nullptr) {
      auto peer = std::make_shared<AuthenticatedPeer::Details>();
      peer->subject = name->to_string();
      peer->proof = AuthenticatedPeer::Proof::kCertificate;
      return {Status(), std::move(peer)};
    }
  }
  if (rule.anyone) return {Status(), shown.token_peer};
  return {refusal(rule, shown), nullptr};
}

Status AuthRules::refusal(const Rule& rule, const Shown& shown) {
  const bool lacks_token = rule.takes_tokens() && shown.token_peer == nullptr;
  const bool lacks_certificate = !rule.peers.empty() && !is_verified(shown.session_peer);
  return lacks_token || lacks_certificate ? unauthenticated() : denied();
}

std::vector<plugins::MethodPattern> AuthRules::patterns() const {
  std::vector<plugins::MethodPattern> all;
  for (const Rule& rule : rules_) {
    const auto& some = rule.methods.patterns();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace echostream::auth_token
