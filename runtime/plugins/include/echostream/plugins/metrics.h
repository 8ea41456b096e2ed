// Counts and times what a node does, for Prometheus: docs/plugins/metrics.md lists the names.
#pragma once

#include <prometheus/registry.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/time.h"
#include "echostream/plugin.h"
#include "echostream/socket_address.h"

namespace echostream {

namespace internal {
class SeriesTable;
}  // namespace internal

/// The small HTTP server that shows a registry to Prometheus.
class MetricsListenOptions {
 public:
  MetricsListenOptions() {}

  /// A numeric address. The page is for everybody who reaches it: there is no password.
  std::string address = "127.0.0.1:9464";
  /// Clients at once; the one that has waited longest makes room for another.
  std::size_t max_connections = 16;
  std::size_t max_header_bytes = 8 * 1024;
  /// For a request and its answer together.
  Duration request_timeout = std::chrono::seconds(5);
};
static_assert(kSafeInAwait<MetricsListenOptions>);

/// A Prometheus registry that also holds what MetricsPlugins count. Programs may add families of
/// their own (`prometheus::BuildCounter().Register(*registry)`), and give it to whatever takes a
/// prometheus::Collectable. Any thread.
class MetricsRegistry final : public prometheus::Registry {
 public:
  /// Upper bounds of the histograms of handling times, rising; empty: 16 from 100 us to 10 s.
  explicit MetricsRegistry(std::vector<Duration> handling_buckets = {});
  ~MetricsRegistry() override;

  std::vector<prometheus::MetricFamily> Collect() const override;
  /// The page, in Prometheus' text format 0.0.4.
  std::string to_text() const;

  /// For the plugin.
  const std::shared_ptr<internal::SeriesTable>& table() const noexcept { return table_; }

  /// Serves the page on /metrics, from a thread of its own, until the registry is destroyed. Only
  /// GET and HEAD. Returns the bound address; the second time with the same `address` too.
  /// INVALID_ARGUMENT for what is no address, UNAVAILABLE when the system refuses,
  /// FAILED_PRECONDITION when it listens on another one already.
  Result<SocketAddress> listen(const MetricsListenOptions& options);

 private:
  struct Listening;
  std::shared_ptr<internal::SeriesTable> table_;
  std::unique_ptr<Listening> listening_;
};

class MetricsOptions {
 public:
  MetricsOptions() {}

  /// Where to count; unset: a new one. Several nodes, for example those of a NodePool, may share
  /// one: their figures are then added up.
  std::shared_ptr<MetricsRegistry> registry;
  /// Set: the node does not start unless the registry's page can be read there.
  std::optional<MetricsListenOptions> listen;
};
static_assert(kSafeInAwait<MetricsOptions>);

class MetricsPlugin : public Plugin {
 public:
  virtual const std::shared_ptr<MetricsRegistry>& registry() const = 0;
  /// Once the node has started, when MetricsOptions::listen is set.
  virtual const std::optional<SocketAddress>& listening_on() const = 0;
};

std::shared_ptr<MetricsPlugin> make_metrics_plugin(MetricsOptions options = {});

}  // namespace echostream
