#include "runtime/plugins/auth_token/server_auth.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "echostream/base/task_group.h"

#include "runtime/plugins/auth_token/remembering.h"

namespace echostream::auth_token {
namespace {

// The wall clock may be set meanwhile: it is looked at that often.
constexpr Duration kMostSleep = std::chrono::minutes(1);
// To remember for less is not worth saying so.
constexpr Duration kLeastKept = std::chrono::seconds(1);

// RFC 6750 section 2.1. None without the metadata; empty when there is something else in it.
std::optional<std::string_view> bearer_token(const Metadata& metadata) {
  std::optional<std::string_view> value;
  for (const auto& [key, text] : metadata.entries()) {
    if (key != kAuthorization) continue;
    if (value) return std::string_view();  // which one is meant?
    value = text;
  }
  if (!value) return std::nullopt;
  constexpr std::string_view kScheme = "bearer ";
  const auto same = [](char expected, char c) {
    return expected == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  };
  if (value->size() <= kScheme.size() ||
      !std::equal(kScheme.begin(), kScheme.end(), value->begin(), same)) {
    return std::string_view();
  }
  return value->substr(kScheme.size());
}

Task<Status> refuse(Status status) { co_return status; }

bool goes_on(const MethodInfo& method) {
  return method.kind == MethodKind::kStream || method.kind == MethodKind::kPublished;
}

}  // namespace

ServerAuth::ServerAuth(Loop& loop, const AuthTokenOptions& options, AuthRules rules,
                       std::shared_ptr<plugins::Warnings> log)
    : loop_(loop),
      tokens_(options),
      rules_(std::move(rules)),
      log_(std::move(log)),
      leeway_(options.leeway),
      remember_on_session_(options.remember_on_session),
      end_streams_at_expiry_(options.end_streams_at_expiry) {}

bool ServerAuth::wants(const MethodInfo&, InterceptedCall::Side side) const {
  return side == InterceptedCall::Side::kServer;
}

ServerAuth::Peer ServerAuth::token_peer_of(InterceptedCall& call, std::string_view token) {
  auto peer = token.empty()
                  ? Result<TokenTable::Peer>(Status(StatusCode::kUnauthenticated,
                                                    "\"authorization\" holds no bearer token"))
                  : tokens_.find(token, loop_.wall_time());
  if (peer) return *std::move(peer);
  std::string line = "auth_token: refused a token for ";
  line += call.method().full_name;
  if (const auto session = call.session()) line += " from " + session->remote_address().to_string();
  line += ": ";
  line += peer.error().message();
  log_->warn(loop_.now(), std::move(line));
  return nullptr;
}

// Rpcs alone: the others hear of it from nobody when it is over.
bool ServerAuth::remembers_for(const MethodInfo& method, const AuthRules::Rule& rule) const {
  return remember_on_session_ > Duration::zero() && method.kind == MethodKind::kRpc &&
         rule.takes_only_tokens();
}

ServerAuth::Peer ServerAuth::kept_peer_of(InterceptedCall& call) {
  const TypedState* state = call.session_state();
  auto* kept = state != nullptr ? state->get<KeptPrincipal>() : nullptr;
  if (kept == nullptr) return nullptr;
  if (const Peer* found = kept->find_again(call.started_at())) return *found;
  return kept->find(loop_.now(), loop_.wall_time() - leeway_);
}

const ServerAuth::Peer* ServerAuth::peer_as_before(InterceptedCall& call) const {
  const Metadata& metadata = call.metadata();
  if (!metadata.empty() && metadata.find(kAuthorization)) return nullptr;
  const TypedState* state = call.session_state();
  const auto* kept = state != nullptr ? state->get<KeptPrincipal>() : nullptr;
  if (kept == nullptr) return nullptr;
  return kept->find_allowed(call.method(), call.started_at());
}

void ServerAuth::keep(InterceptedCall& call, const Peer& peer) {
  const auto number = number_in(call.metadata(), kKeep);
  const auto session = call.session();
  if (!number || !session) return;
  Duration time = remember_on_session_;
  if (peer->expires) time = std::min(time, *peer->expires + leeway_ - loop_.wall_time());
  if (time < kLeastKept) return;
  auto& kept = session->state().get_or_emplace<KeptPrincipal>();
  if (!kept.keep(peer, *number, loop_.now() + time)) return;
  call.response_metadata().add(
      std::string(kKept),
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()));
}

AuthRules::Decision ServerAuth::decide(InterceptedCall& call) {
  const AuthRules::Rule& rule = rules_.rule_of(call.method());
  const auto token = bearer_token(call.metadata());
  const bool remembers = remembers_for(call.method(), rule);
  Shown shown;
  if (token) {
    shown.token_peer = token_peer_of(call, *token);
  } else if (remembers) {
    shown.token_peer = kept_peer_of(call);
  }
  if (rule.asks_for_certificate()) {
    if (const auto session = call.session()) shown.session_peer = session->peer_identity();
  }
  AuthRules::Decision decision = AuthRules::decide(rule, shown);
  if (decision.status.is_ok()) {
    if (token && remembers) keep(call, decision.peer);
    if (!token && remembers) call.session_state()->get<KeptPrincipal>()->allow(call.method());
  } else if (!token && decision.status.code() == StatusCode::kUnauthenticated &&
             rule.takes_tokens()) {
    call.trailing_metadata().add(std::string(kNeeded), "1");
  }
  return decision;
}

// No coroutine of its own: most calls need none here.
Task<Status> ServerAuth::serve(InterceptedCall& call, Next next) {
  if (const Peer* peer = peer_as_before(call)) {
    call.state().emplace<AuthenticatedPeer>(*peer);
    return next();
  }
  AuthRules::Decision decision = decide(call);
  if (!decision.status.is_ok()) return refuse(std::move(decision.status));
  if (decision.peer != nullptr) {
    call.state().emplace<AuthenticatedPeer>(decision.peer);
    if (end_streams_at_expiry_ && decision.peer->expires && goes_on(call.method())) {
      return serve_until(call, next, *decision.peer->expires + leeway_);
    }
  }
  return next();
}

Task<Status> ServerAuth::serve_until(InterceptedCall& call, Next next, WallTime expires) {
  const internal::TaskContext context = co_await internal::current_context();
  std::optional<Status> status;
  std::exception_ptr thrown;
  // Destroying it destroys the handler where it waits.
  TaskGroup group(call.executor());
  group.spawn(internal::store_or_catch(next(), status, thrown), context.call);
  while (true) {
    const Duration left = expires - loop_.wall_time();
    if (left <= Duration::zero()) {
      co_return Status(StatusCode::kUnauthenticated, "the token has expired");
    }
    const LocalTime look_again = deadline_after(loop_.now(), std::min(left, kMostSleep));
    const bool has_ended = co_await group.join(look_again);
    if (has_ended) break;
  }
  if (thrown) std::rethrow_exception(thrown);
  co_return *std::move(status);
}

}  // namespace echostream::auth_token
