// How frames are played, waited for and given up.
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/timing/jitter_buffer_test_stream.h"

namespace echostream::timing {
namespace {

using Kind = PlayoutStep::Kind;
using Reason = PlayoutStep::Reason;
using Stream = TestStream;

TEST(JitterBuffer, PlaysFramesAtTheDistanceOfTheirCaptures) {
  Stream stream;

  stream.arrive_all(0, 500, 0ms);

  // The first ones wait for the initial delay; once the network is known not to vary, for little.
  EXPECT_EQ(stream.delay_of(0), 60ms);
  for (std::uint64_t i = 300; i < 490; ++i) {
    ASSERT_NE(stream.played(i), nullptr) << i;
    EXPECT_EQ(stream.played(i)->at - stream.played(i - 1)->at, kInterval) << i;
    EXPECT_EQ(stream.played(i)->duration, kInterval) << i;
    EXPECT_LT(stream.delay_of(i), 10ms) << i;
  }
  EXPECT_EQ(stream.filler(), 0ms);
}

TEST(JitterBuffer, StretchesNoFrameByMoreThanAllowed) {
  JitterBufferOptions options;
  options.max_stretch = 0.05;
  Stream stream(options);

  stream.arrive_all(0, 100, 0ms);
  stream.arrive_all(100, 200, 15ms);
  stream.arrive_all(200, 500, 0ms);

  for (const PlayoutStep& step : stream.all(Kind::kPlay)) {
    EXPECT_GE(step.duration, 19ms);
    EXPECT_LE(step.duration, 21ms);
  }
  EXPECT_GT(stream.buffer.stats().removed_for_acceleration, 0ms);
}

TEST(JitterBuffer, GivesUpALostFrameWhenFillerHasStoodForIt) {
  Stream stream;
  stream.arrive_all(0, 200, 0ms);

  stream.arrive_all(201, 260, 0ms);

  const auto given_up = stream.all(Kind::kGiveUp);
  ASSERT_EQ(given_up.size(), 1U);
  EXPECT_EQ(given_up[0].sequence, 200U);
  EXPECT_EQ(given_up[0].reason, Reason::kLost);
  EXPECT_EQ(given_up[0].count, 1U);
  EXPECT_EQ(given_up[0].duration, 0ms);
  EXPECT_EQ(stream.filler(), kInterval);
  EXPECT_EQ(stream.buffer.stats().frames_lost, 1U);
  EXPECT_EQ(stream.buffer.stats().concealment_events, 1U);
  // The others are where they would have been.
  EXPECT_EQ(stream.played(201)->at - stream.played(199)->at, 2 * kInterval);
}

TEST(JitterBuffer, WaitsForAFrameThatWasOvertaken) {
  JitterBufferOptions options;
  options.min_delay = 50ms;
  Stream stream(options);
  stream.arrive_all(0, 200, 0ms);

  stream.arrive(201, 0ms);
  stream.arrive(202, 0ms);
  stream.arrive(200, 45ms);
  stream.arrive_all(203, 260, 0ms);

  EXPECT_TRUE(stream.all(Kind::kGiveUp).empty());
  EXPECT_EQ(stream.filler(), 0ms);
  ASSERT_NE(stream.played(200), nullptr);
  EXPECT_LT(stream.played(200)->at, stream.played(201)->at);
  EXPECT_EQ(stream.buffer.stats().frames_reordered, 1U);
}

TEST(JitterBuffer, LetsAFrameThatWasOvertakenBecomeTheFirst) {
  Stream stream;

  stream.arrive(1, 0ms);
  stream.arrive(0, 25ms);
  stream.arrive_all(2, 50, 0ms);

  EXPECT_EQ(stream.steps.front().kind, Kind::kPlay);
  EXPECT_EQ(stream.steps.front().sequence, 0U);
}

TEST(JitterBuffer, PlaysADuplicateOnce) {
  Stream stream;
  stream.arrive_all(0, 50, 0ms);

  EXPECT_EQ(stream.arrive(49, 5ms), JitterBuffer::Inserted::kDuplicate);    // waits
  EXPECT_EQ(stream.arrive(10, 985ms), JitterBuffer::Inserted::kDuplicate);  // was played
  stream.advance(2s);

  EXPECT_EQ(stream.all(Kind::kPlay).size(), 50U);
  EXPECT_EQ(stream.buffer.stats().frames_duplicate, 2U);
}

TEST(JitterBuffer, CountsAFrameThatComesAfterItsTurnAsLateNotAsLost) {
  Stream stream;
  stream.arrive_all(0, 200, 0ms);
  stream.arrive_all(201, 230, 0ms);
  ASSERT_EQ(stream.buffer.stats().frames_lost, 1U);

  EXPECT_EQ(stream.arrive(200, 600ms), JitterBuffer::Inserted::kLate);
  EXPECT_EQ(stream.arrive(200, 601ms), JitterBuffer::Inserted::kDuplicate);

  EXPECT_EQ(stream.buffer.stats().frames_lost, 0U);
  EXPECT_EQ(stream.buffer.stats().frames_late, 1U);
  EXPECT_EQ(stream.played(200), nullptr);
}

TEST(JitterBuffer, TakesTheSendersSilenceForSilence) {
  Stream stream;
  stream.arrive_all(0, 200, 0ms);

  // The next frame was captured 380 ms later than usual.
  for (std::uint64_t i = 200; i < 250; ++i) {
    const Duration capture = kInterval * static_cast<int>(i) + 380ms;
    stream.arrive(i, capture, capture);
  }

  const PlayoutStep* first = stream.played(200);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->silence_before, stream.filler());
  EXPECT_NEAR(static_cast<double>(first->silence_before.count()), 380e6, 8e6);
  EXPECT_EQ(stream.buffer.stats().concealed, 0ms);
  EXPECT_EQ(stream.buffer.stats().silent_concealed, stream.filler());
  EXPECT_EQ(stream.buffer.stats().concealment_events, 0U);
  EXPECT_TRUE(stream.all(Kind::kGiveUp).empty());
}

TEST(JitterBuffer, ChangesTheDelayInSilence) {
  Stream stream;
  stream.arrive_all(0, 200, 0ms);
  const Duration before = stream.delay_of(190);
  // From here on every other frame takes 30 ms.
  for (std::uint64_t i = 200; i < 400; ++i) stream.arrive(i, i % 2 == 0 ? 30ms : 0ms);
  const Duration raised = stream.delay_of(390);
  EXPECT_GT(raised, before + 15ms);

  for (std::uint64_t i = 400; i < 420; ++i) {
    const Duration capture = kInterval * static_cast<int>(i) + 1s;
    stream.arrive(i, capture, capture + (i % 2 == 0 ? 30ms : 0ms));
  }

  // Late by itself, the first frame after the silence does not shift what follows.
  EXPECT_EQ(stream.buffer.stats().concealed, stream.filler() - stream.played(400)->silence_before);
  EXPECT_GE(stream.played(400)->at, kLocal + kInterval * 400 + 1s + 30ms);
}

TEST(JitterBuffer, FillsAGapInFineStepsAndFallsSilentAfterASecond) {
  Stream stream;
  stream.arrive_all(0, 200, 0ms);

  stream.advance(10s);

  EXPECT_EQ(stream.buffer.next_deadline(), kNever);
  EXPECT_GE(stream.filler(), 1s);
  EXPECT_LE(stream.filler(), 1s + 20ms);
  EXPECT_EQ(stream.all(Kind::kConceal).front().duration, 2'500us);

  // What comes then is played at once, and one step in the past stands for the time between.
  const std::size_t before = stream.steps.size();
  stream.arrive(200, 200 * kInterval, 10s);
  ASSERT_GE(stream.steps.size(), before + 1);
  EXPECT_EQ(stream.steps[before].kind, Kind::kConceal);
  EXPECT_EQ(stream.steps[before].at + stream.steps[before].duration, kLocal + 10s);
  stream.advance(10s + 100ms);
  EXPECT_NE(stream.played(200), nullptr);
}

TEST(JitterBuffer, BeginsAgainWithAReserveAfterALongGap) {
  JitterBufferOptions options;
  options.min_delay = 80ms;
  Stream stream(options);
  stream.arrive_all(0, 200, 0ms);

  // What was sent in 300 ms is lost, and after that there is nothing in reserve.
  stream.arrive_all(215, 260, 0ms);

  ASSERT_NE(stream.played(215), nullptr);
  EXPECT_GE(stream.delay_of(215), 40ms);
  EXPECT_EQ(stream.buffer.stats().freezes, 1U);
  EXPECT_GT(stream.buffer.stats().freeze_duration, 200ms);
}

TEST(JitterBuffer, ShiftsThePlayoutWhenTheWholeStreamIsLater) {
  Stream stream;
  stream.arrive_all(0, 300, 0ms);
  const Duration before = stream.delay_of(290);

  stream.arrive_all(300, 500, 60ms);
  stream.arrive_all(500, 700, 0ms);

  EXPECT_LE(stream.buffer.stats().concealed, 150ms);
  // Settled a second after the step, in both directions.
  EXPECT_LT(stream.delay_of(350), before + 60ms + 15ms);
  EXPECT_GE(stream.delay_of(350), 60ms);
  EXPECT_LT(stream.delay_of(555), before + 15ms);
}

TEST(JitterBuffer, SkipsABurstThatWasHeldUp) {
  Stream stream;
  stream.arrive_all(0, 300, 0ms);
  const Duration before = stream.delay_of(290);

  // Twelve frames come together, a quarter of a second late.
  for (std::uint64_t i = 300; i < 312; ++i) stream.arrive(i, i * kInterval, 312 * kInterval);
  stream.arrive_all(312, 500, 0ms);

  // What filler has stood for is left out; a quarter of a second later all is as before.
  EXPECT_LT(stream.delay_of(330), before + 30ms);
  EXPECT_LE(stream.buffer.stats().concealed, 260ms);
  for (const PlayoutStep& step : stream.all(Kind::kGiveUp)) {
    EXPECT_EQ(step.reason, Reason::kLate);
    EXPECT_EQ(step.duration, 0ms);
  }
}

TEST(JitterBuffer, WaitPolicyPlaysAllThatComes) {
  JitterBufferOptions options;
  options.late_policy = LatePolicy::kWait;
  Stream stream(options);
  stream.arrive_all(0, 200, 0ms);

  // One stands in the way of all others for more than three seconds, six for one.
  for (std::uint64_t i = 201; i < 360; ++i) stream.arrive(i, 0ms);
  stream.arrive(200, 200 * kInterval, 7'300ms);
  for (std::uint64_t i = 366; i < 420; ++i) stream.arrive(i, 0ms);
  for (std::uint64_t i = 360; i < 366; ++i) stream.arrive(i, i * kInterval, 8'400ms);
  stream.arrive_all(421, 430, 0ms);
  stream.advance(15s);

  EXPECT_TRUE(stream.all(Kind::kGiveUp).empty());
  EXPECT_NE(stream.played(200), nullptr);
  EXPECT_NE(stream.played(365), nullptr);
  EXPECT_NE(stream.played(419), nullptr);
  EXPECT_EQ(stream.played(421), nullptr);
}

TEST(JitterBuffer, WaitPolicyCatchesUpWithTheLongestDelay) {
  JitterBufferOptions options;
  options.late_policy = LatePolicy::kWait;
  options.max_delay = 500ms;
  Stream stream(options);
  stream.arrive_all(0, 200, 0ms);

  for (std::uint64_t i = 200; i < 350; ++i) stream.arrive(i, i * kInterval, 350 * kInterval);
  stream.arrive_all(350, 700, 0ms);

  EXPECT_TRUE(stream.all(Kind::kGiveUp).empty());
  EXPECT_GT(stream.delay_of(200), 2'900ms);
  EXPECT_LE(stream.delay_of(350), 520ms);
  EXPECT_LT(stream.delay_of(690), 100ms);
}

TEST(JitterBuffer, SkipPolicyKeepsTheTimeline) {
  JitterBufferOptions options;
  options.late_policy = LatePolicy::kSkip;
  Stream stream(options);
  stream.arrive_all(0, 300, 0ms);
  const Duration before = stream.delay_of(290);

  stream.arrive(300, before + 5ms);
  stream.arrive_all(301, 320, 0ms);

  const auto given_up = stream.all(Kind::kGiveUp);
  ASSERT_EQ(given_up.size(), 1U);
  EXPECT_EQ(given_up[0].sequence, 300U);
  EXPECT_EQ(given_up[0].reason, Reason::kLate);
  EXPECT_EQ(stream.filler(), kInterval);
  EXPECT_EQ(stream.delay_of(301), before);
}

TEST(JitterBuffer, SkipPolicyDoesNotStarveWhenTheWholeStreamIsLater) {
  JitterBufferOptions options;
  options.late_policy = LatePolicy::kSkip;
  Stream stream(options);
  stream.arrive_all(0, 300, 0ms);

  stream.arrive_all(300, 400, 150ms);

  EXPECT_NE(stream.played(330), nullptr);
  EXPECT_NE(stream.played(380), nullptr);
}

}  // namespace
}  // namespace echostream::timing
