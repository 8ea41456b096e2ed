#include "bench/support/media.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bench {
namespace {

TEST(MediaFrames, HaveTheSizesOfVoiceAndVideoAndTheSameOnesInEveryRun) {
  MediaFrames frames;
  MediaFrames again;
  std::size_t least = 10'000;
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t size = frames.next().size();
    EXPECT_EQ(size, again.next().size());
    least = std::min(least, size);
    most = std::max(most, size);
  }
  EXPECT_EQ(least, 160u);
  EXPECT_EQ(most, 1200u);
}

TEST(MediaFrames, CarryTheTimeTheyWereSent) {
  MediaFrames frames;
  const std::string first = frames.next();
  const std::string second = frames.next();
  EXPECT_GE(frame_age_us(second), 0);
  const double first_age = frame_age_us(first);
  EXPECT_LE(frame_age_us(second), frame_age_us(first));
  EXPECT_LE(first_age, frame_age_us(first));
}

TEST(MediaFrames, WhatIsTooShortToBeOneHasANegativeAge) {
  EXPECT_LT(frame_age_us("1234567"), 0);
  EXPECT_LT(frame_age_us(""), 0);
}

}  // namespace
}  // namespace bench
