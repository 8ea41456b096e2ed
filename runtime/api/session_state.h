// What a Session handle points to: the engine of one connection, the link below it, and the
// handlers it has started. Outlives the connection and the node for as long as somebody holds a
// handle.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"
#include "echostream/session.h"
#include "echostream/typed_state.h"

#include "runtime/api/link.h"
#include "runtime/api/node_context.h"
#include "runtime/core/session/session.h"

namespace echostream::internal {

class ServerCall;

/// Who the peer is among the nodes that share a clock.
struct PeerNode {
  std::optional<std::uint64_t> id;
  LocalTime last_report{};
};

/// A migrate() that waits for its end.
struct PendingMigration {
  SocketAddress to;
  std::optional<Status> outcome;
};

class SessionState final : public std::enable_shared_from_this<SessionState>,
                           private core::SessionObserver {
 public:
  SessionState(NodeContext& node, std::unique_ptr<Link> link, std::uint64_t grease);
  ~SessionState() override;

  Executor& executor() const noexcept { return executor_; }
  core::Session& engine() noexcept { return engine_; }
  Link& link() noexcept { return *link_; }
  /// Null once the node is gone, which forgets closed sessions and does not tell them.
  NodeContext* node() const noexcept { return node_is_alive_.expired() ? nullptr : node_; }
  const Limits& limits() const noexcept { return limits_; }

  /// Asked once, when the session is about to open, and when it does not open for an error. The
  /// peer is told the code alone.
  void check_before_open(UniqueFunction<Status()> check) { check_ = std::move(check); }

  /// From the link. Each at most once. The session opens at once, or when plugins let the peer in.
  void handle_connected();
  void handle_closed(const Status& status);
  /// From the link, each time a migration has ended.
  void handle_migrated(const SocketAddress& to, const Status& status);
  /// The node goes away: no more handlers, no more callbacks.
  void detach() noexcept {
    opening_.reset();
    node_ = nullptr;
  }

  bool is_open() const noexcept { return engine_.is_open(); }
  bool is_closed() const noexcept { return closed_; }
  bool is_opening() const noexcept { return !engine_.is_connected() && !closed_; }
  const Status& close_status() const noexcept { return close_status_; }
  LocalTime closed_at() const noexcept { return closed_at_; }
  /// Means something once it is open.
  LocalTime opened_at() const noexcept { return opened_at_; }
  std::size_t calls_running() const noexcept { return engine_.live_calls(); }
  /// Open, and neither end is about to leave.
  bool takes_calls() const noexcept {
    return engine_.is_open() && !engine_.is_draining() && !engine_.peer_is_draining();
  }
  /// The peer has asked us to wait until it lets us in, and has not said that it does.
  bool waits_for_peer() const {
    return !engine_.has_peer_settings() && link_->peer_decides_later();
  }
  WaitPoint& changed() noexcept { return changed_; }
  /// Whoever dials waits for several sessions at one place; null when it waits no more.
  void notify_on_change(WaitPoint* where) noexcept { also_notify_ = where; }
  WaitPoint& events_writable() noexcept { return events_writable_; }
  WaitPoint& clock_updated() noexcept { return clock_updated_; }
  const timing::PeerClock& clock() const noexcept { return engine_.clock(); }
  /// Nothing while the peer's clock is not known, or when `sent` says nothing.
  std::optional<Latency> latency_of(RemoteTime sent, LocalTime received) const;
  SessionStats stats() const;

  /// How long to stay after drain(): a call of the peer's that crosses our GOAWAY is to be refused,
  /// which tells that nobody looked at it, and not cut off by the close.
  Duration farewell_time() const;

  /// Begins to move to a new socket; its name. handle_migrated() follows.
  Result<SocketAddress> begin_migration(const SocketAddress& local = {});
  bool is_migrating() const noexcept { return migrating_to_.is_set(); }
  /// Waits for handle_migrated(); while it stays here, it must not move.
  void add_migration(PendingMigration& migration) { migrations_.push_back(&migration); }
  void remove_migration(PendingMigration& migration) { std::erase(migrations_, &migration); }

  /// Tells plugins when the state of what is known of the peer's clock is another one.
  void check_clock();
  TypedState& state() noexcept { return state_; }

  PeerNode& peer_node() noexcept { return peer_node_; }
  const PeerNode& peer_node() const noexcept { return peer_node_; }

  /// What the requests take that running handlers were given.
  std::size_t handler_bytes() const noexcept { return handler_bytes_; }
  void hold_for_handler(std::size_t bytes) noexcept { handler_bytes_ += bytes; }
  /// A handler of this session ended, which held so much.
  void handler_ended(const MethodInfo& method, std::size_t held_bytes);
  /// True once a second: what a peer does must not flood the log.
  bool may_warn();
  /// Those of subscriptions never end by themselves.
  bool has_handlers_to_wait_for() const noexcept {
    return running_handlers_ > subscriptions_ || running_events_ > 0;
  }

 private:
  // core::SessionObserver
  void on_incoming_call(core::CallStream& call, core::RequestFrame request) override;
  bool may_run_early(const core::RequestFrame& request) override;
  bool wants_event() override;
  void on_incoming_event(core::EventHeader header, Buffer message) override;
  void on_events_writable() override { events_writable_.notify_all(); }
  void on_clock_updated() override;
  void on_clock_report(const timing::NodeClockReport& report) override;
  void on_peer_settings() override { notify_changed(); }
  void on_peer_draining() override { notify_changed(); }

  /// What may be wrong about a latency, for arrivals from `from` until `until`.
  struct LatencyErrors {
    LocalTime from{};
    LocalTime until{};
    Duration bound{};
    Duration estimated{};
  };
  LatencyErrors latency_errors(LocalTime from) const;

  void start_handler(std::unique_ptr<ServerCall> call, std::size_t method_index);
  void notify_changed();
  bool is_held_by_plugins() const;
  Task<void> ask_plugins();
  bool passes_check();
  void open();
  void refuse(Status why);
  void count_open();
  void count_closed(bool was_open);
  void report_open();
  void report_closed();
  void warn_of_unchecked_peer() const;
  Status check_capacity(const MethodInfo& method) const;

  NodeContext* node_;
  std::weak_ptr<const bool> node_is_alive_;
  Executor& executor_;
  const Limits limits_;
  std::unique_ptr<Link> link_;
  core::Session engine_;
  TypedState state_;
  /// Plugins look at the peer.
  std::unique_ptr<TaskGroup> opening_;
  Status refusal_;
  UniqueFunction<Status()> check_;
  ClockState clock_state_ = ClockState::kAcquiring;
  WaitPoint changed_;
  WaitPoint* also_notify_ = nullptr;
  WaitPoint events_writable_;
  WaitPoint clock_updated_;
  mutable LatencyErrors latency_errors_;
  PeerNode peer_node_;
  std::vector<PendingMigration*> migrations_;
  SocketAddress migrating_to_;
  bool closed_ = false;
  Status close_status_;
  LocalTime opened_at_{};
  LocalTime closed_at_{};
  std::size_t running_handlers_ = 0;
  std::size_t running_events_ = 0;
  std::size_t handler_bytes_ = 0;
  LocalTime no_warning_until_{};
  std::size_t subscriptions_ = 0;
};

}  // namespace echostream::internal
