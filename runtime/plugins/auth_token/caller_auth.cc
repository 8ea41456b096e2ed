#include "runtime/plugins/auth_token/caller_auth.h"

#include <string>
#include <utility>

#include "echostream/base/task_group.h"

namespace echostream::auth_token {
namespace {

constexpr std::string_view kKey = "authorization";

Metadata without_token(const Metadata& metadata) {
  Metadata rest;
  for (const auto& [key, value] : metadata.entries()) {
    if (key != kKey) rest.add(key, value);
  }
  return rest;
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
      log_(std::move(log)) {}

bool CallerAuth::wants(const MethodInfo& method, InterceptedCall::Side side) const {
  return side == InterceptedCall::Side::kCaller && methods_.matches(method.full_name);
}

bool CallerAuth::may_show(const Session& session) const {
  const std::optional<PeerIdentity> peer = session.peer_identity();
  if (!send_to_.empty()) return peer && find_name_of(send_to_, *peer) != nullptr;
  return send_to_unverified_ || is_verified(peer);
}

bool CallerAuth::add_token_at_once(InterceptedCall& call) {
  if (const auto given = call.metadata().find(kKey)) {
    // Another attempt gets the token of then; the program's own stay.
    if (!keeper_.is_ours(*given)) return true;
    call.metadata() = without_token(call.metadata());
  }
  const std::optional<Session> session = call.session();
  if (!session || !session->is_open() || !may_show(*session)) return false;
  const std::string* header = keeper_.ready();
  if (header != nullptr) call.metadata().add(std::string(kKey), *header);
  return header != nullptr;
}

Task<Status> CallerAuth::add_token(InterceptedCall& call) {
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
  call.metadata().add(std::string(kKey), *std::move(header));
  co_return Status();
}

Task<Status> CallerAuth::call(InterceptedCall& call, Next next) {
  if (!add_token_at_once(call)) {
    Status added = co_await add_token(call);
    if (!added.is_ok()) co_return added;
  }
  Status status = co_await next();
  if (status.code() == StatusCode::kUnauthenticated) {
    if (const auto shown = call.metadata().find(kKey)) keeper_.reject(*shown);
  }
  co_return status;
}

}  // namespace echostream::auth_token
