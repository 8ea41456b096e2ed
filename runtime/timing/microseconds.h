// Durations as microseconds in floating point, for what is computed between two stamps.
#pragma once

#include "echostream/base/time.h"

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {

inline double to_microseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1000;
}

inline Duration to_duration(double microseconds) { return Duration(nanoseconds(microseconds)); }

}  // namespace echostream::timing
