#include "runtime/timing/slewed_offset.h"

#include <algorithm>
#include <cmath>

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {

namespace {

// NTP slews by 500 us a second (RFC 5905, section 12): nobody notices.
constexpr double kSlewPpm = 500;
// A greater lag shall be gone within seconds all the same ...
constexpr double kSlewSeconds = 10;
// ... as long as time runs no more than a tenth faster or slower, a playout's usual stretch.
constexpr double kMostSlewPpm = 1e5;
// So far behind, running faster would take more than ten seconds: better one step forward.
constexpr double kStepForwardUs = 1e6;
// More than any pair of quartz clocks differs by; a peer may claim anything.
constexpr double kMostSkewPpm = 1000;

double seconds_between(LocalTime from, LocalTime to) noexcept {
  return static_cast<double>(wrapping_difference(count_of(to), count_of(from))) * 1e-9;
}

}  // namespace

void SlewedOffset::aim(LocalTime at, Duration offset, double skew_ppm) noexcept {
  if (!is_running_) {
    restart(at, offset, skew_ppm);
    return;
  }
  const Duration before = offset_at(at);
  restart(at, offset, skew_ppm);
  lag_us_ = static_cast<double>(wrapping_difference(before.count(), offset.count())) * 1e-3;
  if (lag_us_ < -kStepForwardUs) lag_us_ = 0;
  rate_ppm_ = std::clamp(std::abs(lag_us_) / kSlewSeconds, kSlewPpm, kMostSlewPpm);
}

void SlewedOffset::restart(LocalTime at, Duration offset, double skew_ppm) noexcept {
  is_running_ = true;
  aimed_at_ = at;
  offset_ = offset;
  skew_ppm_ = std::isfinite(skew_ppm) ? std::clamp(skew_ppm, -kMostSkewPpm, kMostSkewPpm) : 0;
  lag_us_ = 0;
  rate_ppm_ = 0;
}

double SlewedOffset::drift_us_at(LocalTime time) const noexcept {
  return seconds_between(aimed_at_, time) * skew_ppm_;
}

double SlewedOffset::lag_us_at(LocalTime time) const noexcept {
  const double gone = std::max(seconds_between(aimed_at_, time), 0.0) * rate_ppm_;
  return std::copysign(std::max(std::abs(lag_us_) - gone, 0.0), lag_us_);
}

Duration SlewedOffset::offset_at(LocalTime time) const noexcept {
  const double beyond = drift_us_at(time) + lag_us_at(time);
  return Duration(wrapping_sum(offset_.count(), nanoseconds(beyond)));
}

Duration SlewedOffset::lag_at(LocalTime time) const noexcept {
  return Duration(nanoseconds(lag_us_at(time)));
}

LocalTime SlewedOffset::time_of(Duration shown) const noexcept {
  // Each round leaves a tenth of the error (the greatest slope), of at most seconds to begin with
  // or, far from the aim, of what the skew adds up to.
  LocalTime time(Duration(wrapping_difference(shown.count(), offset_.count())));
  for (int round = 0; round < 20; ++round) {
    const Duration offset = offset_at(time);
    time = LocalTime(Duration(wrapping_difference(shown.count(), offset.count())));
  }
  return time;
}

}  // namespace echostream::timing
