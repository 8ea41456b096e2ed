#include "test_sounds.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <random>

namespace intercom {

namespace {

std::int16_t to_sample(double value) {
  return static_cast<std::int16_t>(std::lround(std::clamp(value, -32768.0, 32767.0)));
}

/// Rings at one frequency when it is struck.
class Resonance {
 public:
  Resonance(double hertz, double bandwidth)
      : decay_(std::exp(-std::numbers::pi * bandwidth / kSampleRate)),
        turn_(2 * decay_ * std::cos(2 * std::numbers::pi * hertz / kSampleRate)) {}

  double next(double input) {
    const double output = input + turn_ * last_ - decay_ * decay_ * before_last_;
    before_last_ = last_;
    last_ = output;
    return output;
  }

 private:
  double decay_;
  double turn_;
  double last_ = 0;
  double before_last_ = 0;
};

}  // namespace

Samples tone(double hertz, std::size_t count, double amplitude) {
  Samples sound(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double phase = 2 * std::numbers::pi * hertz * static_cast<double>(i) / kSampleRate;
    sound[i] = to_sample(amplitude * std::sin(phase));
  }
  return sound;
}

Samples syllables(std::size_t count, std::uint32_t seed) {
  constexpr std::size_t kSyllable = kSampleRate * 3 / 10;
  constexpr std::size_t kVoiced = kSampleRate * 2 / 10;
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> between(0, 1);
  Resonance low(700, 90);
  Resonance high(1200, 110);
  Samples sound(count);
  double pitch = 120;
  double glide = 0;
  double phase = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t position = i % kSyllable;
    if (position == 0) {
      pitch = 95 + 60 * between(random);
      glide = 40 * (between(random) - 0.5) / kVoiced;
    }
    pitch += glide;
    phase += pitch / kSampleRate;
    double pulse = 0;
    if (phase >= 1) {
      phase -= 1;
      if (position < kVoiced) pulse = 1;
    }
    sound[i] = to_sample(90 * low.next(pulse) * 4 + 60 * high.next(pulse) * 4);
  }
  return sound;
}

Samples noise(std::size_t count, double level, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, level);
  Samples sound(count);
  for (std::int16_t& sample : sound) sample = to_sample(normal(random));
  return sound;
}

Samples sum(const Samples& one, const Samples& other) {
  Samples sound(std::min(one.size(), other.size()));
  for (std::size_t i = 0; i < sound.size(); ++i) sound[i] = to_sample(one[i] + other[i]);
  return sound;
}

double loudness(std::span<const std::int16_t> sound) {
  if (sound.empty()) return 0;
  double energy = 0;
  for (const std::int16_t sample : sound) energy += static_cast<double>(sample) * sample;
  return std::sqrt(energy / static_cast<double>(sound.size()));
}

int steepest_step(std::span<const std::int16_t> sound) {
  int steepest = 0;
  for (std::size_t i = 1; i < sound.size(); ++i) {
    steepest = std::max(steepest, std::abs(sound[i] - sound[i - 1]));
  }
  return steepest;
}

double frequency(std::span<const std::int16_t> sound) {
  double first = 0;
  double last = 0;
  int periods = -1;
  for (std::size_t i = 1; i < sound.size(); ++i) {
    if (sound[i - 1] >= 0 || sound[i] < 0) continue;
    // Between two samples: where the straight line through both is zero.
    last = static_cast<double>(i) - static_cast<double>(sound[i]) / (sound[i] - sound[i - 1]);
    if (++periods == 0) first = last;
  }
  return periods < 1 ? 0 : periods * kSampleRate / (last - first);
}

double likeness(std::span<const std::int16_t> one, std::span<const std::int16_t> other) {
  double product = 0;
  double energy = 0;
  // Pointers: a test calls this a hundred thousand times, and a span's operator[] is a call.
  const std::int16_t* in_one = one.data();
  const std::int16_t* in_other = other.data();
  for (std::size_t i = 0; i < one.size(); ++i) {
    const double a = in_one[i];
    const double b = in_other[i];
    product += a * b;
    energy += a * a + b * b;
  }
  return energy == 0 ? 1 : 2 * product / energy;
}

}  // namespace intercom
