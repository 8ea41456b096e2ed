#include "runtime/transport/rate_limit.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kNow{std::chrono::hours(1)};

int taken_at(RateLimit& limit, LocalTime now, int tries = 1000) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += limit.take(now);
  return taken;
}

TEST(RateLimitTest, GivesASecondsWorthAtOnceAndNoMore) {
  RateLimit limit(100);
  EXPECT_EQ(taken_at(limit, kNow), 100);
  EXPECT_EQ(taken_at(limit, kNow), 0);
}

TEST(RateLimitTest, RefillsWithTimeUpToASecondsWorth) {
  RateLimit limit(100);
  taken_at(limit, kNow);
  EXPECT_EQ(taken_at(limit, kNow + 55ms), 5);
  EXPECT_EQ(taken_at(limit, kNow + 24h), 100);
}

TEST(RateLimitTest, NeverGivesMoreThanTwiceItsRateInAnySecond) {
  RateLimit limit(10);
  int taken = 0;
  for (int ms = 0; ms < 1000; ++ms) taken += taken_at(limit, kNow + ms * 1ms, 5);
  EXPECT_LE(taken, 20);
  EXPECT_GE(taken, 19);
}

TEST(RateLimitTest, ZeroIsNeverReady) { EXPECT_EQ(RateLimit(0).ready_at(kNow), kNever); }

TEST(RateLimitTest, ZeroGivesNothing) {
  RateLimit limit(0);
  EXPECT_EQ(taken_at(limit, kNow), 0);
  EXPECT_EQ(taken_at(limit, kNow + 1h), 0);
}

TEST(RateLimitTest, ClockThatStepsBackGivesNothingExtra) {
  RateLimit limit(10);
  EXPECT_EQ(taken_at(limit, kNow), 10);
  EXPECT_EQ(taken_at(limit, kNow - 1s), 0);
}

TEST(RateLimitTest, GivesItsBurstAtOnceAndThenItsRate) {
  RateLimit limit(100, 500);
  EXPECT_EQ(taken_at(limit, kNow), 500);
  EXPECT_EQ(taken_at(limit, kNow + 1s), 100);
}

TEST(RateLimitTest, TakesBackNoMoreThanItsBurst) {
  RateLimit limit(100, 500);
  taken_at(limit, kNow);
  limit.give(20);
  EXPECT_EQ(taken_at(limit, kNow), 20);
  limit.give(10'000);
  EXPECT_EQ(taken_at(limit, kNow), 500);
}

TEST(RateLimitTest, DebtIsPaidBeforeAnythingIsGiven) {
  RateLimit limit(1000, 100);
  EXPECT_EQ(limit.ready_at(kNow), kNow);
  limit.spend(kNow, 350);
  EXPECT_EQ(limit.ready_at(kNow), kNow + 251ms);
  EXPECT_FALSE(limit.take(kNow + 250ms));
  EXPECT_TRUE(limit.take(kNow + 251ms));
}

}  // namespace
}  // namespace echostream::transport
