// Distributed traces: W3C trace context with every call, spans as OTLP/JSON.
// docs/plugins/tracing.md
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/time.h"
#include "echostream/metadata.h"
#include "echostream/plugin.h"
#include "echostream/typed_state.h"

namespace echostream {

/// Which trace a call belongs to, and which span of it: W3C Trace Context, level 1. Handlers find
/// that of their call with trace_context(call.metadata(), call.state()).
class TraceContext {
 public:
  TraceContext() {}

  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  bool sampled = false;
  /// Of other systems of tracing; handed on as it came.
  std::string trace_state;

  std::string trace_id_hex() const { return hex_of(trace_id); }
  std::string span_id_hex() const { return hex_of(span_id); }
  /// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".
  std::string to_traceparent() const;
  /// None for what is not valid: it is then as if nothing had come.
  static std::optional<TraceContext> parse(std::string_view traceparent);
  /// From `traceparent` and `tracestate`. None without a valid one, or with several.
  static std::optional<TraceContext> from(const Metadata& metadata);

 private:
  template <class Id>
  static std::string hex_of(const Id& id) {
    std::string text;
    text.reserve(2 * id.size());
    for (const std::uint8_t byte : id) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }
};

/// Of a call, given its state and its request's metadata. None where there is no tracing, and for
/// calls that are not recorded (but see UnrecordedCalls::kTraceparent).
std::optional<TraceContext> trace_context(const Metadata& metadata, const TypedState& state);

/// What calls that are not recorded tell whom they call.
enum class UnrecordedCalls : std::uint8_t {
  kSayNothing,   // costs nothing; but others then decide anew, and may record the rest of the way
  kSayNo,        // `b3: 0` (Zipkin's single header): nobody further on records them either. Said
                 // until an rpc has come back; from then on, silence says it on that session
  kTraceparent,  // the trace's id, with the flag 00: for logs, or other systems of tracing
};

class TracingOptions {
 public:
  TracingOptions() {}

  /// What the spans are of: OpenTelemetry's resource attribute `service.name`.
  std::string service_name = "unknown_service";
  /// Further attributes of the resource.
  std::vector<std::pair<std::string, std::string>> resource_attributes;
  /// Of the traces that begin here, how many are recorded: 0 to 1. Those that came from a caller
  /// are recorded when the caller's are.
  double sample_ratio = 1;
  /// Off: what callers say of traces is ignored, and each call that comes begins one of its own.
  /// For nodes that strangers call: they could have everything recorded, or send false parents.
  bool follow_callers = true;

  UnrecordedCalls unrecorded_calls = UnrecordedCalls::kSayNo;

  /// One of the two. A file gets one line of OTLP/JSON for each batch, appended, until it has
  /// max_file_bytes; it is made with mode 0600.
  std::string file;
  std::uint64_t max_file_bytes = 1024 * 1024 * 1024;
  /// A collector's OTLP/HTTP endpoint, "http://127.0.0.1:4318/v1/traces".
  std::string collector;
  /// For a request and its answer together.
  Duration collector_timeout = std::chrono::seconds(5);

  /// Spans that wait. More are dropped, and counted.
  std::size_t max_queue = 4096;
  /// Spans are sent when that many wait, or after `interval`.
  std::size_t max_batch = 512;
  Duration interval = std::chrono::seconds(1);
  /// How many messages of a stream become events of its span, with their sizes. The rest is counted
  /// (droppedEventsCount).
  std::size_t max_message_events = 0;
};
static_assert(kSafeInAwait<TracingOptions>);

/// Spans since the plugin was made.
struct TracingStats {
  std::uint64_t exported = 0;
  /// Because too many waited, or neither file nor collector took them.
  std::uint64_t dropped = 0;
  /// Attempts to write or send that failed; they are made again, unless the collector says that it
  /// never will take the batch.
  std::uint64_t failed_exports = 0;
};

class TracingPlugin : public Plugin {
 public:
  /// Any thread.
  virtual TracingStats tracing_stats() const = 0;
};

/// INVALID_ARGUMENT (a ratio out of range, both or neither of file and collector, an endpoint that
/// cannot be), UNAVAILABLE (the file cannot be opened). Spans are written and sent by a thread of
/// the plugin's own, never by the loop; destroying it waits for that thread, a second at most when
/// the collector does not answer.
Result<std::shared_ptr<TracingPlugin>> make_tracing_plugin(TracingOptions options);

}  // namespace echostream
