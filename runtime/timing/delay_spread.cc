#include "runtime/timing/delay_spread.h"

#include <algorithm>

namespace echostream::timing {
namespace {

// The quantile that is looked at: more than half of the points may be held up by something.
constexpr int kPart = 2;
constexpr int kOf = 5;
// us. What a stamp's own noise is; a smaller spread would be believed too much.
constexpr double kLeastMean = 1;

}  // namespace

void DelaySpread::add(OffsetPoint point) noexcept {
  recent_[static_cast<std::size_t>(next_)] = point;
  next_ = (next_ + 1) % kMemory;
  samples_ = std::min(samples_ + 1, kMemory);
}

void DelaySpread::forget() noexcept { samples_ = next_ = 0; }

double DelaySpread::mean_us(double slope) const noexcept {
  std::array<double, kMemory> delays;
  for (int i = 0; i < samples_; ++i) {
    const OffsetPoint& point = recent_[static_cast<std::size_t>(i)];
    delays[static_cast<std::size_t>(i)] =
        point.offset_us - slope * (point.time_s - recent_[0].time_s);
  }
  const auto end = delays.begin() + samples_;
  const int rank = std::clamp(samples_ * kPart / kOf, 1, samples_ - 1);
  std::nth_element(delays.begin(), delays.begin() + rank, end);
  const double least = *std::min_element(delays.begin(), delays.begin() + rank);
  // Of n exponential times of mean 1 the one of rank r comes 1/(n-1) + ... + 1/(n-r) after the
  // first, on average (Renyi 1953).
  double expected = 0;
  for (int i = 1; i <= rank; ++i) expected += 1.0 / (samples_ - i);
  return std::max((delays[static_cast<std::size_t>(rank)] - least) / expected, kLeastMean);
}

}  // namespace echostream::timing
