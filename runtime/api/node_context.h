// What a node's sessions share: the loop, the limits, the served methods, the running handlers.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/node.h"
#include "echostream/node_stats.h"
#include "echostream/service.h"

#include "runtime/api/middleware_table.h"

namespace echostream::timing {
struct NodeClockReport;
}

namespace echostream::internal {

class PluginHost;

/// Methods by their id on the wire.
class ServiceRegistry {
 public:
  struct Entry {
    std::shared_ptr<Service> service;
    std::size_t index;
    const MethodInfo* method;
  };
  /// Why it cannot be added.
  Status check(const std::shared_ptr<Service>& service) const;
  Status add(std::shared_ptr<Service> service);
  const std::vector<std::shared_ptr<Service>>& services() const noexcept { return services_; }
  const Entry* find(std::uint64_t method_id) const;

 private:
  std::unordered_map<std::uint64_t, Entry> methods_;
  std::vector<std::shared_ptr<Service>> services_;
};

/// Runs user callbacks from the ready queue, so that user code never runs inside the engine or
/// transport. What they throw goes to `on_exception`, from inside the catch clause, and no further.
/// A callback may destroy this.
class Deferrer final : private ReadyNode {
 public:
  Deferrer(Executor& executor, UniqueFunction<void()> on_exception)
      : executor_(executor), on_exception_(std::move(on_exception)) {}
  void defer(UniqueFunction<void()> function);

 private:
  void on_ready() override;
  Executor& executor_;
  UniqueFunction<void()> on_exception_;
  std::deque<UniqueFunction<void()>> waiting_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

/// What the exception that is being handled says.
std::string describe_exception();

struct NodeContext {
  NodeContext(Executor& executor_in, NodeOptions options_in)
      : executor(executor_in),
        options(std::move(options_in)),
        handlers(executor),
        deferrer(executor, [this] {
          log(LogLevel::kError, "a callback of the program threw: " + describe_exception());
        }) {}

  /// Never throws, whatever NodeOptions::log does.
  void log(LogLevel level, const std::string& text) const noexcept;

  Executor& executor;
  /// Expires with the node.
  std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);
  NodeOptions options;
  ServiceRegistry registry;
  /// Null when there is none.
  std::unique_ptr<MiddlewareTable> middleware;
  TaskGroup handlers;
  Deferrer deferrer;
  /// What is counted where it happens; Node::stats() adds the rest.
  NodeStats counts;
  /// Null without plugins.
  PluginHost* plugins = nullptr;
  /// A session ended; set by the node.
  UniqueFunction<void(SessionState&)> forget;
  /// Set by a node that shares its clock.
  UniqueFunction<void(SessionState&, const timing::NodeClockReport&)> on_clock_report;
};

}  // namespace echostream::internal
