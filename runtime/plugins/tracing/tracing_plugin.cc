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
    const internal::TracingSettings settings{options_.sample_ratio, options_.follow_callers,
                                             options_.unrecorded_calls,
                                             options_.max_message_events};
    node.add_middleware(
        std::make_shared<internal::TracingMiddleware>(node.loop(), settings, exporter_));
    co_return Status::ok();
  }

  // The last spans should not depend on how the program ends.
  Task<void> on_stop(Node&) override {
    if (exporter_ == nullptr) co_return;
    exporter_->hurry();
    for (int i = 0; i < 100 && !exporter_->is_idle(); ++i) {
      (void)co_await sleep_for(milliseconds(10));
    }
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
