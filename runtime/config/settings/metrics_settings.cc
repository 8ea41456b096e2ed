#include "runtime/config/settings/metrics_settings.h"

#include <chrono>
#include <utility>
#include <vector>

#include "echostream/plugins/metrics.h"

#include "runtime/config/settings/shared_by_settings.h"

namespace echostream {
namespace {

Result<std::shared_ptr<MetricsRegistry>> make_registry(const config::MetricsSettings& settings) {
  std::vector<Duration> buckets;
  for (const std::uint64_t bound : settings.handling_buckets_us()) {
    const Duration next = std::chrono::microseconds(bound);
    if (bound == 0 || bound > 86'400'000'000 || (!buckets.empty() && next <= buckets.back())) {
      return Status(StatusCode::kInvalidArgument,
                    "handling_buckets_us: from 1 to a day, each larger than the one before");
    }
    buckets.push_back(next);
  }
  if (buckets.size() > 100) {
    return Status(StatusCode::kInvalidArgument, "handling_buckets_us: at most 100");
  }
  return std::make_shared<MetricsRegistry>(std::move(buckets));
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::MetricsSettings& settings) {
  static internal::SharedBySettings<MetricsRegistry> registries;
  auto registry = registries.get(settings, [&settings] { return make_registry(settings); });
  if (!registry) return registry.error();
  MetricsOptions options;
  options.registry = *std::move(registry);
  if (settings.has_listen()) {
    // At once, not when the node starts: `echostream config check` should find it.
    const auto address = SocketAddress::parse(settings.listen());
    if (!address) return address.error().with_context("listen");
    MetricsListenOptions& listen = options.listen.emplace();
    listen.address = settings.listen();
    if (settings.has_max_connections()) listen.max_connections = settings.max_connections();
    if (settings.has_request_timeout_ms()) {
      listen.request_timeout = std::chrono::milliseconds(settings.request_timeout_ms());
    }
  }
  return std::shared_ptr<Plugin>(make_metrics_plugin(std::move(options)));
}

}  // namespace echostream
