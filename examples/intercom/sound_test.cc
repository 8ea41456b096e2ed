// WAV files, the codec and the recorded microphone.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <fstream>

#include "recorded_voice.h"
#include "test_sounds.h"
#include "voice_codec.h"
#include "wav_file.h"

namespace intercom {
namespace {

using echostream::StatusCode;

std::string temporary(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return ::testing::TempDir() + "intercom_" + test->name() + "_" + name;
}

TEST(WavFile, ReadsWhatItWrote) {
  const std::string path = temporary("a.wav");
  Samples samples = tone(440, 1001);
  samples[0] = INT16_MIN;
  samples[1] = INT16_MAX;
  ASSERT_TRUE(write_wav(path, samples).is_ok());
  auto read = read_wav(path);
  ASSERT_TRUE(read) << read.status();
  EXPECT_EQ(*read, samples);
}

TEST(WavFile, SaysWhatIsWrongWithAFile) {
  EXPECT_EQ(read_wav("/no/such/file.wav").status().code(), StatusCode::kNotFound);
  const std::string path = temporary("bad.wav");
  std::ofstream(path) << "not a sound";
  EXPECT_EQ(read_wav(path).status().code(), StatusCode::kInvalidArgument);
  std::ofstream(path) << "RIFF\1\0\0\0WAVE";
  EXPECT_EQ(read_wav(path).status().code(), StatusCode::kInvalidArgument);
}

TEST(WavFile, TakesAnyTruncationWithoutReadingBeyondTheEnd) {
  const std::string path = temporary("whole.wav");
  ASSERT_TRUE(write_wav(path, tone(440, 4)).is_ok());
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  const std::string cut = temporary("cut.wav");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(cut, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    auto read = read_wav(cut);
    EXPECT_TRUE(!read || read->size() <= 4) << size;
  }
}

TEST(VoiceCodec, BringsATonesLoudnessAcross) {
  auto encoder = VoiceEncoder::make(32'000);
  auto decoder = VoiceDecoder::make();
  ASSERT_TRUE(encoder && decoder);
  Samples last;
  for (int i = 0; i < 10; ++i) {
    auto bytes = encoder->encode(tone(440, kSamplesPerFrame));
    ASSERT_TRUE(bytes) << bytes.status();
    EXPECT_LT(bytes->size(), 400u);
    auto decoded = decoder->decode(*bytes);
    ASSERT_TRUE(decoded) << decoded.status();
    last = *decoded;
  }
  EXPECT_EQ(last.size(), kSamplesPerFrame);
  EXPECT_NEAR(loudness(last), 8000 / std::sqrt(2.0), 1500);
  EXPECT_GT(loudness(decoder->conceal()), 500);  // the gap is bridged, not silent
}

TEST(VoiceCodec, RefusesWhatIsNoFrame) {
  auto encoder = VoiceEncoder::make(32'000);
  auto decoder = VoiceDecoder::make();
  ASSERT_TRUE(encoder && decoder);
  EXPECT_FALSE(encoder->encode(tone(440, 100)));
  EXPECT_FALSE(decoder->decode(""));
  EXPECT_FALSE(decoder->decode(std::string(3, '\xff')));
  EXPECT_FALSE(VoiceEncoder::make(0));
}

TEST(RecordedVoice, TellsSpeechFromSilenceAfterAWhile) {
  const std::string path = temporary("voice.wav");
  Samples samples = tone(440, 10 * kSamplesPerFrame);
  samples.resize(40 * kSamplesPerFrame);
  ASSERT_TRUE(write_wav(path, samples).is_ok());
  auto voice = RecordedVoice::load({path});
  ASSERT_TRUE(voice) << voice.status();
  EXPECT_FALSE(voice->is_talking());
  for (int i = 0; i < 10; ++i) (void)voice->next_frame();
  EXPECT_TRUE(voice->is_talking());
  for (int i = 0; i < 19; ++i) (void)voice->next_frame();
  EXPECT_TRUE(voice->is_talking());
  (void)voice->next_frame();
  EXPECT_FALSE(voice->is_talking());
}

TEST(RecordedVoice, NeedsAFile) {
  EXPECT_EQ(RecordedVoice::load({}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace intercom
