// How loud a sound is at each of its moments. The stage opens the mouth by it, the seat compares
// the mouth it sees with what it hears: both must measure in the same way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lipsync {

class LoudnessCurve {
 public:
  explicit LoudnessCurve(std::span<const std::int16_t> sound);

  /// Over the 40 ms that end before sample `end`: 0 for silence (-50 dB of full scale and below) to
  /// 1 (-10 dB and above), linear in dB between. What lies outside of the sound is silent.
  double before(std::size_t end) const;
  /// In samples.
  std::size_t size() const noexcept { return energy_until_.size() - 1; }

 private:
  /// Sum of the squares of the first n samples. Exact: an hour at full scale stays below 2^58.
  std::vector<std::uint64_t> energy_until_;
};

}  // namespace lipsync
