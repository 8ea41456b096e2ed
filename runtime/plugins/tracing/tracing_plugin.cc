#include <cmath>
#include <optional>
#include <utility>

#include "echostream/base/wait.h"
#include "echostream/loop.h"
#include "echostream/node.h"
#include "echostream/plugins/tracing.h"

#include "runtime/plugins/tracing/span_exporter.h"
#include "runtime/plugins/tracing/tracing_middleware.h"

namespace echostream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Says in the node's log when spans find no taker, and when they do again: of a program that was
// configured by a file nobody looks at tracing_stats(). Kept in the node's state: it must not
// outlive the node, as the plugin may.
class ExportWatch final : public TimerNode {
 public:
  ExportWatch(Node& node, std::shared_ptr<internal::SpanExporter> exporter, std::string target)
      : node_(node), exporter_(std::move(exporter)), target_(std::move(target)) {
    arm();
  }
  ~ExportWatch() override { disarm(); }
  /// Also at the end, when no timer runs any more.
  void look() {
    const std::uint64_t exported = exporter_->exported();
    const std::uint64_t failed = exporter_->failed();
    const std::uint64_t dropped = exporter_->dropped();
    const bool goes_well = exported != exported_ && dropped == dropped_;
    const bool goes_wrong = dropped != dropped_ || (failed != failed_ && exported == exported_);
    exported_ = exported;
    failed_ = failed;
    dropped_ = dropped;
    if (is_wrong_ ? !goes_well : !goes_wrong) return;
    is_wrong_ = !is_wrong_;
    node_.log(is_wrong_ ? LogLevel::kWarning : LogLevel::kInfo,
              "tracing: " + target_ +
                  (is_wrong_ ? " does not take all spans: " : " takes spans again: ") +
                  std::to_string(failed) + " attempts have failed, " + std::to_string(dropped) +
                  " spans were dropped so far");
  }

 private:
  void on_timer(LocalTime) override {
    look();
    arm();
  }
  void arm() { node_.loop().arm(*this, node_.loop().now() + seconds(10)); }

  Node& node_;
  const std::shared_ptr<internal::SpanExporter> exporter_;
  const std::string target_;
  std::uint64_t exported_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t dropped_ = 0;
  bool is_wrong_ = false;
};

class Tracing final : public TracingPlugin {
 public:
  Tracing(TracingOptions options, std::unique_ptr<internal::SpanSink> sink)
      : options_(std::move(options)), sink_(std::move(sink)) {}

  std::string_view name() const override { return "tracing"; }
  bool checks_sessions() const override { return false; }

  Task<Status> on_start(Node& node) override {
    internal::ExporterOptions chosen;
    chosen.max_queue = options_.max_queue;
    chosen.max_batch = options_.max_batch;
    chosen.interval = options_.interval;
    std::array<std::uint8_t, 8> seed{};
    node.loop().fill_random(seed);
    for (const std::uint8_t byte : seed) chosen.seed = (chosen.seed << 8) | byte;
    internal::ResourceAttributes resource{{"service.name", options_.service_name}};
    resource.insert(resource.end(), options_.resource_attributes.begin(),
                    options_.resource_attributes.end());
    exporter_ =
        std::make_shared<internal::SpanExporter>(std::move(sink_), std::move(resource), chosen);
    node.state().emplace<ExportWatch>(node, exporter_,
                                      options_.file.empty() ? options_.collector : options_.file);
    const internal::TracingSettings settings{options_.sample_ratio, options_.follow_callers,
                                             options_.unrecorded_calls,
                                             options_.max_message_events};
    node.add_middleware(
        std::make_shared<internal::TracingMiddleware>(node.loop(), settings, exporter_));
    co_return Status::ok();
  }

  // The last spans should not depend on how the program ends.
  Task<void> on_stop(Node& node) override {
    if (exporter_ == nullptr) co_return;
    exporter_->hurry();
    for (int i = 0; i < 100 && !exporter_->is_idle(); ++i) {
      (void)co_await sleep_for(milliseconds(10));
    }
    if (auto* watch = node.state().get<ExportWatch>()) watch->look();
  }

  TracingStats tracing_stats() const override {
    TracingStats stats;
    if (exporter_ == nullptr) return stats;
    stats.exported = exporter_->exported();
    stats.dropped = exporter_->dropped();
    stats.failed_exports = exporter_->failed();
    return stats;
  }

 private:
  const TracingOptions options_;
  std::unique_ptr<internal::SpanSink> sink_;
  std::shared_ptr<internal::SpanExporter> exporter_;
};

Status check(const TracingOptions& options) {
  const auto wrong = [](const char* text) { return Status(StatusCode::kInvalidArgument, text); };
  if (!(options.sample_ratio >= 0 && options.sample_ratio <= 1)) {
    return wrong("tracing: sample_ratio must be from 0 to 1");
  }
  if (options.file.empty() == options.collector.empty()) {
    return wrong("tracing: give a file or a collector, and not both");
  }
  if (options.max_batch == 0 || options.max_queue < options.max_batch ||
      options.max_queue > 1'000'000) {
    return wrong(
        "tracing: max_batch must be at least 1, max_queue at least that and at most "
        "1000000");
  }
  if (options.interval < milliseconds(1) || options.interval > seconds(3600) ||
      options.collector_timeout < milliseconds(1) || options.collector_timeout > seconds(60)) {
    return wrong("tracing: interval must be 1 ms to 1 h, collector_timeout 1 ms to 60 s");
  }
  if (options.max_message_events > 10'000) {
    return wrong("tracing: max_message_events must be at most 10000");
  }
  return Status::ok();
}

}  // namespace

Result<std::shared_ptr<TracingPlugin>> make_tracing_plugin(TracingOptions options) {
  if (Status status = check(options); !status.is_ok()) return status;
  auto sink = options.file.empty()
                  ? internal::make_collector_sink(options.collector, options.collector_timeout)
                  : internal::make_file_sink(options.file, options.max_file_bytes);
  if (!sink) return sink.error().with_context("tracing");
  return std::shared_ptr<TracingPlugin>(
      std::make_shared<Tracing>(std::move(options), *std::move(sink)));
}

}  // namespace echostream
