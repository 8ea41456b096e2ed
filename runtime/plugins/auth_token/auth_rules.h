// Who may call what, decided.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/method.h"
#include "echostream/peer_identity.h"
#include "echostream/plugins/auth_token.h"

#include "runtime/plugins/auth_token/peer_names.h"
#include "runtime/plugins/support/method_pattern.h"

namespace echostream::auth_token {

/// What a caller has shown.
struct Shown {
  /// Of a token that is good; null without one.
  std::shared_ptr<const AuthenticatedPeer::Details> token_peer;
  std::optional<PeerIdentity> session_peer;
};

class AuthRules {
 public:
  struct Rule {
    /// Whether Shown::session_peer matters.
    bool asks_for_certificate() const { return !peers.empty(); }
    bool takes_tokens() const { return any_token || !subjects.empty() || !scopes.empty(); }
    /// There is no other way in, so a call without a token is never somebody else's.
    bool takes_only_tokens() const { return takes_tokens() && !anyone && peers.empty(); }
    bool allows(const AuthenticatedPeer::Details& token_peer) const;

    plugins::MethodPatterns methods;
    bool anyone = false;
    bool any_token = false;
    std::vector<std::string> subjects;
    std::vector<std::string> scopes;
    std::vector<PeerName> peers;
  };

  /// INVALID_ARGUMENT names the rule by its number, from 1.
  static Result<AuthRules> make(const std::vector<AuthRule>& rules);

  bool empty() const { return rules_.empty(); }
  /// The one that decides about the method, looked for once. Valid as long as this is.
  const Rule& rule_of(const MethodInfo& method);
  /// OK, and whom the call is made for, if anybody proved that (null otherwise). UNAUTHENTICATED
  /// when something could be shown that was not; PERMISSION_DENIED when that would not help.
  struct Decision {
    Status status;
    std::shared_ptr<const AuthenticatedPeer::Details> peer;
  };
  static Decision decide(const Rule& rule, const Shown& shown);
  Decision decide(const MethodInfo& method, const Shown& shown) {
    return decide(rule_of(method), shown);
  }

  /// All patterns, for whoever looks for those that match nothing.
  std::vector<plugins::MethodPattern> patterns() const;

 private:
  static Status refusal(const Rule& rule, const Shown& shown);

  std::vector<Rule> rules_;
  // By address, which lives as long as the program; places in rules_, or its size where no rule
  // names the method.
  std::unordered_map<const MethodInfo*, std::size_t> found_;
  // Calls of one method often come in a row.
  const MethodInfo* last_ = nullptr;
  const Rule* last_rule_ = nullptr;
};

}  // namespace echostream::auth_token
