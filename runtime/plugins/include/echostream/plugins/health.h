// The plugin `health`: serves grpc.health.v1.Health, which says whether this node, and each of its
// services, can be used. docs/plugins/health.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "echostream/base/task.h"
#include "echostream/plugin.h"

namespace echostream {

namespace internal {
class HealthBoard;
}

class HealthOptions {
 public:
  HealthOptions() {}
  /// Watches that may be open at once, and those of one session; more end with RESOURCE_EXHAUSTED.
  std::size_t max_watches = 256;
  std::size_t max_watches_per_session = 8;
};
static_assert(kSafeInAwait<HealthOptions>);

enum class Health : std::uint8_t { kServing, kNotServing };

/// Services are known, and kServing, from when the node serves them; so is the node as a whole,
/// whose name is "". When Node::shutdown() begins, everything is kNotServing, and watches end with
/// UNAVAILABLE after they have said so. All on the node's thread.
class HealthPlugin final : public Plugin {
 public:
  explicit HealthPlugin(HealthOptions options = {});
  ~HealthPlugin() override;

  /// What Check and Watch say of a service from now on, whether the node serves it or not. Not
  /// heeded after drain().
  void set(std::string_view service, Health health);
  /// Everything is kNotServing from now on, for good, and watches go on: for balancers to see some
  /// time before Node::shutdown(). Calls are served as before.
  void drain();
  bool is_draining() const;
  /// Watches that are open now.
  std::size_t watches() const;

  std::string_view name() const override { return "health"; }
  bool checks_sessions() const override { return false; }
  /// ALREADY_EXISTS when the node serves grpc.health.v1.Health already.
  Task<Status> on_start(Node& node) override;
  void on_draining(Node& node) override;
  Status on_service(Node& node, const ServiceInfo& service) override;

 private:
  const std::shared_ptr<internal::HealthBoard> board_;
};

}  // namespace echostream
