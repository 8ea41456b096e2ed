#include "runtime/plugins/auth_token/caller_auth.h"

#include <algorithm>
#include <string>
#include <utility>

#include "echostream/base/task_group.h"

#include "runtime/plugins/auth_token/remembering.h"

namespace echostream::auth_token {
namespace {

// Before the end of the time for which a peer remembers: so long may a call be on its way.
constexpr Duration kMostMargin = std::chrono::seconds(30);

Metadata without_keep(const Metadata& metadata, bool nor_token) {
  Metadata rest;
  for (const auto& [key, value] : metadata.entries()) {
    if (key != kKeep && !(nor_token && key == kAuthorization)) rest.add(key, value);
  }
  return rest;
}

// Otherwise the peer would take the calls of the other methods for the same caller's.
bool are_all(const plugins::MethodPatterns& methods) {
  return std::any_of(methods.patterns().begin(), methods.patterns().end(),
                     [](const plugins::MethodPattern& one) { return one.to_string() == "*"; });
}

// No longer than the call may take.
Task<Status> wait_connected(Session session, InterceptedCall& call) {
  const internal::TaskContext context = co_await internal::current_context();
  std::optional<Status> status;
  TaskGroup group(call.executor());
  group.spawn(internal::store(session.wait_connected(), status), context.call);
  const bool has_ended = co_await group.join(call.deadline());
  if (!has_ended) {
    co_return Status(StatusCode::kDeadlineExceeded, "the session was not open in time");
  }
  co_return *std::move(status);
}

}  // namespace

CallerAuth::CallerAuth(Loop& loop, const AuthTokenOptions& options, plugins::MethodPatterns methods,
                       std::vector<PeerName> send_to, std::shared_ptr<plugins::Warnings> log)
    : loop_(loop),
      keeper_(loop, options.send, options.refresh_before, options.fetch_timeout),
      methods_(std::move(methods)),
      send_to_(std::move(send_to)),
      send_to_unverified_(options.send_to_unverified_peers),
      remember_on_session_(are_all(methods_) ? options.remember_on_session : Duration::zero()),
      log_(std::move(log)) {}

bool CallerAuth::wants(const MethodInfo& method, InterceptedCall::Side side) const {
  return side == InterceptedCall::Side::kCaller && methods_.matches(method.full_name);
}

bool CallerAuth::may_show(const Session& session) const {
  const std::optional<PeerIdentity> peer = session.peer_identity();
  if (!send_to_.empty()) return peer && find_name_of(send_to_, *peer) != nullptr;
  return send_to_unverified_ || is_verified(peer);
}

// A call without an answer never hears that it was not taken, and a stream may be opened again on
// another session: both carry their token always.
bool CallerAuth::may_rely(const InterceptedCall& call) const {
  return remember_on_session_ > Duration::zero() && call.method().kind == MethodKind::kRpc;
}

void CallerAuth::show(InterceptedCall& call, const Session& session, std::string_view header,
                      Sent& sent) {
  call.metadata().add(std::string(kAuthorization), std::string(header));
  sent.way = Sent::Way::kToken;
  // While the source was asked, the next one may have come.
  if (!may_rely(call) || !keeper_.is_latest(header)) return;
  sent.at = call.executor().now();
  sent.number = keeper_.number();
  const auto* kept = session.state().get<KeptByPeer>();
  if (kept != nullptr &&
      kept->way_of(call.method(), sent.number, sent.at) == KeptByPeer::Way::kShow) {
    return;
  }
  sent.way = Sent::Way::kAsking;
  sent.session = session;
  call.metadata().add(std::string(kKeep), std::to_string(sent.number));
}

// Another attempt gets the token of then. The program's own stay, and are not remembered, or the
// session would stand for whomever the program passes on.
bool CallerAuth::has_own_token(InterceptedCall& call) const {
  if (call.metadata().empty()) return false;
  const auto given = call.metadata().find(kAuthorization);
  if (!given) return false;
  const bool is_ours = keeper_.is_ours(*given);
  if (is_ours || call.metadata().find(kKeep)) {
    call.metadata() = without_keep(call.metadata(), is_ours);
  }
  return !is_ours;
}

bool CallerAuth::relies_on_peer(const InterceptedCall& call) {
  if (!may_rely(call)) return false;
  const TypedState* state = call.session_state();
  const auto* kept = state != nullptr ? state->get<KeptByPeer>() : nullptr;
  if (kept == nullptr) return false;
  // Fetches the next one in time.
  (void)keeper_.ready(call.started_at());
  return kept->way_of(call.method(), keeper_.number(), call.started_at()) == KeptByPeer::Way::kRely;
}

bool CallerAuth::add_token_at_once(InterceptedCall& call, Sent& sent) {
  const std::optional<Session> session = call.session();
  if (!session || !session->is_open() || !may_show(*session)) return false;
  const std::string* header = keeper_.ready(call.executor().now());
  if (header != nullptr) show(call, *session, *header, sent);
  return header != nullptr;
}

Task<Status> CallerAuth::add_token(InterceptedCall& call, Sent& sent) {
  Result<Session> session = co_await call.wait_session();
  if (!session) co_return std::move(session).error();
  // Early data leaves before the peer has shown who it is, so there is no token in it.
  if (!session->is_open() && !(send_to_unverified_ && send_to_.empty())) {
    Status connected = co_await wait_connected(*session, call);
    if (!connected.is_ok()) co_return connected;
  }
  if (!may_show(*session)) {
    log_->warn(loop_.now(), "auth_token: no token is shown to " +
                                session->remote_address().to_string() +
                                (send_to_.empty() ? ", whose certificate nobody has verified"
                                                  : ", which is not among those of send_to"));
    co_return Status();
  }
  Result<std::string> header = co_await keeper_.get(call.deadline());
  if (!header) co_return std::move(header).error();
  show(call, *session, *header, sent);
  co_return Status();
}

void CallerAuth::handle_answer(InterceptedCall& call, const Sent& sent, const Status& status) {
  if (status.code() == StatusCode::kUnauthenticated) {
    if (const auto shown = call.metadata().find(kAuthorization)) keeper_.reject(*shown);
    return;
  }
  if (sent.way != Sent::Way::kAsking) return;
  const auto kept_ms = number_in(call.response_metadata(), kKept);
  // What fails may have failed before the peer looked at it.
  if (!kept_ms && !status.is_ok()) return;
  std::optional<LocalTime> until;
  if (kept_ms) {
    const auto most_ms = std::chrono::ceil<std::chrono::milliseconds>(remember_on_session_).count();
    const Duration time = std::chrono::milliseconds(std::min<std::int64_t>(*kept_ms, most_ms));
    until = sent.at + time - std::min(time / 4, kMostMargin);
  }
  sent.session->state().get_or_emplace<KeptByPeer>().handle_answer(call.method(), sent.number,
                                                                   until);
}

Task<Status> CallerAuth::call(InterceptedCall& call, Next next) {
  const bool has_token = has_own_token(call);
  if (!has_token && relies_on_peer(call)) return call_relying(call, next);
  return call_with_token(call, next, has_token);
}

Task<Status> CallerAuth::call_relying(InterceptedCall& call, Next next) {
  Status status = co_await next();
  if (status.code() != StatusCode::kUnauthenticated) co_return std::move(status);
  if (TypedState* state = call.session_state()) state->erase<KeptByPeer>();
  // Its handler has not seen it, so it may be sent again whatever it does.
  if (!call.trailing_metadata().find(kNeeded)) co_return std::move(status);
  Task<Status> again = call_with_token(call, next, false);
  status = co_await std::move(again);
  co_return std::move(status);
}

Task<Status> CallerAuth::call_with_token(InterceptedCall& call, Next next, bool has_token) {
  Sent sent;
  if (!has_token && !add_token_at_once(call, sent)) {
    Status added = co_await add_token(call, sent);
    if (!added.is_ok()) co_return added;
  }
  Status status = co_await next();
  handle_answer(call, sent, status);
  co_return status;
}

}  // namespace echostream::auth_token
