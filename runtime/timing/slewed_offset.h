// A clock that is told where it should be and gets there without running backwards. No I/O, no
// clock.
#pragma once

#include "echostream/base/time.h"

namespace echostream::timing {

/// Shows `time + offset`, where the offset follows a line that is aimed anew now and then. It is
/// approached at a limited rate; only a line far ahead is stepped to.
///
/// Never backwards: for one line, over all times; across aim(), for times from the aim on. Times
/// before it are answered as if the new line had always been followed.
class SlewedOffset {
 public:
  /// From now on the offset should be `offset` at `at`, growing by `skew_ppm` us a second.
  void aim(LocalTime at, Duration offset, double skew_ppm) noexcept;
  /// The same with a step, backwards too: a clock that has nothing to do with the one before.
  void restart(LocalTime at, Duration offset, double skew_ppm) noexcept;

  bool is_running() const noexcept { return is_running_; }
  Duration offset_at(LocalTime time) const noexcept;
  /// How far it is from the line.
  Duration lag_at(LocalTime time) const noexcept;
  /// The time at which `shown` is shown.
  LocalTime time_of(Duration shown) const noexcept;

 private:
  double lag_us_at(LocalTime time) const noexcept;
  double drift_us_at(LocalTime time) const noexcept;

  bool is_running_ = false;
  LocalTime aimed_at_{};
  Duration offset_{};
  double skew_ppm_ = 0;
  // Shown minus line at aimed_at_, and how fast it goes away.
  double lag_us_ = 0;
  double rate_ppm_ = 0;
};

}  // namespace echostream::timing
