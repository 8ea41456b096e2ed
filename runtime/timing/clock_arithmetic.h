// Clock arithmetic that wraps around: stamps of a peer are any 64-bit numbers.
#pragma once

#include <cmath>
#include <cstdint>

#include "echostream/base/time.h"

namespace echostream::timing {

constexpr std::int64_t wrapping_difference(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

constexpr std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

/// The sum, or the greatest or least that there is.
constexpr Duration saturating_sum(Duration a, Duration b) noexcept {
  if (b > Duration::zero() && a > Duration::max() - b) return Duration::max();
  if (b < Duration::zero() && a < Duration::min() - b) return Duration::min();
  return a + b;
}

constexpr std::int64_t count_of(LocalTime time) noexcept { return time.time_since_epoch().count(); }
constexpr std::int64_t count_of(RemoteTime time) noexcept {
  return time.time_since_epoch().count();
}

/// Nanoseconds of `microseconds`, at most 146 years, which leaves room for a sum of two.
inline std::int64_t nanoseconds(double microseconds) noexcept {
  constexpr double kMost = 4.6e18;
  const double value = microseconds * 1e3;
  if (!(value < kMost)) return static_cast<std::int64_t>(kMost);  // also NaN
  if (value < -kMost) return -static_cast<std::int64_t>(kMost);
  return std::llround(value);
}

}  // namespace echostream::timing
