#include "echostream/session.h"

#include <utility>

#include "runtime/api/session_state.h"

namespace echostream {

using internal::SessionState;

bool Session::is_open() const { return state_->is_open(); }
bool Session::is_resumed() const { return state_->link().is_resumed(); }
std::optional<bool> Session::early_data_accepted() const {
  return state_->link().early_data_accepted();
}
SocketAddress Session::remote_address() const { return state_->link().remote_address(); }
SocketAddress Session::local_address() const { return state_->link().local_address(); }
std::optional<Fingerprint> Session::peer_fingerprint() const {
  const std::optional<PeerIdentity> identity = peer_identity();
  if (!identity) return std::nullopt;
  return identity->fingerprint();
}
std::optional<PeerIdentity> Session::peer_identity() const {
  return state_->link().peer_identity();
}
Result<std::string> Session::export_keying_material(std::string_view label,
                                                    std::string_view context,
                                                    std::size_t bytes) const {
  constexpr std::size_t kMostBytes = 1024;
  constexpr std::size_t kMostLabelBytes = 249;  // RFC 8446 7.1: 255 with "tls13 "
  if (label.empty() || label.size() > kMostLabelBytes || bytes == 0 || bytes > kMostBytes) {
    return Status(StatusCode::kInvalidArgument,
                  "export_keying_material: a label has 1 to 249 bytes, the result 1 to 1024");
  }
  return state_->link().export_keying_material(label, context, bytes);
}
SessionStats Session::stats() const { return state_->stats(); }
TypedState& Session::state() const { return state_->state(); }

std::optional<SyncGroupStats> Session::sync_group(std::string_view name) const {
  const timing::SyncGroup* group = state_->engine().find_sync_group(name);
  if (group == nullptr) return std::nullopt;
  return group->report();
}

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

Task<Status> wait_until_connected(std::shared_ptr<SessionState> state) {
  while (!state->is_open()) {
    if (state->is_closed()) co_return state->close_status();
    const WaitResult result = co_await state->changed().wait();
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
  co_return Status::ok();
}

// Told of its end for as long as it lives.
class WaitingMigration {
 public:
  WaitingMigration(std::shared_ptr<SessionState> state, const SocketAddress& to)
      : state_(std::move(state)), pending_{to, std::nullopt} {
    state_->add_migration(pending_);
  }
  ~WaitingMigration() { state_->remove_migration(pending_); }
  WaitingMigration(const WaitingMigration&) = delete;
  WaitingMigration& operator=(const WaitingMigration&) = delete;
  const std::optional<Status>& outcome() const { return pending_.outcome; }

 private:
  std::shared_ptr<SessionState> state_;
  internal::PendingMigration pending_;
};

Task<Status> migrate_session(std::shared_ptr<SessionState> state, SocketAddress local) {
  if (state->is_closed()) {
    co_return Status(StatusCode::kUnavailable, "migrate: the session is closed");
  }
  if (!state->is_open()) {
    co_return Status(StatusCode::kFailedPrecondition,
                     "migrate: the session is not open yet; await wait_connected() first");
  }
  auto to = state->begin_migration(local);
  if (!to) co_return to.error().with_context("migrate");
  const WaitingMigration waiting(state, *to);
  while (!waiting.outcome()) {
    if (state->is_closed()) co_return state->close_status().with_context("migrate");
    const WaitResult result = co_await state->changed().wait();
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "migrate: the call was cancelled");
    }
  }
  co_return *waiting.outcome();
}

Task<void> drain_and_close(std::shared_ptr<SessionState> state, Duration grace) {
  const LocalTime deadline = deadline_after(state->executor().now(), grace);
  const LocalTime stays_until = state->executor().now() + state->farewell_time();
  state->engine().drain();
  // Also one that is not open yet, and has early calls.
  while (!state->is_closed() && (state->engine().has_calls() || !state->engine().is_quiet() ||
                                 state->executor().now() < stays_until)) {
    // Our own calls end in the engine without a word to us.
    const LocalTime look = state->executor().now() + std::chrono::milliseconds(5);
    const WaitResult result = co_await state->changed().wait(std::min(look, deadline));
    if (result == WaitResult::kCancelled || state->executor().now() >= deadline) break;
  }
  state->link().close(core::WireError::kNone, "drained");
}

}  // namespace

ClockEstimate SessionClock::estimate() const {
  return state_->clock().estimate(state_->executor().now());
}
RemoteTime SessionClock::to_remote(LocalTime time) const { return state_->clock().to_remote(time); }
LocalTime SessionClock::to_local(RemoteTime time) const { return state_->clock().to_local(time); }
Latency SessionClock::latency(RemoteTime sent, LocalTime received) const {
  const ClockEstimate known = state_->clock().estimate(received);
  return {received - to_local(sent), known.bound, known.estimated_error};
}

namespace {

Task<Status> wait_for_clock(std::shared_ptr<SessionState> state, Duration bound) {
  const auto is_good = [&] {
    const ClockEstimate known = state->clock().estimate(state->executor().now());
    return known.samples > 0 && known.bound <= bound;
  };
  while (!is_good()) {
    if (state->is_closed()) co_return state->close_status();
    const WaitResult result = co_await state->clock_updated().wait();
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
  co_return Status::ok();
}

}  // namespace

Task<Status> SessionClock::wait_until_known(Duration bound) const {
  return wait_for_clock(state_, bound);
}

Task<Status> Session::wait_connected() const { return wait_until_connected(state_); }
Task<Status> Session::migrate(SocketAddress local) const { return migrate_session(state_, local); }
Task<Status> Session::wait_closed() const { return wait_until_closed(state_); }
Task<void> Session::drain(Duration grace) const { return drain_and_close(state_, grace); }

}  // namespace echostream
