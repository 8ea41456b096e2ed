#include "runtime/api/persistent_state.h"

#include <utility>

#include "echostream/base/printable.h"

#include "runtime/api/connector.h"

namespace echostream::internal {

PersistentState::PersistentState(Node::Impl& node, std::string target, bool is_host,
                                 ReconnectOptions options)
    : node_(&node),
      executor_(node.loop),
      target_(std::move(target)),
      is_host_(is_host),
      options_(std::move(options)),
      max_waiting_calls_(node.context.options.limits.max_waiting_calls),
      backoff_(options_.initial_delay, options_.max_delay, options_.multiplier),
      retry_budget_(options_.retry_share, options_.retry_burst),
      dialling_(node.loop) {}

void PersistentState::start() { dialling_.spawn(run()); }

Task<void> PersistentState::run() {
  // The time that plugins take to start is not the first attempt's; and a node that has not started
  // never will.
  Status started = co_await node_->plugins.wait_started();
  if (!started.is_ok()) {
    end(started.with_context("this node does not start"));
    co_return;
  }
  for (;;) {
    set_state(ConnectionState::kConnecting);
    auto session = co_await dial();
    if (session) {
      co_await stay_connected(*std::move(session));
    } else {
      ++status_.failed_attempts;
      status_.last_error = std::move(session).error();
    }
    if (is_incurable(status_.last_error)) {
      end(status_.last_error);
      co_return;
    }
    co_await pause();
  }
}

namespace {

// Closes a session that comes to nothing, also when its dial is dropped.
class Dialled {
 public:
  explicit Dialled(std::shared_ptr<SessionState> session) : session_(std::move(session)) {}
  ~Dialled() {
    if (session_) session_->link().close(core::WireError::kNone, "not needed");
  }
  Dialled(const Dialled&) = delete;
  Dialled& operator=(const Dialled&) = delete;
  SessionState* operator->() const { return session_.get(); }
  std::shared_ptr<SessionState> keep() { return std::exchange(session_, nullptr); }

 private:
  std::shared_ptr<SessionState> session_;
};

}  // namespace

// A server that will not have us (it does not accept our certificate, it has just begun to go down)
// may say so when the handshake is complete on our side already. So the session counts only once
// the server has spoken: calls that were sent into a refusal would be lost, and only the idempotent
// ones could be sent again.
Task<PersistentState::SessionResult> PersistentState::dial() {
  const LocalTime deadline = deadline_after(executor_.now(), options_.attempt_timeout);
  auto connected = co_await connect(*node_, target_, ConnectOptions(), options_.attempt_timeout);
  if (!connected) co_return std::move(connected).error();
  Dialled session(connected->impl());
  while (session->is_open() && !session->engine().has_peer_settings()) {
    const WaitResult result = co_await session->changed().wait(deadline);
    if (result == WaitResult::kDeadline) {
      co_return Status(StatusCode::kDeadlineExceeded,
                       printable(target_) + " answered, and then said nothing");
    }
  }
  if (session->takes_calls()) co_return session.keep();
  co_return session->is_closed() ? session->close_status()
                                 : Status(StatusCode::kUnavailable, "the peer is shutting down");
}

// Until the session takes no more calls.
Task<void> PersistentState::stay_connected(std::shared_ptr<SessionState> session) {
  session_ = session;
  ++status_.sessions;
  status_.failed_attempts = 0;
  const LocalTime since = executor_.now();
  set_state(ConnectionState::kConnected);
  while (session->takes_calls()) (void)co_await session->changed().wait();
  session_ = nullptr;
  if (executor_.now() - since >= options_.stable_after) backoff_.reset();
  if (session->is_closed()) {
    status_.last_error = session->close_status();
    co_return;
  }
  status_.last_error = Status(StatusCode::kUnavailable, "the peer is shutting down");
  // It goes on with the calls that it has. A peer that always leaves and never goes must not make
  // us collect such sessions.
  if (auto before = leaving_.lock()) {
    before->link().close(core::WireError::kNone, "another has taken its place");
  }
  leaving_ = session;
}

Task<void> PersistentState::pause() {
  const LocalTime until = deadline_after(executor_.now(), backoff_.next(node_->random_number()));
  status_.next_attempt = until;
  set_state(ConnectionState::kWaiting);
  (void)co_await hurry_.wait(until);
  status_.next_attempt = kNever;
}

void PersistentState::try_now() { hurry_.notify_all(); }

bool PersistentState::is_incurable(const Status& error) const {
  if (options_.retry_when_refused) return false;
  const StatusCode code = error.code();
  // Anybody can answer to a name before the peer does; that must not end it.
  if (code == StatusCode::kUnauthenticated) return is_host_;
  return code == StatusCode::kPermissionDenied || code == StatusCode::kInvalidArgument ||
         code == StatusCode::kFailedPrecondition;
}

void PersistentState::set_state(ConnectionState state) {
  status_.state = state;
  changed_.notify_all();
  for (WaitPoint* point : watching_) point->notify_all();
  if (node_ == nullptr || !options_.on_state_change) return;
  node_->context.deferrer.defer([self = shared_from_this(), status = status_] {
    self->options_.on_state_change(PersistentSession(self), status);
  });
}

void PersistentState::end(Status why) {
  status_.last_error = std::move(why);
  session_ = nullptr;
  set_state(ConnectionState::kClosed);
  // The node's list may hold the last reference, and our own task may be what runs now.
  node_->context.deferrer.defer([node = node_, self = shared_from_this()] {
    std::erase(node->persistent_sessions, self);
    self->node_ = nullptr;
  });
}

void PersistentState::close(Status why, bool close_session) {
  if (node_ == nullptr || is_closed()) return;
  dialling_.clear();
  if (close_session) {
    for (const auto& session : {session_, leaving_.lock()}) {
      if (session) session->link().close(core::WireError::kNone, std::string(why.message()));
    }
  }
  end(std::move(why));
}

void PersistentState::detach() {
  dialling_.clear();
  node_ = nullptr;
  session_ = nullptr;
  if (is_closed()) return;
  status_.last_error = Status(StatusCode::kUnavailable, "this node was closed");
  set_state(ConnectionState::kClosed);
}

std::shared_ptr<SessionState> PersistentState::usable_session() const {
  return session_ && session_->takes_calls() ? session_ : nullptr;
}

Status PersistentState::no_session(StatusCode code, const std::string& what) const {
  std::string text = what + " to " + printable(target_);
  if (!status_.last_error.is_ok()) text += " (" + status_.last_error.to_string() + ")";
  return {code, std::move(text)};
}

namespace {

class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace

// Callers hold the state: their channel does.
Task<PersistentState::SessionResult> PersistentState::next_session(LocalTime deadline,
                                                                   std::optional<bool> fail_fast) {
  if (auto session = usable_session()) co_return session;
  if (fail_fast.value_or(options_.fail_fast) || waiting_calls_ >= max_waiting_calls_) {
    // Whoever tries again at once must not keep the others from their turn.
    co_await yield_now();
    if (waiting_calls_ < max_waiting_calls_) {
      co_return no_session(StatusCode::kUnavailable, "there is no session");
    }
    co_return no_session(StatusCode::kResourceExhausted,
                         std::to_string(waiting_calls_) + " calls wait already for a session");
  }
  const Counted counted(waiting_calls_);
  for (;;) {
    if (auto session = usable_session()) co_return session;
    if (is_closed()) {
      co_await yield_now();
      co_return no_session(status_.last_error.code(), "there will be no session");
    }
    const WaitResult result = co_await changed_.wait(deadline);
    if (result == WaitResult::kDeadline) {
      co_return no_session(StatusCode::kDeadlineExceeded, "there was no session in time");
    }
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
}

Status check_options(const ReconnectOptions& options) {
  const auto refuse = [](const char* what) { return Status(StatusCode::kInvalidArgument, what); };
  if (options.initial_delay <= Duration::zero() || options.initial_delay > options.max_delay) {
    return refuse("ReconnectOptions::initial_delay must be positive and at most max_delay");
  }
  // Written so that NaN is refused.
  if (!(options.multiplier >= 1 && options.multiplier <= 100)) {
    return refuse("ReconnectOptions::multiplier must be 1 to 100");
  }
  if (options.stable_after < Duration::zero()) {
    return refuse("ReconnectOptions::stable_after must not be negative");
  }
  if (options.attempt_timeout <= Duration::zero()) {
    return refuse("ReconnectOptions::attempt_timeout must be positive");
  }
  if (!(options.retry_share >= 0 && options.retry_share <= 1)) {
    return refuse("ReconnectOptions::retry_share must be 0 to 1");
  }
  return Status::ok();
}

}  // namespace echostream::internal
