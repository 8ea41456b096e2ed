#include "runtime/plugins/tracing/tracing_middleware.h"

#include <algorithm>
#include <optional>

namespace echostream::internal {
namespace {

using Side = InterceptedCall::Side;

// Shared, because filters may outlive the layer that added them.
struct MessageLog {
  std::vector<SpanEvent> events;
  std::uint64_t dropped = 0;
};

class MessageRecorder final : public MessageFilter {
 public:
  /// `epoch` is the time of day at which the loop's clock was zero.
  MessageRecorder(const Loop& loop, WallTime epoch, std::shared_ptr<MessageLog> log,
                  std::size_t most) noexcept
      : loop_(loop), epoch_(epoch), log_(std::move(log)), most_(most) {}

  Status on_message(CallMessage& message) override {
    if (log_->events.size() < most_) {
      log_->events.push_back({epoch_ + loop_.now().time_since_epoch(),
                              message.direction == CallMessage::Direction::kSent,
                              message.bytes.size()});
    } else {
      ++log_->dropped;
    }
    return Status::ok();
  }

 private:
  const Loop& loop_;
  const WallTime epoch_;
  const std::shared_ptr<MessageLog> log_;
  const std::size_t most_;
};

// From the beginning of a call to its end, however it ends. Reports in the destructor, for a layer
// is destroyed where it waits when the call is cancelled.
class SpanRecorder {
 public:
  SpanRecorder(Loop& loop, std::shared_ptr<SpanExporter> exporter, InterceptedCall& call,
               const TraceContext& context)
      : loop_(loop), exporter_(std::move(exporter)), started_(loop.now()) {
    span_.trace_id = context.trace_id;
    span_.span_id = context.span_id;
    span_.trace_state = context.trace_state;
    span_.method = call.method().full_name;
    span_.is_server = call.side() == Side::kServer;
    span_.start = loop.wall_time();
    span_.code = StatusCode::kCancelled;
    set_peer(call);
  }
  ~SpanRecorder() {
    // By the monotonic clock, so that a span never ends before it begins.
    span_.end = span_.start + (loop_.now() - started_);
    if (messages_ != nullptr) {
      span_.events = std::move(messages_->events);
      span_.dropped_events = messages_->dropped;
    }
    exporter_->add(std::move(span_));
  }
  SpanRecorder(const SpanRecorder&) = delete;
  SpanRecorder& operator=(const SpanRecorder&) = delete;

  void set_parent(const std::array<std::uint8_t, 8>& parent) noexcept { span_.parent_id = parent; }
  void set_peer(const InterceptedCall& call) {
    if (span_.peer.is_set()) return;
    if (const std::optional<Session> session = call.session()) {
      span_.peer = session->remote_address();
    }
  }
  void add_messages(InterceptedCall& call, std::size_t most) {
    messages_ = std::make_shared<MessageLog>();
    call.add_filter(std::make_unique<MessageRecorder>(
        loop_, span_.start - started_.time_since_epoch(), messages_, most));
  }
  void end(const Status& status) {
    span_.code = status.code();
    span_.message = status.message();
  }

 private:
  Loop& loop_;
  std::shared_ptr<SpanExporter> exporter_;
  const LocalTime started_;
  Span span_;
  std::shared_ptr<MessageLog> messages_;
};

struct Recording {
  Loop& loop;
  std::shared_ptr<SpanExporter> exporter;
  std::size_t max_message_events;
};

Task<Status> record(Recording by, InterceptedCall& call, Next next, TraceContext context,
                    std::array<std::uint8_t, 8> parent) {
  SpanRecorder recorder(by.loop, by.exporter, call, context);
  recorder.set_parent(parent);
  if (by.max_message_events != 0) recorder.add_messages(call, by.max_message_events);
  Status status = co_await next();
  // A call of a persistent session may have had none before.
  recorder.set_peer(call);
  recorder.end(status);
  co_return std::move(status);
}

// With a session whose caller has said once that it does not record a call: from then on it says so
// by saying nothing. A word with each call would cost more than all else here.
struct SilenceMeansNo {};
// With a session whose server has heard that.
struct HasSaidNo {};

template <class Mark>
bool is_marked(const InterceptedCall& call) {
  const TypedState* state = call.session_state();
  return state != nullptr && state->get<Mark>() != nullptr;
}
template <class Mark>
void mark(const InterceptedCall& call) {
  if (TypedState* state = call.session_state()) state->get_or_emplace<Mark>();
}

// Until an rpc has come back, the server may not have heard: then it decides for itself.
Task<Status> call_and_remember(InterceptedCall& call, Next next) {
  Status status = co_await next();
  if (status.is_ok() && call.method().kind == MethodKind::kRpc) mark<HasSaidNo>(call);
  co_return std::move(status);
}

// What the caller of a call that is served has decided, when it sends no trace.
bool is_told_not_to_record(const InterceptedCall& served, const Metadata& metadata) {
  return says_not_to_record(metadata) || is_marked<SilenceMeansNo>(served);
}

// Of the call that is served, for those that it makes.
std::optional<TraceContext> context_of(InterceptedCall& call) {
  return trace_context(call.metadata(), call.state());
}

// 53 bits of an id, as many as a double has, are a share of 1.
constexpr unsigned kUnusedBits = 11;
constexpr double kShares = 9007199254740992.0;

bool is_in_sample(std::uint64_t number, double ratio) noexcept {
  return static_cast<double>(number >> kUnusedBits) < ratio * kShares;
}

// The second half of a trace's id, of which the decision is made.
std::uint64_t second_half(const TraceContext& trace) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 8; i < trace.trace_id.size(); ++i) number = number << 8 | trace.trace_id[i];
  return number;
}

constexpr std::string_view kB3 = "b3";
constexpr std::string_view kNotRecorded = "0";

bool is_of_traces(const std::string& key) {
  return key == "traceparent" || key == "tracestate" || key == kB3;
}

}  // namespace

bool is_in_sample(const TraceContext& trace, double ratio) noexcept {
  return is_in_sample(second_half(trace), ratio);
}

void replace_trace(Metadata& metadata, const TraceContext& context) {
  const auto& entries = metadata.entries();
  const bool has_one = std::any_of(entries.begin(), entries.end(),
                                   [](const auto& entry) { return is_of_traces(entry.first); });
  if (has_one) {
    Metadata rest;
    for (const auto& [key, value] : entries) {
      if (!is_of_traces(key)) rest.add(key, value);
    }
    metadata = std::move(rest);
  }
  metadata.add("traceparent", context.to_traceparent());
  if (!context.trace_state.empty()) metadata.add("tracestate", context.trace_state);
}

bool says_not_to_record(const Metadata& metadata) { return metadata.find(kB3) == kNotRecorded; }

std::optional<TraceContext> TracingMiddleware::begin_trace(bool shows_unrecorded) {
  std::uint64_t number = lots_.next();
  const bool is_sampled = is_in_sample(number, settings_.sample_ratio);
  // Nearly all are such: they need no more of an id than what says so.
  if (!is_sampled && !shows_unrecorded) return std::nullopt;
  std::optional<TraceContext> context(std::in_place);
  context->sampled = is_sampled;
  std::array<std::uint8_t, 8> half{};
  ids_.make(half);
  std::copy(half.begin(), half.end(), context->trace_id.begin());
  for (std::size_t i = context->trace_id.size(); i > half.size(); number >>= 8) {
    context->trace_id[--i] = static_cast<std::uint8_t>(number);
  }
  ids_.make(context->span_id);
  // Whoever sees this id can tell nothing of the next.
  ids_.make(half);
  lots_ = Lots(half);
  return context;
}

Task<Status> TracingMiddleware::call_unrecorded(InterceptedCall& call, Next next) {
  if (settings_.unrecorded_calls != UnrecordedCalls::kSayNo || is_marked<HasSaidNo>(call)) {
    return next();
  }
  if (!says_not_to_record(call.metadata())) {
    call.metadata().add(std::string(kB3), std::string(kNotRecorded));
  }
  return call_and_remember(call, next);
}

Task<Status> TracingMiddleware::call(InterceptedCall& call, Next next) {
  // What the program itself wrote counts most, then the call that this one is made for.
  InterceptedCall* const served = call.parent();
  const Metadata& written = call.metadata();
  if (served == nullptr && written.empty()) return call_in_new_trace(call, next, false);
  std::optional<TraceContext> parent = TraceContext::from(written);
  if (!parent && served != nullptr) parent = context_of(*served);
  if (!parent) {
    const bool is_told_not_to =
        says_not_to_record(written) || (served != nullptr && settings_.follow_callers &&
                                        is_told_not_to_record(*served, served->metadata()));
    return call_in_new_trace(call, next, is_told_not_to);
  }
  const std::array<std::uint8_t, 8> parent_span = parent->span_id;
  ids_.make(parent->span_id);
  return call_in_trace(call, next, *std::move(parent), parent_span);
}

Task<Status> TracingMiddleware::call_in_new_trace(InterceptedCall& call, Next next,
                                                  bool is_told_not_to) {
  const bool has_id = settings_.unrecorded_calls == UnrecordedCalls::kTraceparent;
  if (is_told_not_to && !has_id) return call_unrecorded(call, next);
  std::optional<TraceContext> context = begin_trace(has_id);
  if (!context) return call_unrecorded(call, next);
  context->sampled = context->sampled && !is_told_not_to;
  return call_in_trace(call, next, *std::move(context), {});
}

Task<Status> TracingMiddleware::call_in_trace(InterceptedCall& call, Next next,
                                              TraceContext context,
                                              const std::array<std::uint8_t, 8>& parent) {
  replace_trace(call.metadata(), context);
  if (!context.sampled) return next();
  call.state().emplace<TraceContext>(context);
  return record({loop_, exporter_, settings_.max_message_events}, call, next, std::move(context),
                parent);
}

Task<Status> TracingMiddleware::serve(InterceptedCall& call, Next next) {
  if (!settings_.follow_callers) return serve_in_trace(call, next, std::nullopt);
  const Metadata& said = call.metadata();
  // Calls made meanwhile find where it is found here what the caller said.
  if (said.empty() && is_marked<SilenceMeansNo>(call)) return next();
  std::optional<TraceContext> parent = TraceContext::from(said);
  if (parent ? !parent->sampled : is_marked<SilenceMeansNo>(call)) return next();
  if (!parent && says_not_to_record(said)) {
    mark<SilenceMeansNo>(call);
    return next();
  }
  return serve_in_trace(call, next, std::move(parent));
}

Task<Status> TracingMiddleware::serve_in_trace(InterceptedCall& call, Next next,
                                               std::optional<TraceContext> parent) {
  std::array<std::uint8_t, 8> parent_span{};
  if (parent) {
    parent_span = parent->span_id;
    ids_.make(parent->span_id);
  } else {
    parent = begin_trace(true);
  }
  TraceContext& context = call.state().emplace<TraceContext>(*std::move(parent));
  if (!context.sampled) return next();
  return record({loop_, exporter_, settings_.max_message_events}, call, next, context, parent_span);
}

}  // namespace echostream::internal
