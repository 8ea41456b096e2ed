#include <chrono>
#include <exception>
#include <utility>

#include "echostream/node.h"

#include "runtime/config/plugins.h"

namespace echostream::internal {

namespace {

Task<void> start(Plugin& plugin, Node& node, Status& result) {
  try {
    Status started = co_await plugin.on_start(node);
    result = std::move(started);
  } catch (const std::exception& error) {
    result = Status(StatusCode::kInternal, std::string("it threw: ") + error.what());
  } catch (...) {
    result = Status(StatusCode::kInternal, "it threw");
  }
}

class OptionalPlugin final : public Plugin {
 public:
  explicit OptionalPlugin(std::shared_ptr<Plugin> plugin) : plugin_(std::move(plugin)) {}

  std::string_view name() const override { return plugin_->name(); }
  std::string_view version() const override { return plugin_->version(); }
  // The node gives up later than this does.
  Duration most_wait() const override {
    const Duration wait = plugin_->most_wait();
    return wait < std::chrono::hours(24) ? wait + std::chrono::seconds(1) : wait;
  }
  bool checks_sessions() const override { return plugin_->checks_sessions(); }
  Status configure(std::string_view json) override { return plugin_->configure(json); }

  Task<Status> on_start(Node& node) override {
    Status started(StatusCode::kDeadlineExceeded, "it takes too long");
    {
      TaskGroup starting(node.loop());
      starting.spawn(start(*plugin_, node, started));
      (void)co_await starting.join(deadline_after(node.loop().now(), plugin_->most_wait()));
    }
    runs_ = started.is_ok();
    if (!runs_) {
      node.log(LogLevel::kWarning,
               "the plugin '" + std::string(name()) +
                   "' does not start, and the node runs without it: " + started.to_string());
    }
    co_return Status::ok();
  }
  void on_draining(Node& node) override {
    if (runs_) plugin_->on_draining(node);
  }
  Task<void> on_stop(Node& node) override {
    if (runs_) co_await plugin_->on_stop(node);
  }
  void on_listening(Node& node, const SocketAddress& address) override {
    if (runs_) plugin_->on_listening(node, address);
  }
  // Services are told before the start too.
  Status on_service(Node& node, const ServiceInfo& service) override {
    return plugin_->on_service(node, service);
  }
  void on_announce(Node& node, Announcement& announcement) override {
    if (runs_) plugin_->on_announce(node, announcement);
  }
  Task<Status> on_session_opening(Node& node, Session session) override {
    if (!runs_) co_return Status::ok();
    Status opened = co_await plugin_->on_session_opening(node, session);
    co_return opened;
  }
  void on_session_open(Node& node, const Session& session) override {
    if (runs_) plugin_->on_session_open(node, session);
  }
  void on_session_closed(Node& node, const Session& session, const Status& reason,
                         const SessionStats& stats) override {
    if (runs_) plugin_->on_session_closed(node, session, reason, stats);
  }
  void on_clock_changed(Node& node, const Session& session,
                        const ClockEstimate& estimate) override {
    if (runs_) plugin_->on_clock_changed(node, session, estimate);
  }

 private:
  const std::shared_ptr<Plugin> plugin_;
  bool runs_ = false;
};

}  // namespace

std::shared_ptr<Plugin> make_optional(std::shared_ptr<Plugin> plugin) {
  return std::make_shared<OptionalPlugin>(std::move(plugin));
}

}  // namespace echostream::internal
