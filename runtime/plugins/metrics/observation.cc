#include "runtime/plugins/metrics/observation.h"

#include <optional>
#include <utility>

namespace echostream::internal {
namespace {

using Side = InterceptedCall::Side;

// Counts one call from its beginning to its end, however it ends.
class Observation {
 public:
  Observation(MethodSeries& series, const InterceptedCall& call)
      : series_(series), executor_(call.executor()), started_(call.started_at()) {
    series_.count(MethodCount::kStarted).add(1);
    series_.level(MethodLevel::kInFlight).add(1);
  }
  // A layer is destroyed where it waits when the call is cancelled.
  ~Observation() {
    series_.level(MethodLevel::kInFlight).add(-1);
    const auto code = static_cast<std::size_t>(code_);
    if (code < kStatusCodes) series_.handled[code].add(1);
    series_.handling.observe(executor_.now() - started_);
  }
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

  void count_message(CallMessage::Direction direction, std::size_t bytes) noexcept {
    const bool sent = direction == CallMessage::Direction::kSent;
    series_.count(sent ? MethodCount::kMessagesSent : MethodCount::kMessagesReceived).add(1);
    series_.count(sent ? MethodCount::kBytesSent : MethodCount::kBytesReceived).add(bytes);
  }
  void end(StatusCode code) noexcept { code_ = code; }

 private:
  MethodSeries& series_;
  const Executor& executor_;
  const LocalTime started_;
  StatusCode code_ = StatusCode::kCancelled;
};

class FrameCounter final : public MessageFilter {
 public:
  explicit FrameCounter(MethodSeries& series) noexcept : series_(series) {}
  Status on_message(CallMessage& message) override {
    const bool sent = message.direction == CallMessage::Direction::kSent;
    series_.count(sent ? MethodCount::kMessagesSent : MethodCount::kMessagesReceived).add(1);
    series_.count(sent ? MethodCount::kBytesSent : MethodCount::kBytesReceived)
        .add(message.bytes.size());
    if (message.lost_before != 0) {
      series_.count(MethodCount::kFramesLost).add(message.lost_before);
    }
    return Status::ok();
  }

 private:
  MethodSeries& series_;
};

// The jitter buffer of an open stream.
class SampledStream final : public Sampled {
 public:
  SampledStream(MethodSeries& series, const InterceptedCall& call) : call_(call), share_(series) {}
  ~SampledStream() override { leave(); }
  void sample() override { share_.update(call_.jitter_buffer_stats()); }

 private:
  const InterceptedCall& call_;
  JitterBufferShare share_;
};

// Requests and replies are counted without a filter, which would cost an allocation.
template <Side kSide>
Task<Status> observe_unary(InterceptedCall& call, Next next, MethodSeries& series) {
  using Direction = CallMessage::Direction;
  constexpr bool kIsCaller = kSide == Side::kCaller;
  Observation observation(series, call);
  Status status = co_await next();
  if (const auto& request = call.request()) {
    observation.count_message(kIsCaller ? Direction::kSent : Direction::kReceived, request->size());
  }
  if (status.is_ok()) {
    if (const auto& reply = call.reply()) {
      observation.count_message(kIsCaller ? Direction::kReceived : Direction::kSent, reply->size());
    }
  }
  observation.end(status.code());
  co_return std::move(status);
}

Task<Status> observe_stream(InterceptedCall& call, Next next, MethodSeries& series,
                            Sampler& sampler) {
  Observation observation(series, call);
  call.add_filter(std::make_unique<FrameCounter>(series));
  SampledStream stream(series, call);
  sampler.add(stream);
  Status status = co_await next();
  stream.sample();
  observation.end(status.code());
  co_return std::move(status);
}

bool is_unary(const MethodInfo& method) {
  return method.kind == MethodKind::kRpc || method.kind == MethodKind::kEvent;
}

}  // namespace

JitterBufferShare::~JitterBufferShare() { set_levels(0, {}, {}); }

void JitterBufferShare::update(const JitterBufferStats& now) {
  // A reader that goes on over another session, or gets other options, has a new buffer.
  if (now.frames_emitted < last_.frames_emitted || now.delay_sum < last_.delay_sum) last_ = {};
  const auto add = [this](MethodCount which, std::uint64_t value, std::uint64_t before) {
    if (value > before) series_.count(which).add(value - before);
  };
  const auto add_time = [this](MethodCount which, Duration value, Duration before) {
    if (value > before) {
      series_.count(which).add(static_cast<std::uint64_t>((value - before).count()));
    }
  };
  add(MethodCount::kFramesEmitted, now.frames_emitted, last_.frames_emitted);
  add(MethodCount::kFramesLate, now.frames_late, last_.frames_late);
  add(MethodCount::kFramesDropped, now.frames_dropped, last_.frames_dropped);
  add(MethodCount::kFramesReordered, now.frames_reordered, last_.frames_reordered);
  add(MethodCount::kFramesDuplicate, now.frames_duplicate, last_.frames_duplicate);
  add(MethodCount::kConcealmentEvents, now.concealment_events, last_.concealment_events);
  add(MethodCount::kFreezes, now.freezes, last_.freezes);
  add_time(MethodCount::kDelay, now.delay_sum, last_.delay_sum);
  add_time(MethodCount::kConcealed, now.concealed, last_.concealed);
  add_time(MethodCount::kSilentConcealed, now.silent_concealed, last_.silent_concealed);
  add_time(MethodCount::kDecelerated, now.inserted_for_deceleration,
           last_.inserted_for_deceleration);
  add_time(MethodCount::kAccelerated, now.removed_for_acceleration, last_.removed_for_acceleration);
  add_time(MethodCount::kFrozen, now.freeze_duration, last_.freeze_duration);
  last_ = now;
  // Streams without a buffer, or without a frame so far, are all zero.
  if (now.frames_emitted != 0) set_levels(1, now.current_delay, now.target_delay);
}

void JitterBufferShare::set_levels(std::int64_t buffers, Duration delay, Duration target) {
  series_.level(MethodLevel::kBuffers).add(buffers - buffers_);
  series_.level(MethodLevel::kDelay).add((delay - delay_).count());
  series_.level(MethodLevel::kTargetDelay).add((target - target_).count());
  buffers_ = buffers;
  delay_ = delay;
  target_ = target;
}

Task<Status> MetricsMiddleware::call(InterceptedCall& call, Next next) {
  MethodSeries& series = series_->method(call.method(), Side::kCaller);
  if (is_unary(call.method())) return observe_unary<Side::kCaller>(call, next, series);
  return observe_stream(call, next, series, sampler_);
}

Task<Status> MetricsMiddleware::serve(InterceptedCall& call, Next next) {
  MethodSeries& series = series_->method(call.method(), Side::kServer);
  if (is_unary(call.method())) return observe_unary<Side::kServer>(call, next, series);
  return observe_stream(call, next, series, sampler_);
}

}  // namespace echostream::internal
