#include "runtime/timing/peer_clock.h"

#include <algorithm>
#include <cmath>

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

// 500 us a second, the rate at which NTP slews (RFC 5905 section 12): no playout or timer notices.
constexpr double kSlewPerSecond = 500;
// A larger lag shall not last longer than that ...
constexpr double kMostSlewSeconds = 10;
// ... as long as time does not run a tenth faster or slower.
constexpr double kMostSlewPerSecond = 1e5;
// The first seconds of a life of the clocks: the burst is over, the estimate has settled.
constexpr Duration kFirstLock = 3s;
// Five idle probes in a row without an answer: with a loss of 1 % that is no chance.
constexpr Duration kHoldoverAfter = 5s;
// So many consistent exchanges before stamps that contradicted all earlier ones are followed: one
// or two wrong ones then do not move the output, which could not move back.
constexpr std::uint64_t kConfirmations = 3;
// Four contradictions within a minute are no suspend: no lid is closed and opened so often.
constexpr int kMostContradictions = 4;
constexpr Duration kContradictionMemory = 60s;
constexpr Duration kDistrust = 30s;
// Stamps are told of that much after they were taken at most, but in a process that is stuck.
constexpr Duration kProcessing = 100ms;
// The output stands still for longer than any correction of an estimate takes: the clock jumped.
constexpr double kLongHold = 1e5;
// Standing still for longer than that would be worse than a step: a machine that slept for an hour
// has a clock that is an hour behind, and true stamps of it could not be understood for that hour.
constexpr double kMostHold = 1e6;

LocalTime later(LocalTime time, Duration by) {
  return time > LocalTime::max() - by ? LocalTime::max() : time + by;
}

// Saturating, as `from` may be LocalTime::min().
Duration since(LocalTime from, LocalTime now) {
  if (now <= from) return {};
  const std::int64_t apart = wrapping_difference(count_of(now), count_of(from));
  return apart < 0 ? Duration::max() : Duration(apart);
}

// What passes here while `time` passes on a clock that runs faster by `rate`.
std::int64_t passed(std::int64_t time, double rate) {
  const double more = static_cast<double>(time) * (rate / (1 + rate));
  return wrapping_difference(time, nanoseconds(more / 1e3));
}

}  // namespace

void PeerClock::add_forward(LocalTime sent, RemoteTime received) {
  handle(estimator_.add_forward(sent, received), sent, true);
}

void PeerClock::add_backward(RemoteTime sent, LocalTime received) {
  handle(estimator_.add_backward(sent, received), received, false);
}

void PeerClock::handle_path_change(LocalTime now) { estimator_.handle_path_change(now); }

void PeerClock::handle(ClockEstimator::Outcome outcome, LocalTime at, bool is_request) {
  if (outcome == ClockEstimator::Outcome::kIgnored) return;
  if (outcome == ClockEstimator::Outcome::kContradiction) {
    note_contradiction(at);
  } else if (unconfirmed_ > 0 && !is_request) {
    --unconfirmed_;
  }
  if (is_request) ++samples_;
  last_update_ = std::max(last_update_, at);
  if (!estimator_.is_known()) return;
  if (unconfirmed_ > 0 || at < distrusted_until_) {
    stepping_from_ = at;  // once it is believed again
  } else if (!known_ || (!is_request && at > output_.at)) {
    // Only a fresh reply tells what time it is: a request's stamp is a round trip old, and a true
    // T3 belongs to the reply before.
    follow(at);
  }
}

void PeerClock::note_contradiction(LocalTime at) {
  ++contradictions_;
  if (since(last_contradiction_, at) > kContradictionMemory) recent_contradictions_ = 0;
  ++recent_contradictions_;
  last_contradiction_ = at;
  if (known_) unconfirmed_ = kConfirmations;
  if (recent_contradictions_ >= kMostContradictions) distrusted_until_ = later(at, kDistrust);
}

// From `at` on the output goes towards the newest estimate, and begins where it was.
void PeerClock::follow(LocalTime at) {
  if (!known_) {
    known_ = true;
    stepping_from_ = at;
    target_ = estimator_.line(at);
    output_ = {at, remote_on_target(at), 0, 0, false};
    return;
  }
  at = std::max(at, std::min(asked_until_, later(at, kProcessing)));
  const std::int64_t remote = remote_at(at);
  target_ = estimator_.line(at);
  const double lag = static_cast<double>(wrapping_difference(remote, remote_on_target(at))) * 1e-3;
  const double rate =
      std::clamp(std::abs(lag) / kMostSlewSeconds, kSlewPerSecond, kMostSlewPerSecond);
  const bool may_step = since(stepping_from_, at) < kFirstLock;
  const bool goes_on_holding = output_.holds && lag > kLongHold;
  const bool steps_back = (may_step || goes_on_holding) && lag > kMostHold;
  if ((may_step && lag < 0) || steps_back) {
    output_ = {at, remote_on_target(at), 0, 0, false};
  } else {
    output_ = {at, remote, lag, rate, lag > 0 && (may_step || goes_on_holding)};
  }
}

std::int64_t PeerClock::remote_on_target(LocalTime time) const noexcept {
  const std::int64_t offset =
      wrapping_sum(target_.offset.count(), nanoseconds(target_.drift_us(time)));
  return wrapping_sum(count_of(time), offset);
}

// Whole nanoseconds where it stands still: the rounding of a sum would run backwards.
std::int64_t PeerClock::remote_at(LocalTime time) const noexcept {
  if (output_.holds) {
    const std::int64_t right = remote_on_target(time);
    const bool is_beyond = wrapping_difference(right, output_.remote) >= 0;
    return is_beyond == (time >= output_.at) ? right : output_.remote;
  }
  const double elapsed = static_cast<double>(since(output_.at, time).count()) * 1e-9;
  const double left = std::max(std::abs(output_.lag_us) - elapsed * output_.rate, 0.0);
  const double beyond = target_.drift_us(time) + std::copysign(left, output_.lag_us);
  const std::int64_t offset = wrapping_sum(target_.offset.count(), nanoseconds(beyond));
  return wrapping_sum(count_of(time), offset);
}

RemoteTime PeerClock::to_remote(LocalTime time) const {
  if (!known_) return RemoteTime(time.time_since_epoch());
  asked_until_ = std::max(asked_until_, time);
  return RemoteTime(Duration(remote_at(time)));
}

// The inverse, piece by piece: before `output_.at`, while it slews or stands still, afterwards.
LocalTime PeerClock::to_local(RemoteTime time) const {
  if (!known_) return LocalTime(time.time_since_epoch());
  const std::int64_t after = wrapping_difference(count_of(time), output_.remote);
  const std::int64_t lag = nanoseconds(output_.lag_us);
  const double skew = target_.skew * 1e-6;
  std::int64_t elapsed = 0;
  if (output_.holds) {
    elapsed = passed(wrapping_sum(after, lag), skew);
  } else if (after <= 0 || output_.lag_us == 0) {
    elapsed = passed(after, skew);
  } else {
    const double slew = std::copysign(output_.rate * 1e-6, -output_.lag_us);
    const std::int64_t slewing = nanoseconds(std::abs(output_.lag_us) / output_.rate * 1e6);
    elapsed = passed(after, skew + slew);
    if (elapsed > slewing) elapsed = std::max(slewing, passed(wrapping_sum(after, lag), skew));
  }
  const LocalTime result(Duration(wrapping_sum(count_of(output_.at), elapsed)));
  asked_until_ = std::max(asked_until_, result);
  return result;
}

ClockState PeerClock::state(LocalTime now, const ClockEstimator::Estimate& estimate) const {
  if (!known_) return ClockState::kAcquiring;
  const std::int64_t ahead = wrapping_difference(remote_at(now), remote_on_target(now));
  const bool stands_still = output_.holds && ahead > kLongHold * 1e3;
  if (now < distrusted_until_ || unconfirmed_ > 0 || stands_still) return ClockState::kUnreliable;
  if (since(last_update_, now) > kHoldoverAfter) return ClockState::kHoldover;
  if (!estimate.path_is_settled) return ClockState::kPathChanged;
  if (since(stepping_from_, now) < kFirstLock) return ClockState::kAcquiring;
  return ClockState::kTracking;
}

ClockEstimate PeerClock::estimate(LocalTime now) const {
  ClockEstimate result;
  result.samples = samples_;
  result.bound = result.estimated_error = Duration::max();
  result.last_update = last_update_;
  if (!known_) return result;
  result.offset = Duration(wrapping_difference(remote_at(now), count_of(now)));
  asked_until_ = std::max(asked_until_, now);
  result.skew_ppm = target_.skew;
  if (!estimator_.is_known()) {
    result.state = ClockState::kUnreliable;
    return result;
  }
  const ClockEstimator::Estimate likely = estimator_.estimate(now);
  const double off =
      static_cast<double>(wrapping_difference(result.offset.count(), likely.offset.count())) * 1e-3;
  const double bound = std::max(likely.above_us - off, likely.below_us + off);
  result.bound = Duration(nanoseconds(bound) + 1);
  result.estimated_error =
      std::min(result.bound, Duration(nanoseconds(likely.error_us + std::abs(off)) + 1));
  result.least_rtt = likely.least_rtt;
  result.state = state(now, likely);
  return result;
}

}  // namespace echostream::timing
