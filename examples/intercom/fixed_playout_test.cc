#include "fixed_playout.h"

#include <gtest/gtest.h>

namespace intercom {
namespace {

using echostream::Duration;
using echostream::LocalTime;
using namespace std::chrono_literals;

LocalTime captured(std::uint64_t sequence) {
  return LocalTime(1s) + static_cast<Duration::rep>(sequence) * kFrameLength;
}

TEST(FixedPlayout, HasNothingToWaitForBeforeTheFirstFrame) {
  FixedPlayout playout(80ms);
  EXPECT_FALSE(playout.next_time());
  EXPECT_TRUE(playout.empty());
}

TEST(FixedPlayout, PlaysEachFrameADelayAfterItsCapture) {
  FixedPlayout playout(80ms);
  EXPECT_TRUE(playout.add(0, captured(0), "a"));
  EXPECT_TRUE(playout.add(1, captured(1), "b"));
  EXPECT_EQ(playout.next_time(), captured(0) + 80ms);
  EXPECT_EQ(playout.take_next(), "a");
  EXPECT_EQ(playout.next_time(), captured(1) + 80ms);
  EXPECT_EQ(playout.take_next(), "b");
  EXPECT_TRUE(playout.empty());
}

TEST(FixedPlayout, AMissingFrameLeavesAGapAndNothingMoves) {
  FixedPlayout playout(80ms);
  playout.add(0, captured(0), "a");
  playout.add(2, captured(2), "c");
  EXPECT_EQ(playout.take_next(), "a");
  EXPECT_EQ(playout.take_next(), std::nullopt);
  EXPECT_EQ(playout.next_time(), captured(2) + 80ms);
  EXPECT_EQ(playout.take_next(), "c");
}

TEST(FixedPlayout, AFrameAfterItsTurnIsLate) {
  FixedPlayout playout(80ms);
  playout.add(0, captured(0), "a");
  EXPECT_EQ(playout.take_next(), "a");
  EXPECT_EQ(playout.take_next(), std::nullopt);
  EXPECT_FALSE(playout.add(1, captured(1), "b"));
  EXPECT_TRUE(playout.add(2, captured(2), "c"));
}

TEST(FixedPlayout, RestoresTheOrder) {
  FixedPlayout playout(80ms);
  playout.add(5, captured(5), "f");
  EXPECT_TRUE(playout.add(7, captured(7), "h"));
  EXPECT_TRUE(playout.add(6, captured(6), "g"));
  EXPECT_EQ(playout.take_next(), "f");
  EXPECT_EQ(playout.take_next(), "g");
  EXPECT_EQ(playout.take_next(), "h");
}

TEST(FixedPlayout, TakesNoFrameTwice) {
  FixedPlayout playout(80ms);
  EXPECT_TRUE(playout.add(0, captured(0), "a"));
  EXPECT_FALSE(playout.add(0, captured(0), "again"));
  EXPECT_EQ(playout.take_next(), "a");
}

TEST(FixedPlayout, RefusesFramesFromTheFarFuture) {
  FixedPlayout playout(80ms);
  EXPECT_TRUE(playout.add(0, captured(0), "a"));
  EXPECT_TRUE(playout.add(500, captured(500), "b"));
  EXPECT_FALSE(playout.add(501, captured(501), "c"));
  EXPECT_FALSE(playout.add(UINT64_MAX, captured(501), "d"));
}

}  // namespace
}  // namespace intercom
