#include "runtime/timing/skew_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace echostream::timing {

std::size_t SkewHistogram::bin_of(Duration skew) noexcept {
  const auto us = static_cast<std::uint64_t>(std::max<Duration::rep>(skew.count(), 0)) / 1000;
  if (us < kPerOctave) return us;
  const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 5;  // 0 from 16 us on
  const std::size_t place = (us >> octave) - kPerOctave;
  return std::min(kPerOctave + octave * kPerOctave + place, kBins - 1);
}

Duration SkewHistogram::end_of(std::size_t bin) noexcept {
  if (bin < kPerOctave) return std::chrono::microseconds(bin + 1);
  const std::size_t octave = (bin - kPerOctave) / kPerOctave;
  const std::uint64_t place = (bin - kPerOctave) % kPerOctave + kPerOctave + 1;
  return std::chrono::microseconds(place << octave);
}

void SkewHistogram::add(Duration skew) noexcept {
  if (weight_ >= kMostWeight) forget_half();
  ++counts_[bin_of(skew)];
  ++weight_;
  ++samples_;
}

Duration SkewHistogram::quantile(double share) const noexcept {
  if (weight_ == 0) return Duration::zero();
  const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(weight_));
  const std::uint64_t rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    seen += counts_[bin];
    if (seen >= rank) return end_of(bin);
  }
  return end_of(kBins - 1);
}

// A bin with one sample keeps it every other time at most: rounding down lets old outliers go.
void SkewHistogram::forget_half() noexcept {
  weight_ = 0;
  for (std::uint32_t& count : counts_) {
    count /= 2;
    weight_ += count;
  }
}

}  // namespace echostream::timing
