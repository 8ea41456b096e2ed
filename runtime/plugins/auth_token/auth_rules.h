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
  /// INVALID_ARGUMENT names the rule by its number, from 1.
  static Result<AuthRules> make(const std::vector<AuthRule>& rules);

  bool empty() const { return rules_.empty(); }
  /// OK, and whom the call is made for, if anybody proved that (null otherwise). UNAUTHENTICATED
  /// when something could be shown that was not; PERMISSION_DENIED when that would not help.
  struct Decision {
    Status status;
    std::shared_ptr<const AuthenticatedPeer::Details> peer;
  };
  Decision decide(const MethodInfo& method, const Shown& shown);
  /// Whether Shown::session_peer matters.
  bool asks_for_certificate(const MethodInfo& method);

  /// All patterns, for whoever looks for those that match nothing.
  std::vector<plugins::MethodPattern> patterns() const;

 private:
  struct Rule {
    plugins::MethodPatterns methods;
    bool anyone = false;
    bool any_token = false;
    std::vector<std::string> subjects;
    std::vector<std::string> scopes;
    std::vector<PeerName> peers;
    bool allows(const AuthenticatedPeer::Details& token_peer) const;
    bool takes_tokens() const { return any_token || !subjects.empty() || !scopes.empty(); }
  };
  const Rule* rule_of(const MethodInfo& method);
  static Status refusal(const Rule& rule, const Shown& shown);

  std::vector<Rule> rules_;
  // By address, which lives as long as the program. Null: no rule names it.
  std::unordered_map<const MethodInfo*, std::optional<std::size_t>> found_;
};

}  // namespace echostream::auth_token
