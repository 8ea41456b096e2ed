#include "runtime/loop/uv/clocks.h"

#include <time.h>

namespace echostream::internal {
namespace {

// Longer than a datagram waits in a healthy socket, shorter than most steps of the time of day.
constexpr Duration kOldestStamp = std::chrono::seconds(1);
// Two reads further apart than this had an interruption between them: read again.
constexpr Duration kCloseTogether = std::chrono::microseconds(5);
constexpr int kMostReads = 3;

Duration read(clockid_t clock) noexcept {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

}  // namespace

LocalTime monotonic_now() noexcept { return LocalTime(read(CLOCK_MONOTONIC)); }

WallTime realtime_now() noexcept { return WallTime(read(CLOCK_REALTIME)); }

StampConverter StampConverter::measure() noexcept {
  StampConverter best{LocalTime(), WallTime()};
  Duration best_gap = Duration::max();
  for (int i = 0; i < kMostReads && best_gap > kCloseTogether; ++i) {
    const LocalTime before = monotonic_now();
    const WallTime wall = realtime_now();
    const Duration gap = monotonic_now() - before;
    if (gap >= best_gap) continue;
    best_gap = gap;
    best = StampConverter(before + gap / 2, wall);
  }
  return best;
}

LocalTime StampConverter::to_local(WallTime stamp) const noexcept {
  // Compared as times of day first: a wild stamp must not overflow the difference.
  if (stamp > wall_now_ || stamp < wall_now_ - kOldestStamp) return now_;
  return now_ - (wall_now_ - stamp);
}

}  // namespace echostream::internal
