#include "runtime/api/plugin_host.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "runtime/api/node_impl.h"
#include "runtime/api/session_state.h"

namespace echostream::internal {
namespace {

// A hook that must not wait has nothing to do for longer.
constexpr Duration kMostBlocking = std::chrono::milliseconds(100);
constexpr Duration kClockInterval = std::chrono::seconds(1);

std::string milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) +
         " ms";
}

constexpr const char* kEmptyTask = "it returned an empty Task";

Task<Status> with_status(Task<void> task) {
  if (!task) throw std::logic_error(kEmptyTask);
  co_await std::move(task);
  co_return Status::ok();
}

}  // namespace

PluginHost::PluginHost(Node& node, NodeContext& context)
    : node_(node),
      context_(context),
      executor_(context.executor),
      refusals_(context),
      faults_(context),
      tasks_(context.executor) {}

PluginHost::~PluginHost() {
  tasks_.clear();
  while (!plugins_.empty()) plugins_.pop_back();
}

// What is asked once.
Result<PluginHost::Entry> PluginHost::describe(std::shared_ptr<Plugin> plugin) const {
  try {
    Entry entry{plugin, std::string(plugin->name()), false, plugin->checks_sessions()};
    return entry;
  } catch (...) {
    return Status(StatusCode::kInternal,
                  "a plugin threw when it was asked who it is: " + describe_exception());
  }
}

Status PluginHost::add(std::shared_ptr<Plugin> plugin) {
  if (!plugin) return {StatusCode::kInvalidArgument, "add_plugin() was given no plugin"};
  Result<Entry> described = describe(std::move(plugin));
  if (!described) return std::move(described).error();
  Entry entry = *std::move(described);
  const std::string what = "the plugin '" + entry.name + "'";
  if (state_ != State::kIdle) {
    return {StatusCode::kFailedPrecondition,
            what +
                " comes too late: this node has started (start(), listen() or connect()); "
                "add plugins before"};
  }
  for (const Entry& other : plugins_) {
    if (other.name == entry.name) {
      return {StatusCode::kAlreadyExists, what + " was added already"};
    }
  }
  const auto& services = context_.registry.services();
  for (std::size_t i = 0; i < services.size(); ++i) {  // the hook may serve others
    const std::shared_ptr<Service> service = services[i];
    const Status status = contain(entry, "on_service", [&](Plugin& hooked) {
      return hooked.on_service(node_, service->info());
    });
    if (!status.is_ok()) return status.with_context(what);
  }
  checks_sessions_ = checks_sessions_ || entry.checks_sessions;
  plugins_.push_back(std::move(entry));
  return Status::ok();
}

// ---- Hooks one by one.

template <class Call>
Status PluginHost::contain(const Entry& entry, const char* hook_name, const Call& call) {
  const LocalTime began = executor_.now();
  Status status;
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Call, Plugin&>>) {
      call(*entry.plugin);
    } else {
      status = call(*entry.plugin);
    }
  } catch (...) {
    const std::string what = "the plugin '" + entry.name + "' threw in " + hook_name;
    faults_.warn(executor_.now(), what + ": " + describe_exception());
    status = Status(StatusCode::kInternal, what);
  }
  const Duration took = executor_.now() - began;
  if (took > kMostBlocking) {
    faults_.warn(executor_.now(), "the plugin '" + entry.name + "' kept the loop for " +
                                      milliseconds(took) + " in " + hook_name);
  }
  return status;
}

template <class Call>
void PluginHost::in_order(const char* hook_name, const Call& call) {
  for (const Entry& entry : plugins_) {
    if (entry.has_started) (void)contain(entry, hook_name, call);
  }
}

template <class Call>
void PluginHost::in_reverse(const char* hook_name, const Call& call) {
  for (auto entry = plugins_.rbegin(); entry != plugins_.rend(); ++entry) {
    if (entry->has_started) (void)contain(*entry, hook_name, call);
  }
}

Task<void> PluginHost::run(const Entry& entry, const char* hook_name, Hook hook,
                           const Session* session, Outcome& outcome) {
  Duration most_wait{};
  std::optional<Status> result;
  std::exception_ptr thrown;
  {
    TaskGroup group(executor_);
    try {
      most_wait = entry.plugin->most_wait();
      Task<Status> task = hook(*entry.plugin, node_, session);
      if (!task) throw std::logic_error(kEmptyTask);
      group.spawn(store_or_catch(std::move(task), result, thrown));
    } catch (...) {
      thrown = std::current_exception();
    }
    (void)co_await group.join(deadline_after(executor_.now(), most_wait));
  }
  if (result) {
    outcome.status = *std::move(result);
    co_return;
  }
  outcome.is_fault = true;
  const std::string who = "the plugin '" + entry.name + "' ";
  if (!thrown) {
    outcome.status =
        Status(StatusCode::kDeadlineExceeded,
               who + "took longer than " + milliseconds(most_wait) + " in " + hook_name);
    faults_.warn(executor_.now(), std::string(outcome.status.message()));
    co_return;
  }
  try {
    std::rethrow_exception(thrown);
  } catch (...) {
    outcome.status =
        Status(StatusCode::kInternal, who + "threw in " + hook_name + ": " + describe_exception());
  }
  faults_.warn(executor_.now(), std::string(outcome.status.message()));
}

// ---- Start and end.

void PluginHost::become(State state) {
  state_ = state;
  changed_.notify_all();
}

void PluginHost::begin_start() {
  if (state_ != State::kIdle) return;
  if (plugins_.empty()) {
    become(State::kRunning);
    return;
  }
  become(State::kStarting);
  tasks_.spawn(start_all());
}

Task<void> PluginHost::start_all() {
  for (Entry& entry : plugins_) {
    Outcome outcome;
    const Hook hook = [](Plugin& plugin, Node& node, const Session*) {
      return plugin.on_start(node);
    };
    co_await run(entry, "on_start", hook, nullptr, outcome);
    if (!outcome.status.is_ok()) {
      verdict_ = outcome.is_fault
                     ? outcome.status
                     : outcome.status.with_context("the plugin '" + entry.name + "' did not start");
      context_.log(LogLevel::kError, "this node does not start: " + verdict_.to_string());
      become(State::kStopping);
      co_await stop_all();
      co_return;
    }
    entry.has_started = true;
  }
  become(State::kRunning);
  for (const SocketAddress& address : std::exchange(listening_, {})) listening(address);
  // From now on they are asked what others may be told.
  node_.impl().announcement_watches.tell();
}

Task<void> PluginHost::stop_all() {
  for (auto entry = plugins_.rbegin(); entry != plugins_.rend(); ++entry) {
    if (!std::exchange(entry->has_started, false)) continue;
    Outcome outcome;
    const Hook hook = [](Plugin& plugin, Node& node, const Session*) {
      return with_status(plugin.on_stop(node));
    };
    co_await run(*entry, "on_stop", hook, nullptr, outcome);
  }
  become(State::kOver);
}

Task<Status> PluginHost::wait_started(LocalTime deadline) {
  const std::weak_ptr<const bool> alive = alive_;
  begin_start();
  while (state_ == State::kStarting) {
    const WaitResult result = co_await changed_.wait(deadline);
    if (alive.expired()) co_return Status(StatusCode::kUnavailable, "the node was destroyed");
    if (result == WaitResult::kDeadline) {
      co_return Status(StatusCode::kDeadlineExceeded,
                       "this node's plugins had not started in time");
    }
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
  co_return verdict_;
}

void PluginHost::drain() {
  if (std::exchange(is_draining_, true)) return;
  switch (state_) {
    case State::kIdle:
      verdict_ = Status(StatusCode::kFailedPrecondition, "this node was shut down");
      become(State::kOver);
      return;
    case State::kStarting:
      // From outside of the tasks: one of them may be what shuts the node down.
      context_.deferrer.defer([this] { give_up_start(); });
      return;
    case State::kRunning:
      in_reverse("on_draining", [&](Plugin& plugin) { plugin.on_draining(node_); });
      return;
    case State::kStopping:
    case State::kOver:
      return;
  }
}

void PluginHost::give_up_start() {
  if (state_ != State::kStarting) return;
  tasks_.clear();
  verdict_ =
      Status(StatusCode::kUnavailable, "this node was shut down before its plugins had started");
  become(State::kStopping);
  tasks_.spawn(stop_all());
}

Task<void> PluginHost::stop() {
  const std::weak_ptr<const bool> alive = alive_;
  while (state_ == State::kStarting) {
    (void)co_await changed_.wait_through_cancel();
    if (alive.expired()) co_return;
  }
  if (state_ == State::kRunning) {
    verdict_ = Status(StatusCode::kFailedPrecondition, "this node was shut down");
    if (plugins_.empty()) {
      become(State::kOver);
      co_return;
    }
    become(State::kStopping);
    tasks_.spawn(stop_all());
  }
  while (state_ == State::kStopping) {
    (void)co_await changed_.wait_through_cancel();
    if (alive.expired()) co_return;
  }
}

// ---- Sessions.

Task<Status> PluginHost::open_session(Session session) {
  Status started = co_await wait_started();
  if (!started.is_ok()) {
    co_return Status(StatusCode::kUnavailable, "the node is not in service");
  }
  for (const Entry& entry : plugins_) {
    if (!entry.checks_sessions) continue;
    Outcome outcome;
    const Hook hook = [](Plugin& plugin, Node& node, const Session* opening) {
      return plugin.on_session_opening(node, *opening);
    };
    co_await run(entry, "on_session_opening", hook, &session, outcome);
    if (outcome.status.is_ok()) continue;
    if (outcome.is_fault) {
      co_return Status(outcome.status.code(), "the session could not be checked");
    }
    refusals_.warn(executor_.now(), "the plugin '" + entry.name + "' refused the session with " +
                                        session.remote_address().to_string() + ": " +
                                        outcome.status.to_string());
    co_return outcome.status;
  }
  co_return Status::ok();
}

void PluginHost::session_open(const Session& session) {
  if (!is_armed()) executor_.arm(*this, executor_.now() + kClockInterval);
  in_order("on_session_open", [&](Plugin& plugin) { plugin.on_session_open(node_, session); });
}

void PluginHost::session_closed(const Session& session, const Status& reason,
                                const SessionStats& stats) {
  in_reverse("on_session_closed",
             [&](Plugin& plugin) { plugin.on_session_closed(node_, session, reason, stats); });
}

void PluginHost::on_timer(LocalTime now) {
  const std::vector<Session> sessions = node_.sessions();
  for (const Session& session : sessions) session.impl()->check_clock();
  if (!sessions.empty()) executor_.arm(*this, now + kClockInterval);
}

void PluginHost::clock_changed(const Session& session, const ClockEstimate& estimate) {
  in_order("on_clock_changed",
           [&](Plugin& plugin) { plugin.on_clock_changed(node_, session, estimate); });
}

// ---- The rest.

Status PluginHost::service(const ServiceInfo& service) {
  for (std::size_t i = 0; i < plugins_.size(); ++i) {  // a hook may add another one
    const Entry& entry = plugins_[i];
    const Status status = contain(
        entry, "on_service", [&](Plugin& plugin) { return plugin.on_service(node_, service); });
    if (!status.is_ok()) return status.with_context("the plugin '" + entry.name + "'");
  }
  return Status::ok();
}

void PluginHost::listening(const SocketAddress& address) {
  if (state_ == State::kRunning) {
    in_order("on_listening", [&](Plugin& plugin) { plugin.on_listening(node_, address); });
  } else {
    listening_.push_back(address);
  }
}

void PluginHost::announce(Announcement& announcement) {
  in_order("on_announce", [&](Plugin& plugin) { plugin.on_announce(node_, announcement); });
}

}  // namespace echostream::internal
