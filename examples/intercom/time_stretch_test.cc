#include "time_stretch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include "test_sounds.h"

namespace intercom {
namespace {

using echostream::Duration;
using namespace std::chrono_literals;

constexpr std::size_t kTenSeconds = 10 * kSampleRate;
// 2.5 to 15 ms: what one jump is long.
constexpr std::ptrdiff_t kLongestPitchPeriod = kSampleRate * 15 / 1000;

Duration scaled(Duration time, double factor) {
  return Duration(std::llround(static_cast<double>(time.count()) * factor));
}

Samples stretched(const Samples& sound, double factor) {
  TimeStretch stretch;
  Samples output;
  for (std::size_t i = 0; i + kSamplesPerFrame <= sound.size(); i += kSamplesPerFrame) {
    stretch.play(std::span(sound).subspan(i, kSamplesPerFrame), scaled(kFrameLength, factor),
                 output);
  }
  return output;
}

TEST(TimeStretch, PassesSoundBitByBitWhenNothingIsToBeChanged) {
  const Samples sound = sum(syllables(kTenSeconds, 1), noise(kTenSeconds, 300, 2));
  EXPECT_EQ(stretched(sound, 1), sound);
}

TEST(TimeStretch, KeepsTheFrequencyOfATone) {
  for (const double hertz : {80.0, 137.3, 440.0, 2900.0}) {
    for (const double factor : {0.5, 0.88, 0.97, 1.03, 1.14, 1.5}) {
      const Samples output = stretched(tone(hertz, 3 * kSampleRate), factor);
      EXPECT_NEAR(frequency(output), hertz, hertz * 0.001) << hertz << " Hz, x " << factor;
    }
  }
}

TEST(TimeStretch, IsNowhereSteeperThanATone) {
  for (const double hertz : {80.0, 137.3, 440.0, 2900.0}) {
    const Samples sound = tone(hertz, 3 * kSampleRate);
    for (const double factor : {0.88, 0.97, 1.03, 1.14}) {
      // Rounding to whole samples may shift a wave by half a sample, and a fade adds that.
      EXPECT_LE(steepest_step(stretched(sound, factor)), steepest_step(sound) * 1.02 + 2)
          << hertz << " Hz, x " << factor;
    }
  }
}

TEST(TimeStretch, IsAsLongAsAskedToWithinAPitchPeriod) {
  for (const double factor : {0.5, 0.88, 1.01, 1.14, 1.5}) {
    const double wanted = kTenSeconds * factor;
    for (const Samples& sound :
         {tone(80, kTenSeconds), syllables(kTenSeconds, 3), noise(kTenSeconds, 2000, 4)}) {
      EXPECT_NEAR(static_cast<double>(stretched(sound, factor).size()), wanted, kLongestPitchPeriod)
          << "x " << factor;
    }
  }
}

TEST(TimeStretch, NeverOwesMoreThanAPitchPeriodWhileTheFactorChanges) {
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> factor(0.88, 1.14);
    const Samples sound = sum(syllables(2 * kSampleRate, seed), noise(2 * kSampleRate, 40, seed));
    TimeStretch stretch;
    Samples output;
    double wanted = 0;
    for (std::size_t i = 0; i + kSamplesPerFrame <= sound.size(); i += kSamplesPerFrame) {
      const double chosen = factor(random);
      stretch.play(std::span(sound).subspan(i, kSamplesPerFrame), scaled(kFrameLength, chosen),
                   output);
      wanted += kSamplesPerFrame * chosen;
      ASSERT_LE(std::abs(stretch.owed()), kLongestPitchPeriod) << "seed " << seed;
      ASSERT_NEAR(static_cast<double>(output.size()) + static_cast<double>(stretch.owed()), wanted,
                  1)
          << "seed " << seed;
    }
  }
}

/// The best match of `piece` in `sound`, within 30 ms around `place`.
double best_likeness(std::span<const std::int16_t> piece, const Samples& sound, double place) {
  constexpr double kAround = kSampleRate * 0.03;
  const auto first = static_cast<std::size_t>(std::max(0.0, place - kAround));
  const std::size_t last =
      std::min(sound.size() - piece.size(), static_cast<std::size_t>(place + kAround));
  double best = -1;
  for (std::size_t i = first; i <= last; ++i) {
    best = std::max(best, likeness(piece, std::span(sound).subspan(i, piece.size())));
  }
  return best;
}

TEST(TimeStretch, SoundsEverywhereLikeThePlaceWhereItComesFrom) {
  const Samples sound = syllables(2 * kSampleRate, 5);
  for (const double factor : {0.88, 1.14}) {
    const Samples output = stretched(sound, factor);
    int pieces = 0;
    int alike = 0;
    for (std::size_t i = 0; i + kSamplesPerFrame <= output.size(); i += 2 * kSamplesPerFrame) {
      const auto piece = std::span<const std::int16_t>(output).subspan(i, kSamplesPerFrame);
      ++pieces;
      if (best_likeness(piece, sound, static_cast<double>(i) / factor) >= 0.9) ++alike;
    }
    EXPECT_GE(alike, pieces * 0.9) << "of " << pieces << ", x " << factor;
  }
}

TEST(TimeStretch, LeavesSilenceSilentAndMakesItExactlyAsLongAsAsked) {
  for (const double factor : {0.6, 0.88, 1.14, 1.4}) {
    const Samples output = stretched(Samples(kTenSeconds), factor);
    EXPECT_EQ(output, Samples(static_cast<std::size_t>(std::llround(kTenSeconds * factor))));
  }
}

TEST(TimeStretch, MakesUpInAPauseForAllThatWasOwed) {
  const Samples voice = tone(87, 5 * kSamplesPerFrame);
  TimeStretch stretch;
  Samples output;
  for (std::size_t i = 0; i < voice.size(); i += kSamplesPerFrame) {
    stretch.play(std::span(voice).subspan(i, kSamplesPerFrame), 21ms, output);
  }
  ASSERT_NE(stretch.owed(), 0);
  // The second one: what a jump back repeats has to be silent too.
  stretch.play(Samples(kSamplesPerFrame), kFrameLength, output);
  stretch.play(Samples(kSamplesPerFrame), kFrameLength, output);
  EXPECT_EQ(stretch.owed(), 0);
  EXPECT_EQ(output.size(), 5u * 48 * 21 + 2 * kSamplesPerFrame);
}

TEST(TimeStretch, TakesNoMoreThanHalfAFramesChange) {
  const Samples frame = tone(200, kSamplesPerFrame);
  for (const Duration length : {Duration::min(), Duration(-1), Duration(0), Duration::max()}) {
    TimeStretch stretch;
    Samples output;
    for (int i = 0; i < 100; ++i) stretch.play(frame, length, output);
    const double wanted = 100 * kSamplesPerFrame * (length > Duration(0) ? 1.5 : 0.5);
    EXPECT_NEAR(static_cast<double>(output.size()), wanted, kLongestPitchPeriod);
  }
}

TEST(TimeStretch, LosesNoPartOfASampleHoweverShortTheLengths) {
  TimeStretch stretch;
  Samples output;
  for (int i = 0; i < 100'000; ++i) stretch.fill(Samples(stretch.due(10ns)), output);
  EXPECT_EQ(output.size(), 48u);
  EXPECT_EQ(stretch.due(-5s), 0u);
  EXPECT_EQ(stretch.due(Duration::max()), 10u * kSampleRate);
}

TEST(TimeStretch, AccountsForFramesOfAnySize) {
  TimeStretch stretch;
  Samples output;
  std::mt19937 random(7);
  double wanted = 0;
  for (int i = 0; i < 200; ++i) {
    const std::size_t size = random() % 3000;
    const double samples = static_cast<double>(size) * (random() % 2 == 0 ? 1.1 : 0.9);
    stretch.play(noise(size, 20'000, random()), Duration(std::llround(samples * 1e9 / kSampleRate)),
                 output);
    wanted += samples;
    ASSERT_NEAR(static_cast<double>(output.size()) + static_cast<double>(stretch.owed()), wanted, 2)
        << i;
  }
}

TEST(TimeStretch, GivesFillerBackAsItIs) {
  TimeStretch stretch;
  Samples output;
  const Samples filler = noise(stretch.due(7ms), 1000, 8);
  stretch.fill(filler, output);
  EXPECT_EQ(output, filler);
  EXPECT_EQ(stretch.owed(), 0);
}

}  // namespace
}  // namespace intercom
