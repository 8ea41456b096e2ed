#include "runtime/timing/frame_interval.h"

#include <gtest/gtest.h>

namespace echostream::timing {
namespace {

TEST(FrameInterval, IsThatOfVoiceUntilSomethingIsKnown) {
  EXPECT_EQ(FrameInterval().value(), 20'000);
}

TEST(FrameInterval, IsNotMovedByPausesOrOddStamps) {
  FrameInterval interval;
  for (int i = 0; i < 100; ++i) {
    interval.add(i % 5 == 2 ? 2e6 : 33'333);
    if (i % 5 == 3) interval.add(-1e12);
    if (i > 2) {
      EXPECT_EQ(interval.value(), 33'333) << i;
    }
  }
}

TEST(FrameInterval, FollowsASenderThatChangesIt) {
  FrameInterval interval;
  for (int i = 0; i < 20; ++i) interval.add(20'000);
  for (int i = 0; i < 5; ++i) interval.add(60'000);
  EXPECT_EQ(interval.value(), 60'000);
}

TEST(FrameInterval, StaysUsable) {
  FrameInterval interval;
  for (int i = 0; i < 20; ++i) interval.add(1e-9);
  EXPECT_GE(interval.value(), 100);
  for (int i = 0; i < 20; ++i) interval.add(1e15);
  EXPECT_LE(interval.value(), 1e6);
}

}  // namespace
}  // namespace echostream::timing
