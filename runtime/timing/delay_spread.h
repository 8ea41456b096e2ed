// How far one direction's delays lie above their least one: the scale of what ClockModel takes for
// exponential.
#pragma once

#include <array>

#include "runtime/timing/clock_envelope.h"

namespace echostream::timing {

class DelaySpread {
 public:
  /// A measurement whose offset is a delay plus the clocks' offset.
  void add(OffsetPoint point) noexcept;
  /// From now on other delays are measured.
  void forget() noexcept;
  int samples() const noexcept { return samples_; }
  /// The mean excess of the lower part of the latest points; their offsets drift by `slope`.
  /// Needs two samples.
  double mean_us(double slope) const noexcept;

 private:
  // Half a minute at 1 Hz, 6 s at 5 Hz: within it a clock is a line, and a path the same.
  static constexpr int kMemory = 32;

  std::array<OffsetPoint, kMemory> recent_{};
  int samples_ = 0;
  int next_ = 0;
};

}  // namespace echostream::timing
