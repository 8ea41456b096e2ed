#include "echostream/base/backoff.h"

#include <gtest/gtest.h>

#include <limits>

namespace echostream {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kHighest = std::numeric_limits<std::uint64_t>::max();

TEST(Backoff, DoublesItsBoundUntilTheMost) {
  Backoff backoff(200ms, 1s, 2);
  for (const Duration bound : {200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    EXPECT_EQ(backoff.bound(), bound);
    (void)backoff.next(0);
  }
}

TEST(Backoff, SpreadsThePausesOverTheWholeBound) {
  const auto pause = [](std::uint64_t random) { return Backoff(200ms, 1s, 2).next(random); };
  EXPECT_EQ(pause(0), 0ms);
  EXPECT_EQ(pause(std::uint64_t{1} << 62), 50ms);
  EXPECT_EQ(pause(std::uint64_t{1} << 63), 100ms);
  EXPECT_LT(pause(kHighest), 200ms);
  EXPECT_GT(pause(kHighest), 199999us);
}

TEST(Backoff, BeginsAnewAfterAReset) {
  Backoff backoff(200ms, 1s, 3);
  (void)backoff.next(kHighest);
  (void)backoff.next(kHighest);
  backoff.reset();
  EXPECT_EQ(backoff.bound(), 200ms);
  EXPECT_LT(backoff.next(kHighest), 200ms);
}

TEST(Backoff, KeepsItsBoundWithAMultiplierOfOne) {
  Backoff backoff(200ms, 1s, 1);
  for (int i = 0; i < 10; ++i) (void)backoff.next(kHighest);
  EXPECT_EQ(backoff.bound(), 200ms);
}

TEST(Backoff, HoldsTheLongestOfTimes) {
  Backoff backoff(Duration(1), Duration::max(), 100);
  for (int i = 0; i < 100; ++i) {
    const Duration bound = backoff.bound();
    const Duration pause = backoff.next(kHighest);
    EXPECT_GE(pause, Duration::zero());
    EXPECT_LE(pause, bound);
  }
  EXPECT_GT(backoff.bound(), std::chrono::hours(24 * 365 * 200));
}

TEST(RetryBudget, R11_AllowsItsShareOfTheCallsAndABurst) {
  RetryBudget budget(0.1, 10);
  int calls = 0, retries = 0;
  for (; calls < 10'000; ++calls) {
    budget.count_call();
    while (budget.take()) ++retries;
  }
  EXPECT_LE(retries, calls / 10 + 10);
  EXPECT_GE(retries, calls / 10 + 8);  // nothing is lost to rounding but a fraction
}

TEST(RetryBudget, SavesNoMoreThanTheBurst) {
  RetryBudget budget(0.5, 3);
  for (int i = 0; i < 1000; ++i) budget.count_call();
  int retries = 0;
  while (budget.take()) ++retries;
  EXPECT_EQ(retries, 3);
}

TEST(RetryBudget, GivesItsShareWithoutABurstToo) {
  RetryBudget all(1, 0);
  EXPECT_FALSE(all.take()) << "no call was made yet";
  for (int i = 0; i < 10; ++i) {
    all.count_call();
    EXPECT_TRUE(all.take()) << i;
    EXPECT_FALSE(all.take()) << i;
  }
  RetryBudget half(0.5, 0);
  half.count_call();
  EXPECT_FALSE(half.take());
  half.count_call();
  EXPECT_TRUE(half.take());
}

TEST(RetryBudget, AllowsNothingWhenItIsZero) {
  RetryBudget budget(0, 0);
  budget.count_call();
  EXPECT_FALSE(budget.take());
}

}  // namespace
}  // namespace echostream
