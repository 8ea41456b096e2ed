// Middleware that hands trace contexts on, and records spans of those that are sampled.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "echostream/base/task.h"
#include "echostream/loop.h"
#include "echostream/middleware.h"
#include "echostream/plugins/tracing.h"

#include "runtime/plugins/tracing/random_ids.h"
#include "runtime/plugins/tracing/span_exporter.h"

namespace echostream::internal {

/// What decides and where it goes; one node's.
struct TracingSettings {
  double sample_ratio = 1;
  bool follow_callers = true;
  UnrecordedCalls unrecorded_calls = UnrecordedCalls::kSayNo;
  std::size_t max_message_events = 0;
};

class TracingMiddleware final : public Middleware {
 public:
  TracingMiddleware(Loop& loop, const TracingSettings& settings,
                    std::shared_ptr<SpanExporter> exporter)
      : loop_(loop), settings_(settings), exporter_(std::move(exporter)), ids_(loop), lots_({}) {
    std::array<std::uint8_t, 8> seed{};
    ids_.make(seed);
    lots_ = Lots(seed);
  }

  std::string_view name() const override { return "tracing"; }
  Task<Status> call(InterceptedCall& call, Next next) override;
  Task<Status> serve(InterceptedCall& call, Next next) override;

 private:
  /// A trace that begins here; none when it is not recorded and nobody is to see its id.
  std::optional<TraceContext> begin_trace(bool shows_unrecorded);
  Task<Status> call_in_new_trace(InterceptedCall& call, Next next, bool is_told_not_to);
  /// `context` is the call's own, `parent` the span above it; zero: there is none.
  Task<Status> call_in_trace(InterceptedCall& call, Next next, TraceContext context,
                             const std::array<std::uint8_t, 8>& parent);
  /// Below `parent`, or in a trace that begins here.
  Task<Status> serve_in_trace(InterceptedCall& call, Next next, std::optional<TraceContext> parent);
  /// Says so, if at all, and does nothing else.
  Task<Status> call_unrecorded(InterceptedCall& call, Next next);

  Loop& loop_;
  const TracingSettings settings_;
  const std::shared_ptr<SpanExporter> exporter_;
  RandomIds ids_;
  Lots lots_;
};

/// Whether a trace of that id is one of the `ratio` that are recorded. The same for every node that
/// has the same ratio.
bool is_in_sample(const TraceContext& trace, double ratio) noexcept;

/// Takes what `metadata` says of traces out, and puts `context` in.
void replace_trace(Metadata& metadata, const TraceContext& context);

/// Whether a caller without a trace says that nothing should be recorded: `b3: 0`, of
/// https://github.com/openzipkin/b3-propagation.
bool says_not_to_record(const Metadata& metadata);

}  // namespace echostream::internal
