// What a PersistentSession handle points to: dials, watches the session of the moment, and lets the
// calls wait that need one.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "echostream/base/backoff.h"
#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"
#include "echostream/persistent_session.h"

#include "runtime/api/node_impl.h"

namespace echostream::internal {

class PersistentState final : public std::enable_shared_from_this<PersistentState> {
 public:
  /// `is_host`: the target names where the peer is, and not who it is.
  PersistentState(Node::Impl& node, std::string target, bool is_host, ReconnectOptions options);
  PersistentState(const PersistentState&) = delete;
  PersistentState& operator=(const PersistentState&) = delete;

  /// Begins to dial.
  void start();
  /// For good, from outside. The session of the moment is closed, or left to end its calls.
  void close(Status why, bool close_session);
  /// The node goes away.
  void detach();
  void try_now();

  bool is_closed() const noexcept { return status_.state == ConnectionState::kClosed; }
  const ConnectionStatus& status() const noexcept { return status_; }
  /// Why there is no session, for a call that wanted one.
  Status no_session(StatusCode code, const std::string& what) const;
  /// Null while none takes calls.
  std::shared_ptr<SessionState> usable_session() const;
  WaitPoint& changed() noexcept { return changed_; }
  /// Null once the node is gone.
  NodeContext* node() const noexcept { return node_ != nullptr ? &node_->context : nullptr; }
  RetryBudget& retry_budget() noexcept { return retry_budget_; }

  using SessionResult = Result<std::shared_ptr<SessionState>>;
  /// The session for a call: that of the moment, or the next. UNAVAILABLE (fail_fast, or it is
  /// over), DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED (too many wait already).
  Task<SessionResult> next_session(LocalTime deadline, std::optional<bool> fail_fast);

  /// Notifies a call's own wait point at every change as well: it waits for several things at once.
  class Watch {
   public:
    Watch(PersistentState& state, WaitPoint& point) : state_(state), point_(point) {
      state_.watching_.insert(&point_);
    }
    ~Watch() { state_.watching_.erase(&point_); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    PersistentState& state_;
    WaitPoint& point_;
  };

 private:
  Task<void> run();
  Task<SessionResult> dial();
  Task<void> stay_connected(std::shared_ptr<SessionState> session);
  Task<void> pause();
  void set_state(ConnectionState state);
  void end(Status why);
  bool is_incurable(const Status& error) const;

  Node::Impl* node_;
  Executor& executor_;
  const std::string target_;
  const bool is_host_;
  const ReconnectOptions options_;
  const std::size_t max_waiting_calls_;
  ConnectionStatus status_;
  std::shared_ptr<SessionState> session_;
  /// One that is ending its calls after the peer said it would leave.
  std::weak_ptr<SessionState> leaving_;
  Backoff backoff_;
  RetryBudget retry_budget_;
  std::size_t waiting_calls_ = 0;
  WaitPoint changed_;
  WaitPoint hurry_;
  std::set<WaitPoint*> watching_;
  // Last: its task uses all of the above.
  TaskGroup dialling_;
};

/// INVALID_ARGUMENT, and which option is out of range.
Status check_options(const ReconnectOptions& options);

}  // namespace echostream::internal
