#include "station_flags.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "playout_profile.h"

namespace intercom {
namespace {

using echostream::PlayoutProfile;

// The exit code, if the program should end, and what was said to stderr.
struct Outcome {
  std::optional<int> exit_code;
  std::string error;
  StationOptions options;
};

Outcome parse(std::vector<std::string> words) {
  words.insert(words.begin(), "station");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  Outcome outcome;
  examples::Arguments flags("station", "A station.");
  ::testing::internal::CaptureStderr();
  outcome.exit_code = parse_station_flags(flags, static_cast<int>(arguments.size()),
                                          arguments.data(), outcome.options);
  outcome.error = ::testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(StationFlags, TakeEveryProfile) {
  EXPECT_EQ(parse({"--voice", "a.wav"}).options.conversation.profile, std::nullopt);
  const auto profile_of = [](const std::string& name) {
    const Outcome outcome = parse({"--voice", "a.wav", "--profile", name});
    EXPECT_FALSE(outcome.exit_code) << outcome.error;
    return outcome.options.conversation.profile;
  };
  EXPECT_EQ(profile_of("low-latency"), PlayoutProfile::kLowLatency);
  EXPECT_EQ(profile_of("balanced"), PlayoutProfile::kBalanced);
  EXPECT_EQ(profile_of("strict"), PlayoutProfile::kStrict);
}

TEST(StationFlags, RefuseAProfileThatIsNoneAndNameThoseThatAre) {
  const Outcome outcome = parse({"--voice", "a.wav", "--profile", "fast"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.error,
            "station: --profile: 'fast' is not 'low-latency', 'balanced' or 'strict'\n");
}

TEST(StationFlags, AskForAVoice) {
  const Outcome outcome = parse({});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.error.find("--voice FILE is missing"), std::string::npos) << outcome.error;
}

TEST(StationFlags, TheFixedDelayIsGone) {
  const Outcome outcome = parse({"--voice", "a.wav", "--playout-delay", "80ms"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.error.find("unknown argument '--playout-delay'"), std::string::npos);
}

TEST(PlayoutProfile, ChangesNothingElseThatTheProtoSays) {
  const auto as_written = voice_buffer(std::nullopt);
  auto strict = voice_buffer(PlayoutProfile::kStrict);
  EXPECT_TRUE(as_written.enabled);
  EXPECT_EQ(as_written.profile, PlayoutProfile::kLowLatency);
  EXPECT_EQ(as_written.max_delay, std::chrono::milliseconds(300));
  EXPECT_EQ(strict.profile, PlayoutProfile::kStrict);
  EXPECT_EQ(strict.max_delay, as_written.max_delay);
  EXPECT_TRUE(echostream::check(strict).is_ok());
}

}  // namespace
}  // namespace intercom
