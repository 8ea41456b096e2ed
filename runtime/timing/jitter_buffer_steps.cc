// The decisions of the jitter buffer: what happens at the moment at which something is due.
#include <algorithm>
#include <cmath>

#include "runtime/timing/clock_arithmetic.h"
#include "runtime/timing/jitter_buffer.h"
#include "runtime/timing/microseconds.h"

namespace echostream::timing {

namespace {

using Kind = PlayoutStep::Kind;
using Reason = PlayoutStep::Reason;

// The shortest frame of common voice codecs; filler can be made in such pieces. What plays waits on
// average half of it longer than it would have to.
constexpr double kFillerStep = 2'500;
// Captures that are on average so much further apart than usual have a pause of the sender's
// between them.
constexpr double kPause = 1.5;
// From there on filler is no speech any more, and what waits for data waits with some reserve.
constexpr double kLongGap = 100'000;
constexpr double kLongFillerStep = 20'000;
// When all that came in such a time came too late, the timeline is not the stream's any more.
constexpr double kStarved = 500'000;
// Who hears a second of nothing knows that there is nothing.
constexpr double kIdleAfter = 1e6;
// WebRTC's freeze.
constexpr double kFreeze = 150'000;
// Differences that are not worth a correction, whatever the frames are.
constexpr double kTolerance = 1'000;
constexpr double kRounding = 0.5;

}  // namespace

std::optional<PlayoutStep> JitterBuffer::step(LocalTime now) {
  if (const WaitingFrame* frame = ring_.find(ring_.next())) {
    const double early = frame->arrived - cursor_;
    if (early > kRounding && has_played_) return conceal(early);
    cursor_ = std::max(cursor_, frame->arrived);
    if (local_time(cursor_) > now) return std::nullopt;
    return step_with(*frame);
  }
  return step_without();
}

/// Whether the sender paused before `frame`: between the captures lies more than its frames take.
bool JitterBuffer::is_after_silence(const WaitingFrame& frame) const {
  if (!has_played_) return false;
  const auto frames = static_cast<double>(frame.sequence - last_sequence_);
  return frame.capture - last_capture_ > kPause * frames * interval_.value();
}

/// How much later than now the frame should be played.
double JitterBuffer::missing_delay(const WaitingFrame& frame, bool after_silence,
                                   double excess) const {
  // In silence, and to join a group, the delay may change at once.
  if (after_silence || (followed_ && -excess > max_skew_)) return -excess;
  const double offset = cursor_ - frame.capture;
  // Not before its own time, which is later than thought when the sender captured it later.
  const double early = has_played_ ? planned_offset_ - offset : 0;
  if (early > kTolerance) return early;
  // With nothing in reserve the next gap would follow at once.
  if (gap_ > kLongGap) return model_.base() + model_.target() / 2 - offset;
  return 0;
}

std::optional<PlayoutStep> JitterBuffer::step_with(const WaitingFrame& frame) {
  const bool after_silence = is_after_silence(frame);
  const double excess = cursor_ - frame.capture - wanted_offset();
  const double missing = missing_delay(frame, after_silence, excess);
  if (missing > kRounding && has_played_) return conceal(missing);
  if (options_.late_policy != LatePolicy::kWait && !after_silence) {
    if (Step step = leave_out(frame, excess)) return step;
  }
  return play(frame);
}

/// The step that gives up `frame`, which is here, if it should be.
std::optional<PlayoutStep> JitterBuffer::leave_out(const WaitingFrame& frame, double excess) {
  const double interval = interval_.value();
  const double late = cursor_ - frame.capture - planned_offset_;
  if (options_.late_policy == LatePolicy::kSkip && gap_ < kStarved && filled_ > kRounding &&
      std::min(late, excess) > kRounding) {
    if (filled_ < interval - kRounding) return conceal(interval - filled_);
    return give_up(Reason::kLate);
  }
  // Nothing is gained by leaving out one that came too late when no later one is there.
  const WaitingFrame* following = ring_.first_after(frame.sequence);
  if (following == nullptr || following->capture <= frame.capture) return std::nullopt;
  // Filler has already stood for it, and without it the playout is nearer to its place.
  const bool is_filled = excess > interval && credit_ >= interval - kRounding;
  const double beyond_bound =
      cursor_ - frame.capture - model_.base() - interval - to_microseconds(options_.max_delay);
  const bool must_jump = followed_ ? excess > std::max(max_skew_, interval) : beyond_bound > 0;
  // Once begun it goes on, so that there is one gap instead of several.
  const double limit = dropping_ ? model_.drop_limit() / 2 : model_.drop_limit();
  if (!is_filled && !must_jump && excess <= limit + interval) return std::nullopt;
  dropping_ = !is_filled;
  PlayoutStep step = is_filled ? give_up(Reason::kLate, interval) : give_up(Reason::kDropped);
  // The next one is not to wait for the time that it would have had.
  planned_offset_ = std::min(planned_offset_, cursor_ - following->capture);
  return step;
}

/// How long the frame is to be played without correction, as far as it can be known now.
double JitterBuffer::nominal_duration(const WaitingFrame& frame) const {
  const double interval = interval_.value();
  const WaitingFrame* following = ring_.first_after(frame.sequence);
  if (following == nullptr) return interval;
  const double gap = (following->capture - frame.capture) /
                     static_cast<double>(following->sequence - frame.sequence);
  return gap > kPause * interval ? interval : std::max(gap, 0.0);
}

/// What to add to a frame's duration, so that the delay comes nearer to what is wanted.
double JitterBuffer::correction(double offset, double nominal) const {
  // What waits for every frame catches up like all others, but not from beyond the longest delay.
  const double bound = model_.base() + to_microseconds(options_.max_delay);
  const double lead = offset - bound;
  if (!followed_ && lead > nominal) return -nominal;
  const double excess = offset - wanted_offset();
  const double most = options_.max_stretch * nominal;
  if (excess < -kTolerance) return std::min(-excess, most);
  // Being too late costs less than too early, so that small excesses are left alone; but not where
  // others play at the same time.
  const double tolerated =
      followed_ ? kTolerance : std::max(2 * kTolerance, 0.08 * model_.target());
  return excess > tolerated ? -std::min(excess, most) : 0;
}

/// How much of the filler before `frame` was the sender's: frames captured further apart than usual
/// leave a hole that the network has not made.
double JitterBuffer::silence_before(const WaitingFrame& frame) const {
  if (is_after_silence(frame)) return filled_;
  if (!has_played_) return 0;
  const auto others = static_cast<double>(frame.sequence - last_sequence_ - 1);
  const double hole = frame.capture - last_capture_ - last_nominal_ - others * interval_.value();
  return std::clamp(hole, 0.0, filled_);
}

PlayoutStep JitterBuffer::play(const WaitingFrame& frame) {
  const double silence = silence_before(frame);
  offset_ = cursor_ - frame.capture;
  const double nominal = nominal_duration(frame);
  const double change = correction(offset_, nominal);
  PlayoutStep step = make_step(Kind::kPlay);
  step.sequence = frame.sequence;
  step.duration = to_duration(nominal + change);
  step.silence_before = std::min(to_duration(silence), announced_);
  stats_.concealed -= step.silence_before;
  stats_.silent_concealed += step.silence_before;
  gap_ -= silence;
  count_played(frame, change);

  // The filler of a gap counts as long as the playout is behind for it.
  const double excess = offset_ - wanted_offset();
  credit_ = excess > interval_.value() ? std::min(credit_ - silence, excess) : 0;
  playing_ = has_played_ = true;
  last_sequence_ = frame.sequence;
  last_capture_ = frame.capture;
  last_nominal_ = nominal;
  filled_ = gap_ = 0;
  dropping_ = false;
  announced_ = Duration::zero();
  planned_offset_ = offset_ + change;
  cursor_ += nominal + change;
  ring_.pass();
  return step;
}

void JitterBuffer::count_played(const WaitingFrame& frame, double change) {
  if (gap_ > kRounding) ++stats_.concealment_events;
  if (gap_ > kFreeze) {
    ++stats_.freezes;
    stats_.freeze_duration += to_duration(gap_);
  }
  (change > 0 ? stats_.inserted_for_deceleration : stats_.removed_for_acceleration) +=
      to_duration(std::abs(change));
  ++stats_.frames_emitted;
  // A recorded stream may last a century, and its frames wait as long.
  stats_.delay_sum = saturating_sum(stats_.delay_sum, to_duration(cursor_ - frame.arrived));
  stats_.target_delay = to_duration(wanted_offset() - model_.base());
  stats_.target_delay_sum = saturating_sum(stats_.target_delay_sum, stats_.target_delay);
  stats_.minimum_delay_sum = saturating_sum(stats_.minimum_delay_sum, to_duration(model_.target()));
  stats_.current_delay = to_duration(offset_ - model_.base());
}

std::optional<PlayoutStep> JitterBuffer::step_without() {
  const double interval = interval_.value();
  const WaitingFrame* following = ring_.first_after(ring_.next());
  if (following == nullptr) {
    if (total_ && cursor_ >= give_up_rest_at_ - kRounding) return give_up_rest();
    if (!total_ && gap_ >= kIdleAfter) {
      idle_ = true;
      return std::nullopt;
    }
    return conceal(gap_ < kLongGap ? kFillerStep : kLongFillerStep);
  }
  if (following->arrived > cursor_) return conceal(following->arrived - cursor_);
  if (options_.late_policy == LatePolicy::kWait && (!total_ || cursor_ < give_up_rest_at_)) {
    return conceal(gap_ < kLongGap ? kFillerStep : kLongFillerStep);
  }
  if (filled_ >= interval - kRounding) return give_up(Reason::kLost);
  // Behind its place anyway, the playout gains by going on without filler.
  const auto frames = static_cast<double>(following->sequence - ring_.next());
  const double offset_of_next = cursor_ - (following->capture - (frames - 1) * interval);
  if (!is_after_silence(*following) && offset_of_next > wanted_offset()) {
    return give_up(Reason::kLost);
  }
  return conceal(std::min(kFillerStep, interval - filled_));
}

PlayoutStep JitterBuffer::make_step(Kind kind) const {
  PlayoutStep step;
  step.kind = kind;
  step.sequence = ring_.next();
  step.at = local_time(cursor_);
  return step;
}

PlayoutStep JitterBuffer::conceal(double duration) {
  PlayoutStep step = make_step(Kind::kConceal);
  step.duration = local_time(cursor_ + duration) - step.at;
  stats_.concealed += step.duration;
  announced_ += step.duration;
  filled_ += duration;
  gap_ += duration;
  credit_ += duration;
  cursor_ += duration;
  playing_ = true;
  idle_ = false;
  return step;
}

/// The frame whose turn it is will not be played; filler of this gap or (`filled_before`) of one
/// that the playout is still behind for has stood for it, or for a part of it.
PlayoutStep JitterBuffer::give_up(Reason reason, double filled_before) {
  PlayoutStep step = make_step(Kind::kGiveUp);
  step.reason = reason;
  const double duration = interval_.value();
  const double filled = std::min(filled_, duration);
  step.duration = to_duration(std::max(duration - filled - filled_before, 0.0));
  filled_ -= filled;
  credit_ = std::max(credit_ - duration, 0.0);
  planned_offset_ -= duration - filled;
  const bool is_here = ring_.find(ring_.next()) != nullptr;
  ++(!is_here                     ? stats_.frames_lost
     : reason == Reason::kDropped ? stats_.frames_dropped
                                  : stats_.frames_late);
  ring_.pass();
  playing_ = true;
  return step;
}

PlayoutStep JitterBuffer::give_up_pushed_out(LocalTime now) {
  const PushedOut row = pushed_out_.front();
  std::move(pushed_out_.begin() + 1,
            pushed_out_.begin() + static_cast<std::ptrdiff_t>(pushed_out_size_),
            pushed_out_.begin());
  --pushed_out_size_;
  PlayoutStep step = make_step(Kind::kGiveUp);
  step.reason = row.held_some ? Reason::kDropped : Reason::kLost;
  // At once, even while filler is being played: their owner needs the room.
  step.at = std::min(step.at, now);
  step.sequence = row.sequence;
  step.count = row.count;
  // Numbers that leap further than the buffer holds say nothing about how much is missing.
  const auto frames = static_cast<double>(std::min<std::uint64_t>(row.count, ring_.size()));
  const double missing = frames * interval_.value();
  const double filled = std::min(filled_, missing);
  step.duration = to_duration(missing - filled);
  filled_ -= filled;
  planned_offset_ -= missing - filled;
  return step;
}

PlayoutStep JitterBuffer::give_up_rest() {
  PlayoutStep step = make_step(Kind::kGiveUp);
  step.reason = Reason::kLost;
  step.count = *total_ - ring_.next();
  stats_.frames_lost += step.count;
  ring_.pass_until(*total_);
  return step;
}

}  // namespace echostream::timing
