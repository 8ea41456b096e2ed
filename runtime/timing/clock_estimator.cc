#include "runtime/timing/clock_estimator.h"

#include <algorithm>
#include <cmath>

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {
namespace {

// Times of two events of ours that lie further apart are not of one life of this machine.
constexpr double kMostSeconds = 1e9;  // 32 years
// How long after a change of the path its delays count as not yet known.
constexpr Duration kSettling = std::chrono::seconds(10);
// By that part of itself the bound is wider then. The old stamps still hold; but both ends switch
// at different moments, so a stamp may be of a packet that was delayed or repeated on the way over,
// and users shall see at once that delays are not what they were.
constexpr double kWidening = 0.5;
// Two halves of an exchange are not further apart.
constexpr Duration kOneExchange = std::chrono::seconds(2);
// us: a stamp's own noise.
constexpr double kSame = 2;
// ppm. Steeper lines come from few points or from lies; the envelope allows 500.
constexpr double kMostSkew = 1000;
// Deviations that count as the error to expect. Were they normal and rightly estimated, 2.6 would
// hold 99 %; but delays are never quite what the filter takes them for, and neighbouring points
// are not independent. Four hold it on most paths, six on nearly all, with eight none was found
// where they do not.
constexpr double kErrorDeviations = 8;
constexpr double kErrorFloor = 2;  // us, of the stamps themselves

}  // namespace

double ClockLine::drift_us(LocalTime time) const noexcept {
  return static_cast<double>(wrapping_difference(count_of(time), count_of(at))) * 1e-9 * skew;
}

double ClockEstimator::seconds(LocalTime time) const noexcept {
  return static_cast<double>(wrapping_difference(count_of(time), count_of(reference_.time))) * 1e-9;
}

double ClockEstimator::relative(std::int64_t offset) const noexcept {
  return static_cast<double>(wrapping_difference(offset, reference_.offset)) * 1e-3;
}

ClockEstimator::Outcome ClockEstimator::add_forward(LocalTime sent, RemoteTime received) {
  return add(Side::kUpper, sent, wrapping_difference(count_of(received), count_of(sent)));
}

ClockEstimator::Outcome ClockEstimator::add_backward(RemoteTime sent, LocalTime received) {
  return add(Side::kLower, received, wrapping_difference(count_of(sent), count_of(received)));
}

bool ClockEstimator::is_possible(LocalTime local) const noexcept {
  return local >= begun_ && std::abs(seconds(local)) < kMostSeconds;
}

void ClockEstimator::restart(LocalTime local, std::int64_t offset) {
  envelope_.clear();
  filter_ = ClockFilter();
  path_changes_ = 0;
  reference_ = {local, offset};
  begun_ = local;
  has_reference_ = true;
}

// False: it contradicts what is there.
bool ClockEstimator::put(Side side, LocalTime local, std::int64_t offset) {
  const OffsetPoint point{seconds(local), relative(offset)};
  const auto found = side == Side::kUpper ? envelope_.add_upper(point) : envelope_.add_lower(point);
  if (found == ClockEnvelope::Outcome::kContradiction) return false;
  if (side == Side::kUpper) {
    filter_.add_upper(point);
  } else {
    filter_.add_lower(point);
  }
  if (filter_.path_changes() != path_changes_) {
    path_changes_ = filter_.path_changes();
    path_changed_ = local;
    has_path_changed_ = true;
  }
  return true;
}

ClockEstimator::Outcome ClockEstimator::add(Side side, LocalTime local, std::int64_t offset) {
  if (!has_reference_) {
    restart(local, offset);
  } else if (!is_possible(local)) {
    return Outcome::kIgnored;
  }
  const auto index = static_cast<std::size_t>(side);
  const Last other = last_[1 - index];
  // The true time of a reply, close to the early one: for the filter it would be one delay twice.
  const bool says_the_same = last_[index].is_known && last_[index].local == local &&
                             std::abs(relative(offset) - relative(last_[index].offset)) < kSame;
  last_[index] = {local, offset, true};
  if (says_the_same) return Outcome::kUsed;
  if (put(side, local, offset)) return Outcome::kUsed;
  restart(local, offset);
  put(side, local, offset);
  // The other half of the same exchange tells of the new life too, if it does not contradict.
  const auto apart = Duration(wrapping_difference(count_of(local), count_of(other.local)));
  const Side opposite = side == Side::kUpper ? Side::kLower : Side::kUpper;
  if (other.is_known && apart > -kOneExchange && apart < kOneExchange &&
      !put(opposite, other.local, other.offset)) {
    restart(local, offset);
    put(side, local, offset);
  }
  return Outcome::kContradiction;
}

void ClockEstimator::handle_path_change(LocalTime now) {
  filter_.handle_path_change();
  path_changes_ = filter_.path_changes();
  path_changed_ = now;
  has_path_changed_ = true;
}

ClockLine ClockEstimator::line(LocalTime at) const {
  const auto guess = filter_.predict(seconds(at));
  return {at, Duration(wrapping_sum(reference_.offset, nanoseconds(guess.offset_us))),
          std::clamp(guess.slope, -kMostSkew, kMostSkew)};
}

ClockEstimator::Estimate ClockEstimator::estimate(LocalTime at) const {
  const auto guess = filter_.predict(seconds(at));
  const OffsetLimits limits = envelope_.limits(seconds(at));
  Estimate result;
  result.offset = Duration(wrapping_sum(reference_.offset, nanoseconds(guess.offset_us)));
  result.skew = guess.slope;
  result.below_us = std::max(guess.offset_us - limits.lower_us, 0.0);
  result.above_us = std::max(limits.upper_us - guess.offset_us, 0.0);
  result.error_us = kErrorDeviations * guess.offset_sd_us + kErrorFloor;
  result.least_rtt = Duration(nanoseconds(std::max(filter_.least_rtt_us(), 0.0)));
  if (!has_path_changed_) return result;
  const auto since = Duration(wrapping_difference(count_of(at), count_of(path_changed_)));
  if (since >= kSettling) return result;
  result.path_is_settled = false;
  const double left = 1 - std::max(static_cast<double>(since.count()), 0.0) /
                              static_cast<double>(kSettling.count());
  const double wider = kWidening * left * (result.below_us + result.above_us) / 2;
  result.below_us += wider;
  result.above_us += wider;
  result.error_us += wider;
  return result;
}

}  // namespace echostream::timing
