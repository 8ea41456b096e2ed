#include "echostream/persistent_session.h"

#include <utility>

#include "echostream/base/printable.h"

#include "runtime/api/persistent_state.h"
#include "runtime/api/target.h"

namespace echostream {

using internal::PersistentState;

ConnectionStatus PersistentSession::status() const { return state_->status(); }

std::optional<Session> PersistentSession::session() const {
  auto session = state_->usable_session();
  if (!session) return std::nullopt;
  return Session(std::move(session));
}

namespace {

Task<Status> wait_until_connected(std::shared_ptr<PersistentState> state) {
  while (!state->usable_session()) {
    if (state->is_closed()) co_return state->status().last_error;
    const WaitResult result = co_await state->changed().wait();
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
  co_return Status::ok();
}

}  // namespace

Task<Status> PersistentSession::wait_connected() const { return wait_until_connected(state_); }
void PersistentSession::try_now() { state_->try_now(); }

void PersistentSession::close(std::string reason) {
  if (reason.empty()) reason = "the persistent session was closed";
  state_->close(Status(StatusCode::kUnavailable, std::move(reason)), true);
}

Result<PersistentSession> Node::keep_connected(std::string target, ReconnectOptions options) {
  const std::string context = "keep connected to " + printable(target);
  if (impl_->shutting_down) {
    return Status(StatusCode::kFailedPrecondition, context + ": this node is shutting down");
  }
  if (Status status = internal::check_options(options); !status.is_ok()) return status;
  // What no dial could mend is better said at once.
  const auto dialable = internal::find_target(*impl_, target);
  if (!dialable) return dialable.error().with_context(context);
  auto state = std::make_shared<PersistentState>(*impl_, std::move(target), dialable->is_host,
                                                 std::move(options));
  impl_->persistent_sessions.push_back(state);
  state->start();
  return PersistentSession(std::move(state));
}

}  // namespace echostream
