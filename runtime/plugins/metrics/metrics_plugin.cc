#include <optional>
#include <utility>

#include "echostream/node.h"
#include "echostream/node_stats.h"
#include "echostream/plugins/metrics.h"

#include "runtime/plugins/metrics/observation.h"
#include "runtime/plugins/metrics/sampler.h"
#include "runtime/plugins/metrics/series_table.h"
#include "runtime/plugins/metrics/session_figures.h"

namespace echostream {
namespace {

// Kept in the node's state: it must not outlive the node, as the plugin may.
struct Running {
  Running(Node& node, std::shared_ptr<internal::NodeSeries> counted)
      : series(std::move(counted)),
        sampler(node.loop(), [this, &node] { look_at(node); }),
        sessions(*series, sampler) {}
  void look_at(Node& node) {
    series->add(node.stats());
    series->set_shared_clock(node.clock().estimate());
  }

  std::shared_ptr<internal::NodeSeries> series;
  internal::Sampler sampler;
  internal::OpenSessions sessions;
};

class Metrics final : public MetricsPlugin {
 public:
  explicit Metrics(MetricsOptions options)
      : registry_(options.registry != nullptr ? std::move(options.registry)
                                              : std::make_shared<MetricsRegistry>()),
        listen_(std::move(options.listen)),
        series_(registry_->table()->add()) {}
  ~Metrics() override { registry_->table()->retire(series_); }

  std::string_view name() const override { return "metrics"; }
  bool checks_sessions() const override { return false; }
  const std::shared_ptr<MetricsRegistry>& registry() const override { return registry_; }
  const std::optional<SocketAddress>& listening_on() const override { return listening_on_; }

  Task<Status> on_start(Node& node) override {
    if (listen_) {
      auto address = registry_->listen(*listen_);
      if (!address) co_return address.error();
      listening_on_ = *address;
    }
    auto& running = node.state().emplace<Running>(node, series_);
    node.add_middleware(std::make_shared<internal::MetricsMiddleware>(series_, running.sampler));
    co_return Status::ok();
  }
  Task<void> on_stop(Node& node) override {
    series_->add(node.stats());
    co_return;
  }
  void on_session_open(Node& node, const Session& session) override {
    if (auto* running = node.state().get<Running>()) running->sessions.open(session);
  }
  void on_session_closed(Node& node, const Session& session, const Status& reason,
                         const SessionStats& stats) override {
    auto* running = node.state().get<Running>();
    if (running != nullptr) running->sessions.close(session, reason, stats);
  }

 private:
  std::shared_ptr<MetricsRegistry> registry_;
  std::optional<MetricsListenOptions> listen_;
  std::optional<SocketAddress> listening_on_;
  std::shared_ptr<internal::NodeSeries> series_;
};

}  // namespace

std::shared_ptr<MetricsPlugin> make_metrics_plugin(MetricsOptions options) {
  return std::make_shared<Metrics>(std::move(options));
}

}  // namespace echostream
