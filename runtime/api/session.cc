#include "echostream/session.h"

#include <utility>

#include "runtime/api/session_state.h"

namespace echostream {

using internal::SessionState;

bool Session::is_open() const { return state_->is_open(); }
SocketAddress Session::remote_address() const { return state_->link().remote_address(); }
std::optional<Fingerprint> Session::peer_fingerprint() const {
  return state_->link().peer_fingerprint();
}
SessionStats Session::stats() const { return state_->stats(); }

void Session::close(std::string reason) {
  state_->link().close(core::WireError::kNone, std::move(reason));
}

namespace {

Task<Status> wait_until_closed(std::shared_ptr<SessionState> state) {
  while (!state->is_closed()) {
    const WaitResult result = co_await state->changed().wait();
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
  co_return state->close_status();
}

Task<void> drain_and_close(std::shared_ptr<SessionState> state, Duration grace) {
  const LocalTime deadline = deadline_after(state->executor().now(), grace);
  state->engine().drain();
  while (state->is_open() && (state->engine().has_calls() || !state->engine().is_quiet())) {
    // Our own calls end in the engine without a word to us.
    const LocalTime look = state->executor().now() + std::chrono::milliseconds(5);
    const WaitResult result = co_await state->changed().wait(std::min(look, deadline));
    if (result == WaitResult::kCancelled || state->executor().now() >= deadline) break;
  }
  state->link().close(core::WireError::kNone, "drained");
}

}  // namespace

Task<Status> Session::wait_closed() const { return wait_until_closed(state_); }
Task<void> Session::drain(Duration grace) const { return drain_and_close(state_, grace); }

}  // namespace echostream
