#include "tools/echostream/timing/replay.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/timing/jitter_buffer.h"

namespace echostream::tool {

namespace {

using timing::FrameStamp;
using timing::JitterBuffer;
using timing::PlayoutStep;

Status mistake(std::string message) {
  return {StatusCode::kInternal, "the jitter buffer made a mistake: " + std::move(message)};
}

// Times of the trace as times of a node: its clock begins at zero, and a capture of zero would
// stand for "not known".
class Clocks {
 public:
  explicit Clocks(const Trace& trace)
      : first_sent_(trace.frames.empty() ? Duration() : trace.frames.front().sent),
        first_arrived_(trace.arrivals.empty() ? Duration() : trace.arrivals.front().at) {}

  RemoteTime capture(Duration sent) const { return RemoteTime{kBegin + (sent - first_sent_)}; }
  LocalTime local(Duration arrived) const { return LocalTime{kBegin + (arrived - first_arrived_)}; }
  Duration arrival_at(LocalTime time) const {
    return first_arrived_ + (time.time_since_epoch() - kBegin);
  }

 private:
  static constexpr Duration kBegin = std::chrono::seconds(1);
  Duration first_sent_;
  Duration first_arrived_;
};

// Turns the buffer's steps into decisions. How much of some filler was the sender's own silence is
// known only when the next frame is played: until then they are held back.
class DecisionLog {
 public:
  explicit DecisionLog(const Trace& trace)
      : trace_(trace), clocks_(trace), is_accounted_(trace.frames.size(), false) {}

  Status add(const PlayoutStep& step) {
    switch (step.kind) {
      case PlayoutStep::Kind::kConceal:
        add_filler(step);
        return Status::ok();
      case PlayoutStep::Kind::kGiveUp:
        return give_up(step);
      case PlayoutStep::Kind::kPlay:
        return play(step);
      case PlayoutStep::Kind::kEnd:
        is_ended_ = true;
        return Status::ok();
    }
    return mistake("an unknown step");
  }
  bool is_ended() const { return is_ended_; }

  Result<std::vector<Decision>> take() && {
    flush();
    std::vector<Decision> before = before_the_first();
    const auto missing = std::find(is_accounted_.begin(), is_accounted_.end(), false);
    if (missing != is_accounted_.end()) {
      const auto frame = static_cast<std::size_t>(missing - is_accounted_.begin());
      return mistake("frame " + std::to_string(frame) + " was neither played nor given up");
    }
    before.insert(before.end(), decisions_.begin(), decisions_.end());
    return before;
  }

 private:
  void add_filler(const PlayoutStep& step) {
    // After the last frame nothing is missing; only its end was not known yet.
    if (step.sequence >= trace_.frames.size() || step.duration <= Duration::zero()) return;
    const Duration at = clocks_.arrival_at(step.at);
    if (!held_.empty()) {
      Decision& last = held_.back();
      if (last.state == Decision::State::kConcealed && last.frame == step.sequence &&
          *last.at + *last.duration == at) {
        *last.duration += step.duration;
        return;
      }
    }
    held_.push_back({Decision::State::kConcealed, step.sequence, at, step.duration});
  }

  Status give_up(const PlayoutStep& step) {
    Duration unfilled = step.duration;
    for (std::uint64_t i = 0; i < step.count; ++i) {
      const std::uint64_t frame = step.sequence + i;
      Status status = account_for(frame);
      if (!status.is_ok()) return status;
      held_.push_back({state_of(step, frame), frame, std::nullopt, unfilled});
      unfilled = Duration::zero();
    }
    return Status::ok();
  }

  // The buffer cannot know whether a frame that it takes for lost comes after all.
  Decision::State state_of(const PlayoutStep& step, std::uint64_t frame) const {
    const auto& arrived = trace_.frames[frame].arrived;
    if (!arrived) return Decision::State::kLost;
    const bool was_there = *arrived <= clocks_.arrival_at(step.at);
    const bool is_dropped = step.reason == PlayoutStep::Reason::kDropped && was_there;
    return is_dropped ? Decision::State::kDropped : Decision::State::kLate;
  }

  Status play(const PlayoutStep& step) {
    Status status = account_for(step.sequence);
    if (!status.is_ok()) return status;
    const Duration at = clocks_.arrival_at(step.at);
    const auto& arrived = trace_.frames[step.sequence].arrived;
    if (!arrived || at < *arrived) {
      return mistake("frame " + std::to_string(step.sequence) + " was played before it arrived");
    }
    remove_silence(step.silence_before);
    flush();
    decisions_.push_back({Decision::State::kPlayed, step.sequence, at, std::nullopt});
    return Status::ok();
  }

  // The sender was silent before it sent what then came late: silence is the filler's beginning.
  void remove_silence(Duration silence) {
    for (Decision& decision : held_) {
      if (decision.state != Decision::State::kConcealed) continue;
      const Duration part = std::clamp(silence, Duration::zero(), *decision.duration);
      *decision.at += part;
      *decision.duration -= part;
      silence -= part;
    }
  }

  void flush() {
    for (const Decision& decision : held_) {
      const bool is_nothing =
          decision.state == Decision::State::kConcealed && *decision.duration == Duration::zero();
      if (!is_nothing) decisions_.push_back(decision);
    }
    held_.clear();
  }

  Status account_for(std::uint64_t frame) {
    if (frame >= is_accounted_.size() || is_accounted_[frame]) {
      return mistake("frame " + std::to_string(frame) + " does not exist or came up twice");
    }
    is_accounted_[frame] = true;
    return Status::ok();
  }

  // Frames that should have come before the first that did: the buffer has never heard of them, and
  // nothing was being played yet.
  std::vector<Decision> before_the_first() {
    std::vector<Decision> decisions;
    const auto& arrivals = trace_.arrivals;
    const std::size_t end = arrivals.empty() ? is_accounted_.size() : arrivals.front().frame;
    for (std::size_t i = 0; i < end && !is_accounted_[i]; ++i) {
      is_accounted_[i] = true;
      const auto state = trace_.frames[i].arrived ? Decision::State::kLate : Decision::State::kLost;
      decisions.push_back({state, i, std::nullopt, Duration::zero()});
    }
    return decisions;
  }

  const Trace& trace_;
  const Clocks clocks_;
  std::vector<bool> is_accounted_;
  std::vector<Decision> held_;
  std::vector<Decision> decisions_;
  bool is_ended_ = false;
};

class Player {
 public:
  Player(const Trace& trace, const JitterBufferOptions& options)
      : trace_(trace), clocks_(trace), buffer_(options), log_(trace) {}

  Result<Replay> run() && {
    Status status = feed();
    if (status.is_ok()) status = play_until(kNever);
    if (!status.is_ok()) return status;
    auto decisions = std::move(log_).take();
    if (!decisions) return decisions.error();
    return Replay{std::move(*decisions), buffer_.stats()};
  }

 private:
  Status feed() {
    for (std::size_t i = 0; i < trace_.arrivals.size(); ++i) {
      const TraceArrival& arrival = trace_.arrivals[i];
      const LocalTime now = clocks_.local(arrival.at);
      // What is due at this very moment is decided with what has come by now.
      Status status = play_until(now);
      if (!status.is_ok()) return status;
      last_event_ = now;
      buffer_.insert({arrival.frame, clocks_.capture(trace_.frames[arrival.frame].sent), now});
      if (i + 1 == trace_.arrivals.size()) buffer_.finish(trace_.frames.size(), now);
      const auto steps = drain(now);
      if (!steps) return steps.error();
    }
    return Status::ok();
  }

  // Polls at each deadline before `end`, as a node's timers do: never before the last event.
  Status play_until(LocalTime end) {
    constexpr Duration kTimerStep = std::chrono::microseconds(1);
    constexpr Duration kPatience = std::chrono::seconds(1);
    Duration behind{};
    while (!log_.is_ended()) {
      const LocalTime deadline = buffer_.next_deadline();
      if (deadline >= end || (end != kNever && is_only_filling(deadline))) break;
      const auto steps = drain(std::max(now_, deadline_after(deadline, behind)));
      if (!steps) return steps.error();
      const bool advances = buffer_.next_deadline() > deadline_after(deadline, behind + kTimerStep);
      // Where it was too early by a rounding, time goes on. A buffer that wants to be asked for
      // ever would keep its node busy.
      behind = *steps > 0 || advances ? Duration::zero() : 2 * behind + kTimerStep;
      if (behind > kPatience) return mistake("nothing happens at its deadline");
    }
    return Status::ok();
  }

  // A trace may pause for years, which are the same filler over and over. After an hour, within
  // which all that is there comes up, the clock leaps to the next arrival, as after a suspend.
  bool is_only_filling(LocalTime until) const {
    constexpr Duration kLongest = std::chrono::hours(1);
    return until > deadline_after(last_event_, kLongest);
  }

  // How many steps there were.
  Result<std::size_t> drain(LocalTime now) {
    now_ = now;
    std::size_t steps = 0;
    while (auto step = buffer_.poll(now)) {
      Status status = log_.add(*step);
      if (!status.is_ok()) return status;
      if (step->kind != PlayoutStep::Kind::kConceal) last_event_ = now;
      ++steps;
    }
    return steps;
  }

  const Trace& trace_;
  const Clocks clocks_;
  JitterBuffer buffer_;
  DecisionLog log_;
  LocalTime now_ = LocalTime::min();
  // The last arrival, or the last step that was no filler.
  LocalTime last_event_{};
};

}  // namespace

Result<Replay> replay(const Trace& trace, const JitterBufferOptions& options) {
  return Player(trace, options).run();
}

}  // namespace echostream::tool
