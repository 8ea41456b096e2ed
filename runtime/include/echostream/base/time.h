// The three clocks as types. Nothing here reads a clock: the loop does, and passes the time on.
#pragma once

#include <chrono>
#include <cstdint>

namespace echostream {

using Duration = std::chrono::nanoseconds;

namespace internal {
// Clocks in the sense of std::chrono without now(): they only keep their time points apart.
template <int kTag>
struct ClockTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<ClockTag>;
  static constexpr bool is_steady = true;
};
}  // namespace internal

/// This node's monotonic clock. Its epoch is arbitrary; only differences mean something.
using LocalTime = std::chrono::time_point<internal::ClockTag<0>, Duration>;
/// The peer's monotonic clock, as stamped by the peer. Not comparable with LocalTime.
using RemoteTime = std::chrono::time_point<internal::ClockTag<1>, Duration>;
/// Time of day (Unix time), used for certificates and logs only.
using WallTime = std::chrono::time_point<internal::ClockTag<2>, Duration>;

/// "No deadline": later than every time.
inline constexpr LocalTime kNever = LocalTime::max();

/// `now + timeout`, or kNever where that would overflow.
constexpr LocalTime deadline_after(LocalTime now, Duration timeout) {
  return timeout >= kNever - now ? kNever : now + timeout;
}

}  // namespace echostream
