// How far apart things were, as a small histogram that forgets: what the 95th and 99th percentile
// of a sync group's skew are read from. No I/O, no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "echostream/base/time.h"

namespace echostream::timing {

/// Bins of equal width up to 16 us, then 16 to an octave: a quantile is exact to 6 %. Of a fixed
/// size; the newest 3000 to 6000 samples have all the weight.
class SkewHistogram {
 public:
  void add(Duration skew) noexcept;
  /// The least value that `share` (0 to 1) of the samples do not exceed, rounded up to the end of
  /// its bin; zero without samples.
  Duration quantile(double share) const noexcept;
  std::uint64_t samples() const noexcept { return samples_; }

 private:
  // 16 linear bins and 16 for each octave from 2^4 us to 2^24 us (16 s); the last takes the rest.
  static constexpr std::size_t kPerOctave = 16;
  static constexpr std::size_t kBins = kPerOctave + 20 * kPerOctave;
  // One or two minutes at 50 samples a second: what a listener remembers as "now".
  static constexpr std::uint64_t kMostWeight = 6000;

  static std::size_t bin_of(Duration skew) noexcept;
  static Duration end_of(std::size_t bin) noexcept;
  void forget_half() noexcept;

  std::array<std::uint32_t, kBins> counts_{};
  std::uint64_t weight_ = 0;
  std::uint64_t samples_ = 0;
};

}  // namespace echostream::timing
