// The calling side: adds the token, where it cannot fall into the wrong hands.
#pragma once

#include <cstdint>
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
  /// What went with a call.
  struct Sent {
    enum class Way : unsigned char { kNothing, kToken, kAsking };
    Way way = Way::kNothing;
    std::int64_t number = 0;  // of the token
    LocalTime at{};
    /// Where it is remembered, or was asked to be.
    std::optional<Session> session;
  };

  bool may_show(const Session& session) const;
  /// The program's own token. Takes away what another attempt of ours has added.
  bool has_own_token(InterceptedCall& call) const;
  /// Whether the peer remembers for whom the session's calls are made.
  bool relies_on_peer(const InterceptedCall& call);
  Task<Status> call_relying(InterceptedCall& call, Next next);
  Task<Status> call_with_token(InterceptedCall& call, Next next, bool has_token);
  /// When nothing has to be waited for: true.
  bool add_token_at_once(InterceptedCall& call, Sent& sent);
  Task<Status> add_token(InterceptedCall& call, Sent& sent);
  void show(InterceptedCall& call, const Session& session, std::string_view header, Sent& sent);
  bool may_rely(const InterceptedCall& call) const;
  void handle_answer(InterceptedCall& call, const Sent& sent, const Status& status);

  Loop& loop_;
  TokenKeeper keeper_;
  plugins::MethodPatterns methods_;
  std::vector<PeerName> send_to_;
  bool send_to_unverified_;
  /// Zero: never.
  Duration remember_on_session_;
  std::shared_ptr<plugins::Warnings> log_;
};

}  // namespace echostream::auth_token
