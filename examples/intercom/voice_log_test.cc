#include "voice_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

namespace intercom {
namespace {

using echostream::Duration;
using echostream::Frame;
using echostream::JitterBufferStats;
using echostream::Latency;
using echostream::LocalTime;
using echostream::RemoteTime;
using namespace std::chrono_literals;

// A frame that took `network` through the network and was heard `to_ear` after its capture.
VoiceLog::Step played(std::uint64_t sequence, Duration network, Duration to_ear,
                      std::uint64_t lost_before = 0) {
  Frame<v1::VoiceFrame> frame;
  const LocalTime captured(1h + static_cast<Duration::rep>(sequence) * kFrameLength);
  frame.sequence = sequence;
  frame.lost_before = lost_before;
  frame.local_capture_time = captured;
  frame.arrival_time = captured + network;
  frame.playout_time = captured + to_ear;
  frame.latency = Latency{network, 31ms, 50us};
  VoiceLog::Step step;
  step.at = frame.playout_time;
  step.duration = kFrameLength;
  step.frame = std::move(frame);
  return step;
}

VoiceLog::Step filler(Duration length) {
  VoiceLog::Step step;
  step.duration = length;
  return step;
}

JitterBufferStats counted(std::uint64_t emitted, std::uint64_t late, std::uint64_t dropped = 0) {
  JitterBufferStats stats;
  stats.frames_emitted = emitted;
  stats.frames_late = late;
  stats.frames_dropped = dropped;
  stats.target_delay = 8ms;
  return stats;
}

std::vector<std::string> csv_of(const VoiceLog& log) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string path = ::testing::TempDir() + "intercom_log_" + test->name() + ".csv";
  EXPECT_TRUE(log.write_csv(path).is_ok());
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(VoiceLog, WritesALineForEachFrameAndEachGap) {
  VoiceLog log;
  log.add(played(0, 30ms, 40ms), counted(1, 0));
  log.add(filler(2500us), counted(1, 0));
  log.add(filler(17500us), counted(1, 0));
  log.add(played(2, 35ms, 42ms, 1), counted(2, 0));
  log.add_lost_at_end(1);
  const std::vector<std::string> expected = {
      "sequence,captured_ms,network_ms,to_ear_ms,target_ms,length_ms,fate",
      "0,0.000,30.000,40.000,8.000,20.000,played",
      "1,20.000,,,8.000,20.000,concealed",
      "1,20.000,,,,,lost",
      "2,40.000,35.000,42.000,8.000,20.000,played",
      "3,60.000,,,,,lost",
  };
  EXPECT_EQ(csv_of(log), expected);
  EXPECT_EQ(log.heard(), 60ms);
}

TEST(VoiceLog, ALateFrameIsNotALostOne) {
  VoiceLog log;
  log.add(played(0, 30ms, 40ms), counted(1, 0));
  log.add(played(3, 30ms, 40ms, 2), counted(2, 1));
  EXPECT_EQ(log.received(), 3u);
  EXPECT_EQ(log.late(), 1u);
  EXPECT_EQ(log.lost(), 1u);
  const auto lines = csv_of(log);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[2], "1,20.000,,,,,lost");
  EXPECT_EQ(lines[3], "2,40.000,,,,,late");
}

TEST(VoiceLog, AFrameThatComesAfterItWasGivenUpIsLateInHindsight) {
  VoiceLog log;
  log.add(played(0, 30ms, 40ms), counted(1, 0));
  log.add(played(2, 30ms, 40ms, 1), counted(2, 0));
  EXPECT_EQ(log.lost(), 1u);
  log.add(played(3, 30ms, 40ms), counted(3, 1));
  EXPECT_EQ(log.lost(), 0u);
  EXPECT_EQ(csv_of(log)[2], "1,20.000,,,,,late");
}

TEST(VoiceLog, TellsFramesThatWereLeftOutFromLostOnes) {
  VoiceLog log;
  log.add(played(0, 30ms, 40ms), counted(1, 0));
  log.add(played(2, 30ms, 40ms, 1), counted(2, 0, 1));
  EXPECT_EQ(log.dropped(), 1u);
  EXPECT_EQ(log.lost(), 0u);
  EXPECT_EQ(log.received(), 3u);
  EXPECT_EQ(csv_of(log)[2], "1,20.000,,,,,dropped");
}

TEST(VoiceLog, CountersThatClaimMoreThanIsMissingAreNotBelieved) {
  VoiceLog log;
  log.add(played(0, 30ms, 40ms), counted(1, 5, 5));
  log.add(played(2, 30ms, 40ms, 1), counted(2, 5, 5));
  EXPECT_EQ(log.lost() + log.late() + log.dropped(), 1u);
}

TEST(VoiceLog, DescribesDelaysByTheirQuantiles) {
  VoiceLog log;
  for (std::uint64_t i = 0; i < 101; ++i) {
    const auto network = 30ms + static_cast<Duration::rep>(100 - i) * 1ms;
    log.add(played(i, network, 140ms), counted(i + 1, 0));
  }
  v1::CallReport report;
  log.describe(report);
  EXPECT_EQ(report.frames_received(), 101u);
  EXPECT_EQ(report.least_delay_us(), 30'000);
  EXPECT_EQ(report.median_delay_us(), 80'000);
  EXPECT_EQ(report.delay_95_us(), 125'000);
  EXPECT_EQ(report.most_delay_us(), 130'000);
  EXPECT_EQ(report.delay_bound_us(), 31'000);
  EXPECT_EQ(report.mean_playout_us(), 140'000);
  EXPECT_EQ(report.heard_us(), 2'020'000);
}

TEST(VoiceLog, KnowsNoDelaysWithoutAClock) {
  VoiceLog log;
  VoiceLog::Step step = played(0, 30ms, 40ms);
  step.frame->latency.reset();
  step.frame->local_capture_time.reset();
  log.add(step, counted(1, 0));
  EXPECT_EQ(csv_of(log)[1], "0,0.000,,,8.000,20.000,played");
  EXPECT_EQ(log.summary(), "1 frames heard, 0 lost, 0 late");
  v1::CallReport report;
  log.describe(report);
  EXPECT_EQ(report.most_delay_us(), 0);
}

TEST(VoiceLog, KeepsItsCountsWhenTheEndedCallHasForgottenItsBuffer) {
  VoiceLog log;
  log.add(played(0, 30ms, 40ms), counted(1, 0));
  log.add(played(2, 30ms, 40ms, 1), counted(2, 1));
  log.add(played(3, 30ms, 40ms), JitterBufferStats());
  EXPECT_EQ(log.late(), 1u);
}

TEST(VoiceLog, SaysWhereItCannotWrite) {
  const auto status = VoiceLog().write_csv("/no/such/folder/frames.csv");
  EXPECT_EQ(status.code(), echostream::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "cannot write /no/such/folder/frames.csv");
}

}  // namespace
}  // namespace intercom
