// Bounds of the delay, sync groups, the end of a stream, and what is counted.
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/timing/jitter_buffer_test_stream.h"

namespace echostream::timing {
namespace {

using Kind = PlayoutStep::Kind;
using Reason = PlayoutStep::Reason;
using Stream = TestStream;

TEST(JitterBuffer, KeepsToItsBounds) {
  JitterBufferOptions options;
  options.min_delay = 100ms;
  options.initial_delay = 150ms;
  options.max_delay = 200ms;
  Stream stream(options);

  EXPECT_EQ(stream.buffer.stats().target_delay, 0ms);
  stream.arrive_all(0, 500, 0ms);
  EXPECT_EQ(stream.delay_of(0), 150ms);
  EXPECT_GE(stream.delay_of(480), 98ms);
  EXPECT_LE(stream.delay_of(480), 110ms);
  // A network that holds 30 frames of 50 back for 600 ms would need more, and does not get it.
  const auto delay = [](std::uint64_t i) -> Duration {
    const int place = static_cast<int>(i % 50);
    return i >= 500 && place < 30 ? 600ms - place * kInterval : 0ms;
  };
  for (std::uint64_t i = 500; i < 1'500; ++i) stream.arrive(i, delay(i));
  for (const PlayoutStep& step : stream.all(Kind::kPlay)) {
    const Duration bound = std::max<Duration>(200ms, delay(step.sequence)) + 2 * kInterval;
    EXPECT_LE(stream.delay_of(step.sequence), bound) << step.sequence;
  }
  EXPECT_LE(stream.buffer.stats().target_delay, 200ms);
}

TEST(JitterBuffer, TellsWhereItIsAndWhatItNeeds) {
  Stream stream;
  EXPECT_EQ(stream.buffer.required_offset(), std::nullopt);
  EXPECT_EQ(stream.buffer.offset(), std::nullopt);

  stream.arrive_all(0, 500, 0ms);

  const Duration epochs = kLocal.time_since_epoch() - kRemote.time_since_epoch();
  ASSERT_TRUE(stream.buffer.required_offset() && stream.buffer.offset());
  EXPECT_NEAR(static_cast<double>((*stream.buffer.offset() - epochs).count()),
              static_cast<double>(stream.delay_of(495).count()), 1e3);
  EXPECT_EQ(stream.buffer.required_offset(), epochs + stream.buffer.stats().target_delay);
}

TEST(JitterBuffer, ApproachesAGroupsTimeByStretching) {
  Stream stream;
  stream.arrive_all(0, 300, 0ms);
  const Duration wanted = *stream.buffer.offset() + 12ms;

  stream.buffer.follow(wanted, 15ms);
  stream.arrive_all(300, 400, 0ms);

  EXPECT_EQ(stream.filler(), 0ms);
  EXPECT_NEAR(static_cast<double>((*stream.buffer.offset() - wanted).count()), 0, 1.1e6);
}

TEST(JitterBuffer, JumpsToAGroupsTimeThatIsFarAway) {
  Stream stream;
  stream.arrive_all(0, 300, 0ms);
  const Duration before = *stream.buffer.offset();

  stream.buffer.follow(before + 300ms, 15ms);
  stream.arrive_all(300, 330, 0ms);
  EXPECT_NEAR(static_cast<double>((*stream.buffer.offset() - before).count()), 300e6, 1.1e6);
  EXPECT_NEAR(static_cast<double>(stream.filler().count()), 300e6, 1.1e6);

  stream.buffer.follow(before, 15ms);
  stream.arrive_all(330, 420, 0ms);
  EXPECT_NEAR(static_cast<double>((*stream.buffer.offset() - before).count()), 0, 16e6);
  for (const PlayoutStep& step : stream.all(Kind::kGiveUp)) {
    EXPECT_EQ(step.reason, Reason::kDropped);
    EXPECT_EQ(step.duration, kInterval);
  }
  EXPECT_NEAR(static_cast<double>(stream.buffer.stats().frames_dropped), 15, 1);

  // By itself again.
  stream.buffer.follow(std::nullopt, 0ms);
  stream.arrive_all(420, 500, 0ms);
  EXPECT_EQ(stream.buffer.stats().frames_lost, 0U);
}

TEST(JitterBuffer, BeginsAtAGroupsTime) {
  Stream stream;
  const Duration epochs = kLocal.time_since_epoch() - kRemote.time_since_epoch();
  stream.buffer.follow(epochs + 200ms, 15ms);

  stream.arrive_all(0, 50, 0ms);

  EXPECT_EQ(stream.delay_of(0), 200ms);
  EXPECT_EQ(stream.filler(), 0ms);
}

TEST(JitterBuffer, EndsAfterTheLastFrame) {
  Stream stream;
  stream.arrive_all(0, 100, 0ms);

  stream.finish(100, 2s);
  stream.advance(3s);

  ASSERT_EQ(stream.steps.back().kind, Kind::kEnd);
  EXPECT_EQ(stream.all(Kind::kPlay).size(), 100U);
  EXPECT_EQ(stream.buffer.next_deadline(), kNever);
  EXPECT_EQ(stream.buffer.poll(kLocal + 1h), std::nullopt);
}

TEST(JitterBuffer, GivesUpWhatIsMissingSoonAfterTheEnd) {
  for (const LatePolicy policy : {LatePolicy::kAuto, LatePolicy::kSkip, LatePolicy::kWait}) {
    JitterBufferOptions options;
    options.late_policy = policy;
    Stream stream(options);
    stream.arrive_all(0, 100, 0ms);
    stream.arrive(101, 0ms);

    stream.finish(110, 2'100ms);
    stream.advance(5s);

    ASSERT_EQ(stream.steps.back().kind, Kind::kEnd);
    EXPECT_LE(stream.steps.back().at, kLocal + 2'100ms + 200ms);
    const auto given_up = stream.all(Kind::kGiveUp);
    ASSERT_EQ(given_up.size(), 2U);
    EXPECT_EQ(given_up[0].sequence, 100U);
    EXPECT_EQ(given_up[1].sequence, 102U);
    EXPECT_EQ(given_up[1].count, 8U);
    EXPECT_EQ(stream.buffer.stats().frames_lost, 9U);
  }
}

TEST(JitterBuffer, EndsWhenNothingEverCame) {
  Stream empty;
  empty.finish(0, 0ms);
  ASSERT_EQ(empty.steps.size(), 1U);
  EXPECT_EQ(empty.steps[0].kind, Kind::kEnd);

  Stream lost;
  lost.finish(7, 0ms);
  lost.advance(1s);
  ASSERT_EQ(lost.steps.size(), 2U);
  EXPECT_EQ(lost.steps[0].kind, Kind::kGiveUp);
  EXPECT_EQ(lost.steps[0].count, 7U);
  EXPECT_EQ(lost.steps[1].kind, Kind::kEnd);
}

TEST(JitterBuffer, EndsAfterASilenceWithoutAnInterruption) {
  Stream stream;
  stream.arrive_all(0, 100, 0ms);
  stream.advance(10s);

  stream.finish(100, 10s);

  EXPECT_EQ(stream.steps.back().kind, Kind::kEnd);
  EXPECT_EQ(stream.buffer.stats().concealment_events, 0U);
}

TEST(JitterBuffer, RecoversWhenTheProcessWasStopped) {
  Stream stream;
  stream.arrive_all(0, 200, 0ms);

  // Nobody polled for an hour, in which both clocks went on and one frame came.
  const Duration hour = 1h;
  stream.buffer.insert({200, kRemote + 200 * kInterval, kLocal + hour});
  stream.drain(kLocal + hour);
  for (std::uint64_t i = 201; i < 300; ++i) {
    const Duration at = kInterval * static_cast<int>(i) + hour;
    stream.arrive(i, at, at);
  }

  ASSERT_NE(stream.played(290), nullptr);
  EXPECT_LT(stream.played(290)->at - kLocal - hour - 290 * kInterval, 200ms);
  EXPECT_LT(stream.steps.size(), 1'000U);
}

TEST(JitterBuffer, PlaysVideoWhoseFramesAreCompleteAtTheirLastPacket) {
  // Key frames are larger than the others and take 50 ms longer.
  Stream stream;
  const Duration interval = 33'333us;
  for (std::uint64_t i = 0; i < 900; ++i) {
    const Duration capture = interval * static_cast<int>(i);
    // What follows a key frame queues up behind it.
    const Duration delay = std::max<Duration>(10ms, 60ms - i % 90 * 25ms);
    stream.arrive(i, capture, capture + delay);
  }

  EXPECT_TRUE(stream.all(Kind::kGiveUp).empty());
  const auto key = stream.played(810);
  ASSERT_NE(key, nullptr);
  EXPECT_LE(stream.buffer.stats().concealed, 10 * 50ms);
  EXPECT_EQ(stream.buffer.stats().frames_emitted, stream.all(Kind::kPlay).size());
}

TEST(JitterBuffer, CountsDelaysAsTheyAre) {
  Stream stream;
  stream.arrive_all(0, 400, 0ms);

  const JitterBufferStats& stats = stream.buffer.stats();
  Duration sum{};
  for (const PlayoutStep& step : stream.all(Kind::kPlay)) sum += stream.delay_of(step.sequence);
  EXPECT_NEAR(static_cast<double>(stats.delay_sum.count()), static_cast<double>(sum.count()), 1e3);
  EXPECT_EQ(stats.frames_emitted, stream.all(Kind::kPlay).size());
  EXPECT_EQ(stats.jitter, 0ms);
  EXPECT_GT(stats.target_delay_sum, 0ms);
  EXPECT_EQ(stats.target_delay_sum, stats.minimum_delay_sum);
  EXPECT_NEAR(static_cast<double>(stats.current_delay.count()),
              static_cast<double>(stream.delay_of(395).count()), 1e3);
}

}  // namespace
}  // namespace echostream::timing
