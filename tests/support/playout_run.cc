#include "tests/support/playout_run.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <utility>

namespace echostream::testing {

namespace {

using timing::JitterBuffer;
using timing::PlayoutStep;

struct Arrival {
  LocalTime at{};
  const TracedFrame* frame = nullptr;
};

std::vector<Arrival> arrivals_of(const std::vector<TracedFrame>& trace) {
  std::vector<Arrival> arrivals;
  for (const TracedFrame& frame : trace) {
    if (frame.arrived) arrivals.push_back({*frame.arrived, &frame});
    if (frame.copy) arrivals.push_back({*frame.copy, &frame});
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
  return arrivals;
}

/// Arrival minus capture. Its zero means nothing: the clocks differ.
Duration transit(LocalTime time, RemoteTime capture) {
  return time.time_since_epoch() - capture.time_since_epoch();
}

Duration least_transit(const std::vector<TracedFrame>& trace) {
  Duration least = Duration::max();
  for (const TracedFrame& frame : trace) {
    if (frame.arrived) least = std::min(least, transit(*frame.arrived, frame.capture));
  }
  return least;
}

double in_ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

class Player {
 public:
  Player(const std::vector<TracedFrame>& trace, const JitterBufferOptions& options,
         std::size_t max_frames)
      : trace_(trace), buffer_(options, max_frames), least_(least_transit(trace)) {}

  PlayoutRun run() {
    const std::vector<Arrival> arrivals = arrivals_of(trace_);
    if (arrivals.empty()) return std::move(run_);
    next_ = arrivals.front().frame->sequence;
    for (const Arrival& arrival : arrivals) {
      poll_until(arrival.at);
      buffer_.insert({arrival.frame->sequence, arrival.frame->capture, arrival.at});
      drain(arrival.at);
    }
    buffer_.finish(trace_.size(), arrivals.back().at);
    drain(arrivals.back().at);
    poll_until(arrivals.back().at + std::chrono::minutes(1));
    if (!ended_) broke("no end within a minute");
    run_.stats = buffer_.stats();
    check_counts();
    return std::move(run_);
  }

 private:
  void broke(const char* promise) {
    if (!run_.broken.empty()) return;
    run_.broken = std::string(promise) + " (at frame " + std::to_string(next_) + ")";
  }

  void poll_until(LocalTime time) {
    while (buffer_.next_deadline() <= time) {
      const LocalTime deadline = buffer_.next_deadline();
      if (drain(deadline) == 0 && buffer_.next_deadline() <= deadline) {
        return broke("a deadline at which nothing happens");
      }
    }
  }

  std::size_t drain(LocalTime now) {
    constexpr std::size_t kAtMost = 100'000;
    for (std::size_t count = 0; count < kAtMost; ++count) {
      const std::optional<PlayoutStep> step = buffer_.poll(now);
      if (!step) return count;
      take(*step, now);
    }
    broke("poll never ends");
    return kAtMost;
  }

  void take(const PlayoutStep& step, LocalTime now) {
    if (ended_) broke("a step after the end");
    if (step.at < last_at_) broke("backwards in time");
    if (step.at > now) broke("a step before its time");
    if (step.duration < Duration::zero()) broke("a negative duration");
    last_at_ = step.at;
    run_.steps.push_back(step);
    switch (step.kind) {
      case PlayoutStep::Kind::kPlay:
        return take_frame(step);
      case PlayoutStep::Kind::kConceal:
        filler_ += step.duration;
        all_filler_ += step.duration;
        return;
      case PlayoutStep::Kind::kGiveUp:
        if (step.sequence != next_) broke("frames given up out of turn");
        next_ = step.sequence + step.count;
        run_.given_up += step.count;
        run_.missing += step.duration;
        return;
      case PlayoutStep::Kind::kEnd:
        ended_ = true;
        return;
    }
  }

  void take_frame(const PlayoutStep& step) {
    if (step.sequence != next_) return broke("a frame out of turn");
    const TracedFrame& frame = trace_[step.sequence];
    if (!frame.arrived || *frame.arrived > step.at) broke("played before it came");
    if (step.silence_before > filler_) broke("more silence than filler");
    run_.missing += filler_ - step.silence_before;
    filler_ = Duration::zero();
    run_.played.push_back(
        {step.sequence, step.at, step.duration, transit(step.at, frame.capture) - least_});
    next_ = step.sequence + 1;
  }

  void check_counts() {
    const JitterBufferStats& stats = run_.stats;
    if (next_ != trace_.size()) broke("not all frames accounted for");
    if (stats.frames_emitted != run_.played.size()) broke("miscounted the frames played");
    const std::uint64_t gone = stats.frames_lost + stats.frames_late + stats.frames_dropped;
    if (gone != run_.given_up) broke("miscounted the frames given up");
    const Duration filler = stats.concealed + stats.silent_concealed;
    if (filler - all_filler_ > std::chrono::microseconds(1) ||
        all_filler_ - filler > std::chrono::microseconds(1)) {
      broke("miscounted the filler");
    }
  }

  const std::vector<TracedFrame>& trace_;
  JitterBuffer buffer_;
  Duration least_;
  PlayoutRun run_;
  std::uint64_t next_ = 0;
  LocalTime last_at_ = LocalTime::min();
  Duration filler_{};
  Duration all_filler_{};
  bool ended_ = false;
};

}  // namespace

Duration PlayoutRun::mean_delay() const {
  Duration sum{};
  for (const Played& frame : played) sum += frame.delay;
  return played.empty() ? sum : sum / static_cast<Duration::rep>(played.size());
}

double PlayoutRun::cost(const std::vector<TracedFrame>& trace, Duration interval) const {
  const auto lost = std::count_if(trace.begin(), trace.end(),
                                  [](const TracedFrame& frame) { return !frame.arrived; });
  const Duration avoidable = std::max(Duration::zero(), missing - interval * lost);
  const Duration all = interval * static_cast<Duration::rep>(trace.size());
  return in_ms(mean_delay()) + 20 * 100 * in_ms(avoidable) / in_ms(all);
}

PlayoutRun play(const std::vector<TracedFrame>& trace, const JitterBufferOptions& options,
                std::size_t max_frames) {
  return Player(trace, options, max_frames).run();
}

double best_cost_in_hindsight(const std::vector<TracedFrame>& trace) {
  const Duration least = least_transit(trace);
  std::map<std::int64_t, std::vector<double>> windows;
  for (const TracedFrame& frame : trace) {
    if (!frame.arrived) continue;
    const auto window = frame.capture.time_since_epoch() / std::chrono::seconds(5);
    windows[window].push_back(in_ms(transit(*frame.arrived, frame.capture) - least));
  }
  double sum = 0;
  std::size_t frames = 0;
  for (auto& [window, delays] : windows) {
    std::sort(delays.begin(), delays.end(), std::greater<>());
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t late = 0; late < delays.size(); ++late) {
      const auto count = static_cast<double>(delays.size());
      best = std::min(best, delays[late] * count + 20 * 100 * static_cast<double>(late));
    }
    sum += best;
    frames += delays.size();
  }
  return frames == 0 ? 0 : sum / static_cast<double>(frames);
}

}  // namespace echostream::testing
