// The simulator's random numbers: xoshiro256** (Blackman and Vigna), seeded through splitmix64.
// Every user of randomness has a stream of its own, so that adding one does not change what the
// others see.
#pragma once

#include <array>
#include <cstdint>

namespace echostream::testing {

class Random {
 public:
  /// The stream with that number of that seed.
  Random(std::uint64_t seed, std::uint64_t stream) noexcept {
    std::uint64_t mix = seed ^ stream * 0xD1342543DE82EF95ull;
    for (std::uint64_t& word : state_) {
      mix += 0x9E3779B97F4A7C15ull;
      std::uint64_t z = mix;
      z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
      z = (z ^ z >> 27) * 0x94D049BB133111EBull;
      word = z ^ z >> 31;
    }
  }

  std::uint64_t next() noexcept {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  /// In [0, 1).
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// In [0, bound); 0 when bound is 0.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  bool chance(double probability) noexcept { return probability > 0 && unit() < probability; }

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) noexcept { return x << k | x >> (64 - k); }
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace echostream::testing
