// The serving side: asks every call who it is for.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "echostream/middleware.h"
#include "echostream/node.h"

#include "runtime/plugins/auth_token/auth_rules.h"
#include "runtime/plugins/auth_token/token_table.h"
#include "runtime/plugins/support/warnings.h"

namespace echostream::auth_token {

class ServerAuth final : public Middleware {
 public:
  /// `options` were checked. `loop` outlives it.
  ServerAuth(Loop& loop, const AuthTokenOptions& options, AuthRules rules,
             std::shared_ptr<plugins::Warnings> log);

  std::string_view name() const override { return "auth_token"; }
  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override;
  Task<Status> serve(InterceptedCall& call, Next next) override;

 private:
  using Peer = std::shared_ptr<const AuthenticatedPeer::Details>;

  /// Of a call like the last one of its session; null for others, which decide() is for.
  const Peer* peer_as_before(InterceptedCall& call) const;
  AuthRules::Decision decide(InterceptedCall& call);
  Peer token_peer_of(InterceptedCall& call, std::string_view token);
  /// Whether the session may stand for a token in calls of that method.
  bool remembers_for(const MethodInfo& method, const AuthRules::Rule& rule) const;
  /// Whom the session stands for; null when for nobody.
  Peer kept_peer_of(InterceptedCall& call);
  /// When the caller asked for it.
  void keep(InterceptedCall& call, const Peer& peer);
  Task<Status> serve_until(InterceptedCall& call, Next next, WallTime expires);

  Loop& loop_;
  TokenTable tokens_;
  AuthRules rules_;
  std::shared_ptr<plugins::Warnings> log_;
  Duration leeway_;
  Duration remember_on_session_;
  bool end_streams_at_expiry_;
};

}  // namespace echostream::auth_token
