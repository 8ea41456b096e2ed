// The clocks of this machine, and how a kernel receive stamp, which is a time of day, becomes a
// LocalTime.
#pragma once

#include "echostream/base/time.h"

namespace echostream::internal {

/// CLOCK_MONOTONIC, read anew in each call: through the vDSO that costs some 25 ns, less than what
/// a stale time would do to clock sync and pacing.
LocalTime monotonic_now() noexcept;
/// CLOCK_REALTIME.
WallTime realtime_now() noexcept;

/// Both clocks, read close together.
class StampConverter {
 public:
  StampConverter(LocalTime now, WallTime wall_now) noexcept : now_(now), wall_now_(wall_now) {}
  /// Reads the clocks; measure anew for each batch, because the time of day may be stepped.
  static StampConverter measure() noexcept;

  LocalTime now() const noexcept { return now_; }
  /// When `stamp` was, on the monotonic clock. A stamp in the future, or older than a second, means
  /// that the time of day was stepped meanwhile: then the answer is now().
  LocalTime to_local(WallTime stamp) const noexcept;

 private:
  LocalTime now_;
  WallTime wall_now_;
};

}  // namespace echostream::internal
