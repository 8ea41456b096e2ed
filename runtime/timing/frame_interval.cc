#include "runtime/timing/frame_interval.h"

#include <algorithm>

namespace echostream::timing {

namespace {

// Ten thousand frames a second, and one: beyond that nothing is played that a buffer could help.
constexpr double kLeast = 100;
constexpr double kMostMicroseconds = 1e6;

}  // namespace

void FrameInterval::update() {
  std::array<double, kGaps> sorted = last_;
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(count_, kGaps));
  const auto middle = sorted.begin() + (end - sorted.begin()) / 2;
  std::nth_element(sorted.begin(), middle, end);
  value_ = std::clamp(*middle, kLeast, kMostMicroseconds);
}

}  // namespace echostream::timing
