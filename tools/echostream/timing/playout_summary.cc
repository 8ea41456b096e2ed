#include "tools/echostream/timing/playout_summary.h"

#include <algorithm>
#include <sstream>

#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

constexpr double kMillisecondsPerMinute = 60'000;

// A run of decisions between two played frames.
class Run {
 public:
  explicit Run(double frame_ms) : frame_ms_(frame_ms) {}

  void add(const Decision& decision) {
    // What a file leaves out is a frame's time.
    filled_ms_ += decision.duration ? to_milliseconds(*decision.duration) : frame_ms_;
    if (decision.state == Decision::State::kLost) lost_ms_ += frame_ms_;
    if (decision.state == Decision::State::kLate) has_late_ = true;
  }
  // A millisecond is no more than rounding.
  bool is_interruption() const { return has_late_ || filled_ms_ - lost_ms_ > 1; }
  double filled_ms() const { return filled_ms_; }

 private:
  double frame_ms_;
  double filled_ms_ = 0;
  double lost_ms_ = 0;
  bool has_late_ = false;
};

void count(PlayoutSummary& summary, Decision::State state) {
  switch (state) {
    case Decision::State::kPlayed:
      ++summary.played;
      break;
    case Decision::State::kLate:
      ++summary.late;
      break;
    case Decision::State::kLost:
      ++summary.lost;
      break;
    case Decision::State::kDropped:
      ++summary.dropped;
      break;
    case Decision::State::kConcealed:
      break;
  }
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double percentile_95(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * 95 / 100);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

double seconds(Duration time) { return static_cast<double>(time.count()) / 1e9; }

class JsonObject {
 public:
  void add(const char* name, double value, int digits = 6) { add_text(name, fixed(value, digits)); }
  void add(const char* name, std::uint64_t value) { add_text(name, std::to_string(value)); }
  void add_text(const char* name, const std::string& value) {
    text_ += std::string(text_.empty() ? "{\n" : ",\n") + "  \"" + name + "\": " + value;
  }
  std::string text() const { return text_ + "\n}\n"; }

 private:
  std::string text_;
};

}  // namespace

PlayoutSummary summarize(const Trace& trace, const std::vector<Decision>& decisions) {
  PlayoutSummary summary;
  summary.frames = trace.frames.size();
  const double frame_ms = to_milliseconds(trace.frame_interval());
  const std::vector<double> least_ms = trace.least_delays_ms();
  std::vector<double> delays_ms;
  double filled_ms = 0;
  std::uint64_t interruptions = 0;
  Run run(frame_ms);
  const auto close_run = [&] {
    filled_ms += run.filled_ms();
    if (run.is_interruption()) ++interruptions;
    run = Run(frame_ms);
  };
  for (const Decision& decision : decisions) {
    count(summary, decision.state);
    if (decision.state != Decision::State::kPlayed) {
      run.add(decision);
      continue;
    }
    close_run();
    // A decision about a frame that never came cannot be "played", unless a file says so.
    if (least_ms.empty()) continue;
    delays_ms.push_back(trace.delay_ms(decision.frame, *decision.at) - least_ms[decision.frame]);
  }
  close_run();

  summary.mean_delay_ms = mean(delays_ms);
  summary.p95_delay_ms = percentile_95(std::move(delays_ms));
  const double stream_ms = frame_ms * static_cast<double>(summary.frames);
  if (stream_ms > 0) {
    const double lost_ms = frame_ms * static_cast<double>(summary.lost);
    summary.concealed_percent = std::max(0.0, 100 * (filled_ms - lost_ms) / stream_ms);
    summary.interruptions_per_minute =
        static_cast<double>(interruptions) * kMillisecondsPerMinute / stream_ms;
  }
  return summary;
}

std::string to_text(const PlayoutSummary& summary) {
  std::ostringstream out;
  out << summary.frames << " frames: " << summary.played << " played, " << summary.late << " late, "
      << summary.lost << " lost, " << summary.dropped << " dropped\n"
      << "delay above the network's least: " << fixed(summary.mean_delay_ms, 1) << " ms mean, "
      << fixed(summary.p95_delay_ms, 1) << " ms for 95 %\n"
      << "concealed beyond loss: " << fixed(summary.concealed_percent, 2) << " % of the time, "
      << fixed(summary.interruptions_per_minute, 1) << " interruptions a minute\n";
  return out.str();
}

std::string to_json(const PlayoutSummary& summary, const JitterBufferStats& stats) {
  JsonObject json;
  json.add("frames", summary.frames);
  json.add("framesPlayed", summary.played);
  json.add("framesLate", summary.late);
  json.add("framesLost", summary.lost);
  json.add("framesDropped", summary.dropped);
  json.add("meanDelayMs", summary.mean_delay_ms, 3);
  json.add("p95DelayMs", summary.p95_delay_ms, 3);
  json.add("concealedPercent", summary.concealed_percent, 4);
  json.add("interruptionsPerMinute", summary.interruptions_per_minute, 3);
  // Of the buffer itself. Times are in seconds, as getStats has them.
  json.add("jitterBufferEmittedCount", stats.frames_emitted);
  json.add("jitterBufferDelay", seconds(stats.delay_sum));
  json.add("jitterBufferTargetDelay", seconds(stats.target_delay_sum));
  json.add("jitterBufferMinimumDelay", seconds(stats.minimum_delay_sum));
  json.add("targetDelay", seconds(stats.target_delay));
  json.add("currentDelay", seconds(stats.current_delay));
  json.add("jitter", seconds(stats.jitter));
  json.add("lostCount", stats.frames_lost);
  json.add("lateCount", stats.frames_late);
  json.add("droppedCount", stats.frames_dropped);
  json.add("reorderedCount", stats.frames_reordered);
  json.add("duplicateCount", stats.frames_duplicate);
  json.add("concealed", seconds(stats.concealed));
  json.add("concealmentEvents", stats.concealment_events);
  json.add("silentConcealed", seconds(stats.silent_concealed));
  json.add("insertedForDeceleration", seconds(stats.inserted_for_deceleration));
  json.add("removedForAcceleration", seconds(stats.removed_for_acceleration));
  json.add("freezeCount", stats.freezes);
  json.add("totalFreezesDuration", seconds(stats.freeze_duration));
  return json.text();
}

}  // namespace echostream::tool
