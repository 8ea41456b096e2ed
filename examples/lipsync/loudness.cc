#include "loudness.h"

#include <algorithm>
#include <cmath>

#include "intercom/audio_format.h"

namespace lipsync {

namespace {

// Two periods of the deepest voice and more, and no longer than a syllable.
constexpr std::size_t kWindow = intercom::kSampleRate / 25;
constexpr double kQuietest = -50;
constexpr double kLoudest = -10;

}  // namespace

LoudnessCurve::LoudnessCurve(std::span<const std::int16_t> sound) {
  energy_until_.reserve(sound.size() + 1);
  energy_until_.push_back(0);
  for (const std::int16_t sample : sound) {
    const auto energy = static_cast<std::uint64_t>(std::int32_t{sample} * sample);
    energy_until_.push_back(energy_until_.back() + energy);
  }
}

double LoudnessCurve::before(std::size_t end) const {
  const std::size_t begin = end < kWindow ? 0 : end - kWindow;
  const std::uint64_t energy =
      energy_until_[std::min(end, size())] - energy_until_[std::min(begin, size())];
  const double power = static_cast<double>(energy) / kWindow / (32768.0 * 32768.0);
  if (power <= 0) return 0;
  const double decibels = 10 * std::log10(power);
  return std::clamp((decibels - kQuietest) / (kLoudest - kQuietest), 0.0, 1.0);
}

}  // namespace lipsync
