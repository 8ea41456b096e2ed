#include "runtime/timing/recent_minimum.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace echostream::timing {

namespace {

constexpr double kNothing = std::numeric_limits<double>::infinity();

}  // namespace

double& RecentMinimum::slot(std::int64_t number) {
  return slots_[static_cast<std::size_t>(((number % kSlots) + kSlots) % kSlots)];
}

void RecentMinimum::add(double time, double value) {
  // Three centuries in microseconds fit.
  const auto number =
      static_cast<std::int64_t>(std::floor(std::clamp(time, -1e16, 1e16) / slot_length_));
  if (is_empty_) {
    slots_.fill(kNothing);
    newest_ = number;
    value_ = value;
    is_empty_ = false;
  }
  if (number > newest_) {
    const std::int64_t passed = std::min(number - newest_, kSlots);
    for (std::int64_t i = 0; i < passed; ++i) slot(number - i) = kNothing;
    newest_ = number;
    value_ = *std::min_element(slots_.begin(), slots_.end());
  }
  slot(newest_) = std::min(slot(newest_), value);
  value_ = std::min(value_, value);
}

}  // namespace echostream::timing
