// From a jitter buffer's steps to sound: frames, gaps, recovery.
#include "voice_player.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "test_sounds.h"

namespace intercom {
namespace {

using echostream::Duration;
using namespace std::chrono_literals;

constexpr std::size_t kSamplesPerMs = kSampleRate / 1000;

std::vector<std::string> encoded(const Samples& sound, double expected_loss = 0) {
  auto encoder = VoiceEncoder::make(32'000);
  encoder->expect_loss(expected_loss);
  std::vector<std::string> frames;
  for (std::size_t i = 0; i + kSamplesPerFrame <= sound.size(); i += kSamplesPerFrame) {
    const auto begin = sound.begin() + static_cast<std::ptrdiff_t>(i);
    frames.push_back(*encoder->encode(Samples(begin, begin + kSamplesPerFrame)));
  }
  return frames;
}

void append(Samples& output, const Samples& more) {
  output.insert(output.end(), more.begin(), more.end());
}

/// All frames but those from `first` to before `last`.
Samples played_with_a_gap(const std::vector<std::string>& frames, std::size_t first,
                          std::size_t last, bool look_ahead = false) {
  auto player = VoicePlayer::make();
  Samples output;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i < first || i >= last) {
      append(output, player->play(frames[i], kFrameLength));
    } else {
      const bool is_next = look_ahead && i + 1 == last;
      append(output, player->conceal(kFrameLength, is_next ? frames[last] : std::string_view()));
    }
  }
  return output;
}

std::span<const std::int16_t> part(const Samples& sound, std::size_t from_ms, std::size_t to_ms) {
  return std::span(sound).subspan(from_ms * kSamplesPerMs, (to_ms - from_ms) * kSamplesPerMs);
}

TEST(VoicePlayer, GivesSilenceBeforeAnythingWasHeard) {
  auto player = VoicePlayer::make();
  ASSERT_TRUE(player) << player.status();
  EXPECT_EQ(player->conceal(500ms), Samples(500 * kSamplesPerMs));
  EXPECT_TRUE(player->conceal(0ms).empty());
}

TEST(VoicePlayer, GoesOnWithTheVoiceAndThenFallsToTheNoiseOfTheRoom) {
  constexpr double kRoom = 60;
  // A second of the room, a second of a voice in it, and then nothing more comes.
  Samples sound(kSampleRate);
  append(sound, tone(220, kSampleRate));
  sound = sum(sound, noise(sound.size(), kRoom, 1));
  const auto frames = encoded(sound);
  auto player = VoicePlayer::make();
  for (const std::string& frame : frames) (void)player->play(frame, kFrameLength);
  const Samples gap = player->conceal(1s);
  ASSERT_EQ(gap.size(), static_cast<std::size_t>(kSampleRate));
  EXPECT_GT(loudness(part(gap, 0, 40)), 3000);
  for (std::size_t ms = 150; ms < 1000; ms += 50) {
    // What the codec leaves of the noise is not all of it.
    EXPECT_GT(loudness(part(gap, ms, ms + 50)), kRoom / 3) << ms;
    EXPECT_LT(loudness(part(gap, ms, ms + 50)), kRoom * 1.5) << ms;
  }
}

TEST(VoicePlayer, HoldsNoToneOnAsANoiseOfTheRoom) {
  const auto frames = encoded(tone(220, kSampleRate));
  auto player = VoicePlayer::make();
  for (const std::string& frame : frames) (void)player->play(frame, kFrameLength);
  const Samples gap = player->conceal(400ms);
  EXPECT_LT(loudness(part(gap, 150, 400)), 150);
}

TEST(VoicePlayer, DoesNotClickAtEitherEndOfAGap) {
  const Samples sound = tone(220, 2 * kSampleRate);
  const auto frames = encoded(sound);
  const int steepest = steepest_step(sound);
  for (int gap_ms = 1; gap_ms <= 400; gap_ms += gap_ms < 20 ? 1 : 19) {
    auto player = VoicePlayer::make();
    Samples output;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (i == 50) append(output, player->conceal(gap_ms * 1ms));
      append(output, player->play(frames[i], kFrameLength));
    }
    EXPECT_LE(steepest_step(part(output, 900, 1000 + gap_ms + 100)), steepest * 2) << gap_ms;
  }
}

TEST(VoicePlayer, RecoversALostFrameFromTheNextOne) {
  const Samples sound = syllables(2 * kSampleRate, 2);
  const auto frames = encoded(sound, 0.2);
  const Samples whole = played_with_a_gap(frames, 0, 0);
  double likeness_concealed = 0;
  double likeness_recovered = 0;
  int gaps = 0;
  for (std::size_t lost = 5; lost + 1 < frames.size(); ++lost) {
    const auto range = std::span(whole).subspan(lost * kSamplesPerFrame, kSamplesPerFrame);
    if (loudness(range) < 500 || !VoiceDecoder::holds_frame_before(frames[lost + 1])) continue;
    ++gaps;
    const Samples concealed = played_with_a_gap(frames, lost, lost + 1);
    const Samples recovered = played_with_a_gap(frames, lost, lost + 1, /*look_ahead=*/true);
    const auto at = [&](const Samples& output) {
      return std::span(output).subspan(lost * kSamplesPerFrame, kSamplesPerFrame);
    };
    likeness_concealed += likeness(at(concealed), range);
    likeness_recovered += likeness(at(recovered), range);
  }
  ASSERT_GT(gaps, 20);
  EXPECT_GT(likeness_recovered / gaps, 0.9);
  EXPECT_LT(likeness_concealed / gaps, likeness_recovered / gaps - 0.1);
}

TEST(VoicePlayer, CountsWhatItRecoveredAndNeverRecoversFromWhatHoldsNothing) {
  const Samples sound = syllables(kSampleRate, 3);
  for (const std::string& frame : encoded(sound)) {
    EXPECT_FALSE(VoiceDecoder::holds_frame_before(frame));
  }
  EXPECT_FALSE(VoiceDecoder::holds_frame_before(""));
  EXPECT_FALSE(VoiceDecoder::holds_frame_before("\x78"));
  // CELT alone, and two frames in one packet.
  EXPECT_FALSE(VoiceDecoder::holds_frame_before("\xf8\xff"));
  EXPECT_FALSE(VoiceDecoder::holds_frame_before("\x79\xff\xff"));

  auto player = VoicePlayer::make();
  (void)player->conceal(kFrameLength, encoded(sound)[5]);
  EXPECT_EQ(player->recovered(), 0u);
  const auto frames = encoded(sound, 0.2);
  ASSERT_TRUE(VoiceDecoder::holds_frame_before(frames[6]));
  (void)player->conceal(kFrameLength, frames[6]);
  EXPECT_EQ(player->recovered(), 1u);
}

TEST(VoicePlayer, PlaysAFrameThatIsToLastLongWithSilenceBehindIt) {
  const auto frames = encoded(syllables(kSampleRate, 4));
  auto player = VoicePlayer::make();
  for (const std::string& frame : frames) (void)player->play(frame, kFrameLength);
  const Samples output = player->play(frames.back(), 400ms);
  EXPECT_NEAR(static_cast<double>(output.size()), 400.0 * kSamplesPerMs, 15.0 * kSamplesPerMs);
}

TEST(VoicePlayer, FillsTheTimeOfBytesThatAreNoVoice) {
  auto player = VoicePlayer::make();
  EXPECT_EQ(player->play("", kFrameLength).size(), kSamplesPerFrame);
  EXPECT_EQ(player->play(std::string(3, '\xff'), kFrameLength).size(), kSamplesPerFrame);
}

TEST(VoicePlayer, IsAltogetherAsLongAsItsSteps) {
  const auto frames =
      encoded(sum(syllables(4 * kSampleRate, 5), noise(4 * kSampleRate, 20, 6)), 0.1);
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    std::mt19937 random(seed);
    const auto between = [&](int least, int most) {
      return std::uniform_int_distribution<int>(least, most)(random);
    };
    auto player = VoicePlayer::make();
    std::size_t samples = 0;
    Duration wanted{};
    for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
      const Duration length = 1us * between(17'600, 22'800);
      const Duration gap = 1us * between(0, 60'000);
      wanted += length;
      switch (between(0, 9)) {
        case 0:
          samples += player->conceal(length, frames[i + 1]).size();
          break;
        case 1:
          samples += player->conceal(length).size();
          break;
        case 2:
          samples += player->conceal(gap).size();
          wanted += gap;
          [[fallthrough]];
        default:
          samples += player->play(frames[i], length).size();
      }
      ASSERT_NEAR(static_cast<double>(samples) / kSamplesPerMs,
                  static_cast<double>(wanted.count()) / 1e6, 15.1)
          << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace intercom
