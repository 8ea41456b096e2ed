#include "runtime/loop/uv/clocks.h"

#include <gtest/gtest.h>

#include <chrono>

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kNow{100s};
constexpr WallTime kWallNow{1'700'000'000s};

TEST(StampConverter, MovesAStampToTheMonotonicClock) {
  const StampConverter converter(kNow, kWallNow);
  EXPECT_EQ(converter.to_local(kWallNow), kNow);
  EXPECT_EQ(converter.to_local(kWallNow - 3ms), kNow - 3ms);
  EXPECT_EQ(converter.to_local(kWallNow - 1s), kNow - 1s);
}

TEST(StampConverter, DoesNotBelieveAStampThatIsInTheFutureOrOlderThanASecond) {
  const StampConverter converter(kNow, kWallNow);
  EXPECT_EQ(converter.to_local(kWallNow + 1ns), kNow);
  EXPECT_EQ(converter.to_local(kWallNow - 1s - 1ns), kNow);
  EXPECT_EQ(converter.to_local(WallTime::max()), kNow);
  EXPECT_EQ(converter.to_local(WallTime::min()), kNow);
  EXPECT_EQ(converter.to_local(WallTime()), kNow);
}

TEST(StampConverter, MeasuresBetweenTwoReadsOfTheMonotonicClock) {
  const LocalTime before = monotonic_now();
  const StampConverter converter = StampConverter::measure();
  const LocalTime after = monotonic_now();
  EXPECT_GE(converter.now(), before);
  EXPECT_LE(converter.now(), after);
}

TEST(Clocks, CountFromTheEpochsOfTheSystem) {
  using std::chrono::duration_cast;
  const Duration steady =
      duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  const Duration system =
      duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch());
  EXPECT_GE(monotonic_now().time_since_epoch(), steady);
  EXPECT_LT(monotonic_now().time_since_epoch() - steady, 10s);
  EXPECT_LT(std::chrono::abs(realtime_now().time_since_epoch() - system), 10s);
}

}  // namespace
}  // namespace echostream::internal
