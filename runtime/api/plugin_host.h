// Runs a node's plugins: in their order and, where something ends, in reverse; each hook within its
// time, and with what it throws kept away from everything else.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/plugin.h"

#include "runtime/api/limited_log.h"
#include "runtime/api/node_context.h"

namespace echostream::internal {

/// Part of a node, and gone with it; hooks that wait are destroyed then.
class PluginHost final : private TimerNode {
 public:
  PluginHost(Node& node, NodeContext& context);
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;
  ~PluginHost() override;

  Status add(std::shared_ptr<Plugin> plugin);

  // ---- Start and end.
  /// Begins to start them, if nobody has.
  void begin_start();
  /// OK while they may still start; afterwards how it went.
  const Status& verdict() const noexcept { return verdict_; }
  bool is_running() const noexcept { return state_ == State::kRunning; }
  /// Not decided yet whether they run.
  bool may_still_start() const noexcept {
    return state_ == State::kIdle || state_ == State::kStarting;
  }
  /// Waits until it is decided; DEADLINE_EXCEEDED when that takes longer.
  Task<Status> wait_started(LocalTime deadline = kNever);
  /// The node leaves: what still starts is given up, what runs is told.
  void drain();
  /// Stops those that run, and waits.
  Task<void> stop();
  /// The node is destroyed: its plugins go on with nothing. They themselves go last.
  void abandon() { tasks_.clear(); }

  // ---- Sessions.
  /// Whether a session must wait for open_session().
  bool holds_sessions() const noexcept { return !is_running() || checks_sessions_; }
  bool checks_sessions() const noexcept { return checks_sessions_; }
  /// Whether the session may open. The peer is told of an error. The task must not outlive this.
  Task<Status> open_session(Session session);
  void session_open(const Session& session);
  void session_closed(const Session& session, const Status& reason, const SessionStats& stats);
  void clock_changed(const Session& session, const ClockEstimate& estimate);

  // ---- The rest.
  Status service(const ServiceInfo& service);
  void listening(const SocketAddress& address);
  void announce(Announcement& announcement);

 private:
  enum class State : std::uint8_t { kIdle, kStarting, kRunning, kStopping, kOver };
  struct Entry {
    std::shared_ptr<Plugin> plugin;
    std::string name;
    bool has_started = false;
    bool checks_sessions = false;
  };
  /// How a hook that may wait has ended. `is_fault`: not by its own word, and that is in the log.
  struct Outcome {
    Status status;
    bool is_fault = false;
  };
  using Hook = Task<Status> (*)(Plugin& plugin, Node& node, const Session* session);

  /// Each second while there are sessions: a clock's state also changes when nothing comes.
  void on_timer(LocalTime now) override;
  Result<Entry> describe(std::shared_ptr<Plugin> plugin) const;
  Task<void> start_all();
  Task<void> stop_all();
  /// `session` stays where it is.
  Task<void> run(const Entry& entry, const char* hook_name, Hook hook, const Session* session,
                 Outcome& outcome);
  /// Runs a hook that does not wait.
  template <class Call>
  Status contain(const Entry& entry, const char* hook_name, const Call& call);
  template <class Call>
  void in_order(const char* hook_name, const Call& call);
  template <class Call>
  void in_reverse(const char* hook_name, const Call& call);
  void become(State state);
  void give_up_start();

  Node& node_;
  NodeContext& context_;
  Executor& executor_;
  std::deque<Entry> plugins_;  // the same ones from the start on
  bool checks_sessions_ = false;
  State state_ = State::kIdle;
  bool is_draining_ = false;
  Status verdict_;
  WaitPoint changed_;
  std::vector<SocketAddress> listening_;  // before they run
  LimitedLog refusals_;
  LimitedLog faults_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  TaskGroup tasks_;
};

}  // namespace echostream::internal
