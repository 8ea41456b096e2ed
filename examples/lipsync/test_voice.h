// Sound for the tests that is as loud and as quiet as speech, and never the same twice.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

#include "intercom/audio_format.h"

namespace lipsync {

/// Syllables of 80 to 250 ms, of different loudness, with pauses between some.
inline intercom::Samples babble(int seconds, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto between = [&](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  intercom::Samples sound;
  const auto size = static_cast<std::size_t>(seconds) * intercom::kSampleRate;
  while (sound.size() < size) {
    const int samples = between(80, 250) * (intercom::kSampleRate / 1000);
    const double loudness = between(500, 15'000);
    const double pitch = between(100, 250);
    for (int i = 0; i < samples; ++i) {
      const double envelope = std::sin(std::numbers::pi * i / samples);
      const double phase = 2 * std::numbers::pi * pitch * i / intercom::kSampleRate;
      const double wave =
          0.6 * std::sin(phase) + 0.3 * std::sin(2 * phase) + 0.1 * std::sin(5 * phase);
      sound.push_back(static_cast<std::int16_t>(std::lround(loudness * envelope * wave)));
    }
    if (between(0, 3) == 0) {
      sound.insert(sound.end(), static_cast<std::size_t>(between(50, 400)) * 48, std::int16_t{0});
    }
  }
  sound.resize(size);
  return sound;
}

}  // namespace lipsync
