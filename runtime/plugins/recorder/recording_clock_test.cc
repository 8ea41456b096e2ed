#include "runtime/plugins/recorder/recording_clock.h"

#include <gtest/gtest.h>

namespace echostream::recorder {
namespace {

TEST(RecordingClock, KeepsWhatLiesBetweenTwoTimes) {
  const LocalTime begun(std::chrono::seconds(5));
  const RecordingClock clock(begun, WallTime(std::chrono::seconds(1'700'000'000)));
  EXPECT_EQ(clock.at(begun), 1'700'000'000'000'000'000u);
  EXPECT_EQ(clock.at(begun + std::chrono::nanoseconds(1)), 1'700'000'000'000'000'001u);
  EXPECT_EQ(clock.at(begun - std::chrono::seconds(1)), 1'699'999'999'000'000'000u);
}

TEST(RecordingClock, BelievesNoStampThatIsFarAway) {
  const LocalTime now(std::chrono::hours(100));
  const RecordingClock clock(now, WallTime(std::chrono::seconds(1'700'000'000)));
  EXPECT_TRUE(clock.at_if_near(now + std::chrono::hours(23), now).has_value());
  EXPECT_TRUE(clock.at_if_near(now - std::chrono::hours(23), now).has_value());
  EXPECT_FALSE(clock.at_if_near(now + std::chrono::hours(25), now).has_value());
  EXPECT_FALSE(clock.at_if_near(now - std::chrono::hours(25), now).has_value());
  EXPECT_FALSE(clock.at_if_near(LocalTime::max(), now).has_value());
  EXPECT_FALSE(clock.at_if_near(LocalTime::min(), now).has_value());
}

}  // namespace
}  // namespace echostream::recorder
