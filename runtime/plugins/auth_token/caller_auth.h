// The calling side: adds the token, where it cannot fall into the wrong hands.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "echostream/middleware.h"

#include "runtime/plugins/auth_token/peer_names.h"
#include "runtime/plugins/auth_token/token_keeper.h"
#include "runtime/plugins/support/method_pattern.h"
#include "runtime/plugins/support/warnings.h"

namespace echostream::auth_token {

class CallerAuth final : public Middleware {
 public:
  /// `options` were checked. `loop` outlives it.
  CallerAuth(Loop& loop, const AuthTokenOptions& options, plugins::MethodPatterns methods,
             std::vector<PeerName> send_to, std::shared_ptr<plugins::Warnings> log);

  std::string_view name() const override { return "auth_token"; }
  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override;
  Task<Status> call(InterceptedCall& call, Next next) override;

 private:
  bool may_show(const Session& session) const;
  /// Adds one, or says why there need be none, when nothing has to be waited for: true.
  bool add_token_at_once(InterceptedCall& call);
  Task<Status> add_token(InterceptedCall& call);

  Loop& loop_;
  TokenKeeper keeper_;
  plugins::MethodPatterns methods_;
  std::vector<PeerName> send_to_;
  bool send_to_unverified_;
  std::shared_ptr<plugins::Warnings> log_;
};

}  // namespace echostream::auth_token
