#include "runtime/timing/jitter_buffer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runtime/timing/microseconds.h"

namespace echostream::timing {

namespace {

// Who polls later than that was stopped, and all that it held is late.
constexpr double kStalled = 100'000;

JitterBufferOptions with_defaults(JitterBufferOptions options) {
  options.min_delay = std::max(options.min_delay, Duration::zero());
  if (options.max_delay <= Duration::zero()) options.max_delay = std::chrono::seconds(2);
  options.max_delay = std::max(options.max_delay, options.min_delay);
  if (options.initial_delay <= Duration::zero()) {
    options.initial_delay = std::chrono::milliseconds(60);
  }
  options.initial_delay = std::clamp(options.initial_delay, options.min_delay, options.max_delay);
  if (!(options.max_late_share > 0)) options.max_late_share = 0.1;
  if (!(options.max_stretch > 0)) options.max_stretch = 0.12;
  options.max_stretch = std::min(options.max_stretch, 0.5);
  return options;
}

}  // namespace

JitterBuffer::JitterBuffer(const JitterBufferOptions& options, std::size_t max_frames)
    : options_(with_defaults(options)), ring_(max_frames), model_(options_) {}

double JitterBuffer::local(LocalTime time) const {
  return to_microseconds(Duration(wrapping_difference(count_of(time), count_of(first_arrived_))));
}

LocalTime JitterBuffer::local_time(double time) const {
  const Duration since = to_duration(time);
  return since >= Duration::zero() ? deadline_after(first_arrived_, since) : first_arrived_ + since;
}

/// The first arrival minus the first capture, as the two clocks have them.
std::int64_t JitterBuffer::epochs() const {
  return wrapping_difference(count_of(first_arrived_), count_of(captures_.first_stamp()));
}

void JitterBuffer::start(const FrameStamp& frame) {
  started_ = true;
  first_arrived_ = frame.arrived;
  captures_.start(frame.sequence, frame.capture);
  ring_.set_next(frame.sequence);
}

/// Everything that a frame says about the network and the sender; its capture time.
double JitterBuffer::learn(const FrameStamp& frame, double arrived) {
  const bool is_first = captures_.is_empty();
  const double capture = captures_.capture_of(frame.sequence, frame.capture, arrived, model_.base(),
                                              interval_.value());
  const double gap = is_first ? 0 : capture - captures_.newest_capture();
  if (!is_first && frame.sequence == captures_.newest() + 1) interval_.add(gap);
  if (frame.sequence < captures_.newest()) ++stats_.frames_reordered;
  const double transit = arrived - capture;
  model_.add(arrived, transit, gap, interval_.value());
  if (!is_first) {
    // RFC 3550, 6.4.1.
    const double change = std::abs(transit - last_transit_);
    stats_.jitter += to_duration((change - to_microseconds(stats_.jitter)) / 16);
  }
  last_transit_ = transit;
  captures_.add(frame.sequence, capture);
  stats_.target_delay = to_duration(wanted_offset() - model_.base());
  return capture;
}

/// A frame whose turn is over.
JitterBuffer::Inserted JitterBuffer::insert_behind(const FrameStamp& frame) {
  const FrameRing::Past past = ring_.past(frame.sequence);
  if (past == FrameRing::Past::kHandled) {
    ++stats_.frames_duplicate;
    return Inserted::kDuplicate;
  }
  learn(frame, local(frame.arrived));
  ++stats_.frames_late;
  if (past == FrameRing::Past::kMissed) {
    --stats_.frames_lost;  // as which it was counted when it was given up
    ring_.set_handled(frame.sequence);
  }
  return Inserted::kLate;
}

JitterBuffer::Inserted JitterBuffer::insert(const FrameStamp& frame) {
  if (ended_) return Inserted::kLate;
  if (captures_.is_empty()) start(frame);
  if (frame.sequence < ring_.next()) {
    // Before anything was played, a frame that was overtaken can still become the first one.
    if (playing_ || captures_.newest() - frame.sequence >= ring_.size()) {
      return insert_behind(frame);
    }
    ring_.set_next(frame.sequence);
  }
  if (ring_.fits(frame.sequence) && ring_.find(frame.sequence) != nullptr) {
    ++stats_.frames_duplicate;
    return Inserted::kDuplicate;
  }
  if (!ring_.fits(frame.sequence)) push_out_before(frame.sequence - ring_.size() + 1);
  const double arrived = local(frame.arrived);
  ring_.put({frame.sequence, learn(frame, arrived), arrived});
  if (total_ && frame.sequence >= *total_) total_ = frame.sequence + 1;
  if (!playing_) schedule_start();
  return Inserted::kQueued;
}

/// Makes room: all frames before `sequence` are given up, and reported as one row.
void JitterBuffer::push_out_before(std::uint64_t sequence) {
  const std::uint64_t first = ring_.next();
  const std::uint64_t count = sequence - first;
  const std::uint64_t held = ring_.pass_until(sequence);
  stats_.frames_dropped += held;
  stats_.frames_lost += count - held;
  if (pushed_out_size_ == pushed_out_.size()) {
    // Nobody polls. The rows follow each other, so that the last one simply grows.
    pushed_out_.back().count += count;
    pushed_out_.back().held_some |= held > 0;
  } else {
    pushed_out_[pushed_out_size_++] = {first, count, held > 0};
  }
  playing_ = true;
}

/// Before the first frame there is nothing that filler could be put between.
void JitterBuffer::schedule_start() {
  const WaitingFrame* first = ring_.find(ring_.next());
  if (first == nullptr || !followed_) {
    cursor_ = to_microseconds(options_.initial_delay);
  } else {
    cursor_ = std::max(first->arrived, first->capture + wanted_offset());
  }
}

void JitterBuffer::finish(std::uint64_t total, LocalTime now) {
  if (total_ || ended_) return;
  if (!started_) {
    first_arrived_ = now;
    started_ = true;
  }
  if (!captures_.is_empty() && total <= captures_.newest()) total = captures_.newest() + 1;
  total_ = total;
  const double time = local(now);
  give_up_rest_at_ = std::max(cursor_, time) + model_.target();
  if (ring_.next() >= total) cursor_ = std::max(cursor_, time);
  if (ring_.next() < total && !has_played_ && ring_.is_empty()) cursor_ = give_up_rest_at_;
  idle_ = false;
}

LocalTime JitterBuffer::next_deadline() const {
  if (ended_ || !started_) return kNever;
  if (idle_ && ring_.is_empty() && pushed_out_size_ == 0) return kNever;
  return local_time(cursor_);
}

std::optional<PlayoutStep> JitterBuffer::poll(LocalTime now) {
  if (pushed_out_size_ > 0) return give_up_pushed_out(now);
  if (!started_ || ended_) return std::nullopt;
  // Deadlines are whole nanoseconds.
  if (local_time(cursor_) > now) return std::nullopt;
  const double time = local(now);
  if (total_ && ring_.next() >= *total_) {
    ended_ = true;
    return make_step(PlayoutStep::Kind::kEnd);
  }
  if (!idle_ && playing_ && time - cursor_ > kStalled) return conceal(time - cursor_);
  return step(now);
}

std::optional<Duration> JitterBuffer::required_offset() const {
  if (captures_.is_empty()) return std::nullopt;
  const double own = model_.base() + model_.target() + captures_.shift();
  return Duration(wrapping_sum(epochs(), nanoseconds(own)));
}

std::optional<Duration> JitterBuffer::offset() const {
  if (!has_played_) return required_offset();
  return Duration(wrapping_sum(epochs(), nanoseconds(offset_ + captures_.shift())));
}

void JitterBuffer::follow(std::optional<Duration> offset, Duration max_skew) {
  followed_ = offset;
  max_skew_ = to_microseconds(max_skew);
  if (started_ && !playing_ && !captures_.is_empty()) schedule_start();
}

double JitterBuffer::wanted_offset() const {
  if (!followed_) return model_.base() + model_.target();
  const double offset =
      to_microseconds(Duration(wrapping_difference(followed_->count(), epochs())));
  // A group's time that is that far away is no network's delay.
  constexpr double kFarthest = 10e6;
  return std::clamp(offset - captures_.shift(), model_.base() - kFarthest,
                    model_.base() + kFarthest);
}

}  // namespace echostream::timing
