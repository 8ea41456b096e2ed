// What is measured of a viewing: the shift between mouth and voice, and the skew by the stamps.
#include "lip_sync.h"

#include <gtest/gtest.h>

#include <random>

#include "heard_sound.h"
#include "intercom/audio_format.h"
#include "intercom/voice_codec.h"
#include "stage.h"
#include "test_voice.h"
#include "track_log.h"

namespace lipsync {
namespace {

using echostream::Duration;
using echostream::LocalTime;
using echostream::RemoteTime;
using intercom::kFrameLength;
using intercom::kSampleRate;
using intercom::kSamplesPerFrame;
using intercom::Samples;
using namespace std::chrono_literals;

// Mouths of a show, each seen `behind` after its sound was heard.
std::vector<ShownMouth> mouths(const LoudnessCurve& heard, Duration behind, double noise = 0) {
  std::mt19937 random(5);
  std::normal_distribution<double> error(0, 1);
  std::vector<ShownMouth> shown;
  for (std::size_t sample = 0; sample < heard.size(); sample += kSampleRate / 30) {
    const Duration at = std::chrono::nanoseconds(sample * 1'000'000 / 48) + behind;
    shown.push_back({at, heard.before(sample) + noise * error(random)});
  }
  return shown;
}

TEST(LipSync, FindsByHowMuchThePictureIsBehind) {
  const LoudnessCurve heard(babble(10, 1));
  for (const int behind : {-400, -37, -3, 0, 8, 45, 120, 450}) {
    const auto found = measure_lip_sync(heard, mouths(heard, behind * 1ms));
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->picture_behind_ms, behind, 0.5);
    EXPECT_GT(found->correlation, 0.999);
  }
}

TEST(LipSync, IsNotMisledByNoise) {
  const LoudnessCurve heard(babble(10, 2));
  const auto found = measure_lip_sync(heard, mouths(heard, 60ms, 0.1));
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->picture_behind_ms, 60, 5);
  EXPECT_LT(found->correlation, 0.99);
}

TEST(LipSync, SaysNothingOfTooLittle) {
  const LoudnessCurve heard(babble(10, 3));
  EXPECT_FALSE(measure_lip_sync(heard, {}));
  const auto shown = mouths(heard, 0ms);
  EXPECT_FALSE(measure_lip_sync(heard, std::span(shown).first(29)));
  EXPECT_FALSE(measure_lip_sync(LoudnessCurve({}), shown));
  // Silence, and a mouth that does not move.
  EXPECT_FALSE(measure_lip_sync(LoudnessCurve(Samples(10 * kSampleRate)), shown));
  EXPECT_FALSE(measure_lip_sync(heard, std::vector<ShownMouth>(300, {1s, 0.5})));
}

TEST(Loudness, GoesFromSilenceToLoudSpeech) {
  Samples sound(kSampleRate, 0);
  for (std::size_t i = kSampleRate / 2; i < sound.size(); ++i) {
    sound[i] = static_cast<std::int16_t>(i % 2 == 0 ? 20'000 : -20'000);
  }
  const LoudnessCurve loudness(sound);
  EXPECT_EQ(loudness.before(0), 0);
  EXPECT_EQ(loudness.before(kSampleRate / 2), 0);
  EXPECT_GT(loudness.before(kSampleRate / 2 + 480), 0.9);
  EXPECT_EQ(loudness.before(kSampleRate), 1);
  // Nothing is heard after the end.
  EXPECT_EQ(loudness.before(10 * kSampleRate), 0);
}

// What the stage assumes of Opus.
TEST(Stage, KnowsTheDelayOfItsCodec) {
  const Samples sound = babble(4, 4);
  auto encoder = intercom::VoiceEncoder::make(32'000);
  auto decoder = intercom::VoiceDecoder::make();
  ASSERT_TRUE(encoder && decoder);
  Samples decoded;
  for (std::size_t i = 0; i + kSamplesPerFrame <= sound.size(); i += kSamplesPerFrame) {
    const auto begin = sound.begin() + static_cast<std::ptrdiff_t>(i);
    auto bytes = encoder->encode(Samples(begin, begin + kSamplesPerFrame));
    ASSERT_TRUE(bytes);
    auto frame = decoder->decode(*bytes);
    ASSERT_TRUE(frame);
    decoded.insert(decoded.end(), frame->begin(), frame->end());
  }
  const auto found = measure_lip_sync(LoudnessCurve(decoded), mouths(LoudnessCurve(sound), 0ms));
  ASSERT_TRUE(found);
  const double delay_ms = std::chrono::duration<double, std::milli>(kCodecDelay).count();
  EXPECT_NEAR(-found->picture_behind_ms, delay_ms, 1);
}

TEST(HeardSound, PutsEveryMomentAtItsPlace) {
  const LocalTime start(5s);
  HeardSound heard(1s);
  EXPECT_FALSE(heard.start());
  heard.play(start, Samples(kSamplesPerFrame, 1));
  // A few milliseconds are what stretching may owe; more is a hole.
  heard.play(start + 25ms, Samples(kSamplesPerFrame, 2));
  heard.play(start + 100ms, Samples(kSamplesPerFrame, 3));
  EXPECT_EQ(heard.start(), start);
  const Samples& samples = heard.samples();
  ASSERT_EQ(samples.size(), 120u * 48);
  EXPECT_EQ(samples[19 * 48], 1);
  EXPECT_EQ(samples[21 * 48], 2);
  EXPECT_EQ(samples[41 * 48], 0);
  EXPECT_EQ(samples[99 * 48], 0);
  EXPECT_EQ(samples[101 * 48], 3);
}

TEST(HeardSound, KeepsNoMoreThanItMay) {
  HeardSound heard(50ms);
  for (int i = 0; i < 5; ++i) heard.play(LocalTime(i * 20ms), Samples(kSamplesPerFrame, 1));
  heard.play(LocalTime::max(), Samples(kSamplesPerFrame, 1));
  EXPECT_EQ(heard.samples().size(), 50u * 48);
}

PlayedFrame played(std::uint64_t sequence, Duration capture, Duration at, Duration duration) {
  PlayedFrame frame;
  frame.sequence = sequence;
  frame.capture = RemoteTime(capture);
  frame.playout_at = frame.handed_out_at = LocalTime(at);
  frame.duration = duration;
  return frame;
}

TEST(Skew, IsBetweenWhatIsHeardAndWhatIsSeen) {
  TrackLog voice;
  voice.add(played(0, 1000ms, 50ms, 20ms));
  voice.add(played(1, 1020ms, 70ms, 24ms));  // slower
  const auto skew = [&](Duration capture, Duration at) {
    return skew_of(played(0, capture, at, 33ms), voice, kFrameLength);
  };
  EXPECT_EQ(skew(1010ms, 60ms), 0ms);
  EXPECT_EQ(skew(1000ms, 60ms), 10ms);
  EXPECT_EQ(skew(1030ms, 60ms), -20ms);
  EXPECT_EQ(skew(1020ms, 82ms), 10ms);
  EXPECT_EQ(skew(1000ms, 94ms), 40ms);
}

TEST(Skew, IsUnknownWhileNoVoiceIsPlayed) {
  TrackLog voice;
  const PlayedFrame picture = played(0, 1000ms, 60ms, 33ms);
  EXPECT_FALSE(skew_of(picture, voice, kFrameLength));
  voice.add(played(0, 1000ms, 61ms, 20ms));
  EXPECT_FALSE(skew_of(picture, voice, kFrameLength));
  voice.add(played(3, 1060ms, 121ms, 0ms));
  EXPECT_FALSE(skew_of(played(0, 1000ms, 100ms, 33ms), voice, kFrameLength));
  EXPECT_FALSE(skew_of(played(0, 1000ms, 121ms, 33ms), voice, kFrameLength));
}

TEST(Skew, SurvivesStampsThatAPeerMadeUp) {
  TrackLog voice;
  voice.add(played(0, Duration::max(), 50ms, 20ms));
  EXPECT_TRUE(skew_of(played(0, Duration::min(), 60ms, 33ms), voice, kFrameLength));
}

}  // namespace
}  // namespace lipsync
