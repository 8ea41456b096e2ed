#include "runtime/timing/slewed_offset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kStart{1000s};

TEST(SlewedOffset, FollowsItsLine) {
  SlewedOffset clock;
  EXPECT_FALSE(clock.is_running());
  clock.aim(kStart, 5s, 20);
  EXPECT_EQ(clock.offset_at(kStart), 5s);
  EXPECT_EQ(clock.offset_at(kStart + 100s), 5s + 2ms);
  EXPECT_EQ(clock.offset_at(kStart - 100s), 5s - 2ms);
}

TEST(SlewedOffset, GoesTowardsANewLineAtALimitedRate) {
  SlewedOffset clock;
  clock.aim(kStart, 5s, 0);
  clock.aim(kStart, 5s + 1ms, 0);
  EXPECT_EQ(clock.offset_at(kStart), 5s);
  EXPECT_EQ(clock.offset_at(kStart + 1s), 5s + 500us);
  EXPECT_EQ(clock.offset_at(kStart + 3s), 5s + 1ms);
  EXPECT_EQ(clock.lag_at(kStart), -1ms);
}

TEST(SlewedOffset, StepsForwardOverWhatWouldTakeTooLongButNeverBackward) {
  SlewedOffset clock;
  clock.aim(kStart, 5s, 0);
  clock.aim(kStart, 20s, 0);
  EXPECT_EQ(clock.offset_at(kStart), 20s);
  clock.aim(kStart, 5s, 0);
  EXPECT_EQ(clock.offset_at(kStart), 20s);
  EXPECT_EQ(clock.offset_at(kStart + 1s), 20s - 100ms);
  clock.restart(kStart, 5s, 0);
  EXPECT_EQ(clock.offset_at(kStart), 5s);
}

TEST(SlewedOffset, NeverRunsBackwardsAndKnowsItsInverse) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    SlewedOffset clock;
    LocalTime now = kStart;
    clock.aim(now, Duration(static_cast<std::int64_t>(random())), 0);
    const Duration around = clock.offset_at(now);
    std::uint64_t last = 0;
    bool is_first = true;
    for (int i = 0; i < 5000; ++i) {
      now += Duration(random() % 20'000'000);
      if (random() % 10 == 0) {
        const double size = std::pow(10.0, static_cast<double>(random() % 10));
        const auto wobble =
            static_cast<std::int64_t>(size * (static_cast<double>(random() >> 11) * 0x1p-53 - 0.5));
        clock.aim(now,
                  Duration(static_cast<std::int64_t>(static_cast<std::uint64_t>(around.count()) +
                                                     static_cast<std::uint64_t>(wobble))),
                  static_cast<double>(random() % 400) - 200);
      }
      const auto shown = static_cast<std::uint64_t>(now.time_since_epoch().count()) +
                         static_cast<std::uint64_t>(clock.offset_at(now).count());
      if (!is_first) {
        ASSERT_GE(static_cast<std::int64_t>(shown - last), 0);
      }
      is_first = false;
      last = shown;
      const LocalTime back = clock.time_of(Duration(static_cast<std::int64_t>(shown)));
      ASSERT_LE(std::abs((back - now).count()), 1);
    }
  }
}

TEST(SlewedOffset, SurvivesAnyLine) {
  std::mt19937_64 random(5);
  SlewedOffset clock;
  LocalTime now = kStart;
  const Duration offsets[] = {Duration::min(), Duration::max(), 0ns, 1s, Duration(-1)};
  const double skews[] = {0, 1e300, -1e300, std::nan(""), HUGE_VAL};
  for (int i = 0; i < 1000; ++i, now += 1s) {
    clock.aim(now, offsets[random() % 5], skews[random() % 5]);
    (void)clock.offset_at(now + 100h);
    (void)clock.lag_at(now);
    (void)clock.time_of(offsets[random() % 5]);
  }
  clock.restart(now, 3s, 0);
  EXPECT_EQ(clock.offset_at(now), 3s);
}

}  // namespace
}  // namespace echostream::timing
