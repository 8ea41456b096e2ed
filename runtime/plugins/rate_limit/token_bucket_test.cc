#include "runtime/plugins/rate_limit/token_bucket.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/sim/random.h"
#include "tests/support/seeds.h"

namespace echostream::rate_limit {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kStart(1h);

TEST(TokenBucket, GivesABurstAndThenOneAtATime) {
  const BucketRate rate(10, 3);
  TokenBucket bucket;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(kStart, rate), 0ns) << i;
  EXPECT_EQ(bucket.take(kStart, rate), 100ms);
  EXPECT_EQ(bucket.take(kStart + 100ms - 1ns, rate), 1ns);
  EXPECT_EQ(bucket.take(kStart + 100ms, rate), 0ns);
  EXPECT_EQ(bucket.take(kStart + 100ms, rate), 100ms);
  EXPECT_EQ(bucket.take(kStart + 300ms, rate), 0ns);
  EXPECT_EQ(bucket.take(kStart + 300ms, rate), 0ns);
  EXPECT_EQ(bucket.take(kStart + 300ms, rate), 100ms);
}

TEST(TokenBucket, IsFullAfterItsBurstHasComeBackAndHoldsNoMore) {
  const BucketRate rate(10, 3);
  TokenBucket bucket;
  EXPECT_TRUE(bucket.is_full(kStart));
  for (int i = 0; i < 3; ++i) (void)bucket.take(kStart, rate);
  EXPECT_FALSE(bucket.is_full(kStart + 300ms - 1ns));
  EXPECT_TRUE(bucket.is_full(kStart + 300ms));
  int taken = 0;
  while (bucket.take(kStart + 24h, rate) == 0ns) ++taken;
  EXPECT_EQ(taken, 3);
}

TEST(TokenBucket, RefusedTriesCostNothing) {
  const BucketRate rate(1, 1);
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(kStart, rate), 0ns);
  for (int i = 0; i < 1000; ++i) EXPECT_GT(bucket.take(kStart + i * 999us, rate), 0ns);
  EXPECT_EQ(bucket.take(kStart + 1s, rate), 0ns);
}

TEST(TokenBucket, KeepsItsRateOverADay) {
  // A third of a second is no whole number of nanoseconds.
  const BucketRate rate(3, 1);
  TokenBucket bucket;
  LocalTime now = kStart;
  std::int64_t taken = 0;
  while (now < kStart + 24h) {
    const Duration wait = bucket.take(now, rate);
    if (wait == 0ns) {
      ++taken;
    } else {
      now += wait;
    }
  }
  EXPECT_EQ(taken, 3 * 24 * 3600);
}

TEST(TokenBucket, InNoStretchOfTimeLetsMoreThroughThanBurstAndRate) {
  testing::for_each_seed(20, [](std::uint64_t seed) {
    testing::Random random(seed, 1);
    const double per_second = 1 + static_cast<double>(random.below(1000)) / 7;
    const double burst = 1 + static_cast<double>(random.below(50));
    const BucketRate rate(per_second, burst);
    TokenBucket bucket;
    std::vector<std::pair<LocalTime, std::uint64_t>> passed;
    LocalTime now = kStart;
    for (int i = 0; i < 2000; ++i) {
      now += Duration(random.below(random.below(10) == 0 ? 2'000'000'000 : 20'000'000));
      const std::uint64_t tokens = 1 + random.below(static_cast<std::uint64_t>(burst));
      if (bucket.take(now, rate, tokens) == 0ns) passed.emplace_back(now, tokens);
    }
    ASSERT_GT(passed.size(), 10u) << seed;
    for (std::size_t from = 0; from < passed.size(); ++from) {
      double sum = 0;
      for (std::size_t to = from; to < std::min(passed.size(), from + 200); ++to) {
        sum += static_cast<double>(passed[to].second);
        const double seconds =
            std::chrono::duration<double>(passed[to].first - passed[from].first).count();
        ASSERT_LE(sum, burst + per_second * seconds + 1e-6) << seed;
      }
    }
  });
}

TEST(TokenBucket, WhatIsLargerThanTheBurstPassesAtTheRate) {
  const BucketRate rate(1000, 100);
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(kStart, rate, 500), 0ns) << "from a full bucket";
  EXPECT_EQ(bucket.take(kStart, rate, 1), 401ms);
  EXPECT_EQ(bucket.take(kStart + 401ms, rate, 1), 0ns);
  EXPECT_EQ(bucket.take(kStart + 401ms, rate, 500), 100ms);
}

TEST(TokenBucket, ReservationsComeOneAfterTheOther) {
  const BucketRate rate(10, 2);
  TokenBucket bucket;
  EXPECT_EQ(bucket.reserve(kStart, rate), 0ms);
  EXPECT_EQ(bucket.reserve(kStart, rate), 0ms);
  EXPECT_EQ(bucket.reserve(kStart, rate), 100ms);
  EXPECT_EQ(bucket.reserve(kStart, rate), 200ms);
  EXPECT_EQ(bucket.reserve(kStart + 50ms, rate), 250ms);
  bucket.give_back(rate);
  EXPECT_EQ(bucket.reserve(kStart + 50ms, rate), 250ms);
  EXPECT_EQ(bucket.take(kStart + 50ms, rate), 350ms);
}

TEST(TokenBucket, WhatWasGivenBackMayBeTakenAgainAndNoMore) {
  const BucketRate rate(10, 2);
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(kStart, rate), 0ns);
  bucket.give_back(rate);
  bucket.give_back(rate);
  bucket.give_back(rate);
  EXPECT_EQ(bucket.take(kStart, rate), 0ns);
  EXPECT_EQ(bucket.take(kStart, rate), 0ns);
  EXPECT_GT(bucket.take(kStart, rate), 0ns);
}

TEST(TokenBucket, TheLargestAndSmallestNumbersStayInRange) {
  const BucketRate slow(1e-6, 1e2);
  TokenBucket bucket;
  const LocalTime late = kStart + std::chrono::hours(24 * 365 * 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bucket.take(late, slow), 0ns);
  EXPECT_EQ(bucket.take(late, slow), 1'000'000s);
  const BucketRate fast(1e9, 1e9);
  TokenBucket other;
  EXPECT_EQ(other.take(late, fast, 1'000'000'000), 0ns);
  EXPECT_EQ(other.take(late, fast), 1ns);
  EXPECT_EQ(other.take(late + 1ns, fast), 0ns);
  EXPECT_EQ(other.take(late + 10s, fast, UINT64_MAX), 0ns);
  EXPECT_GT(other.take(late + 10s, fast), std::chrono::hours(24 * 365)) << "and does not wrap";
}

}  // namespace
}  // namespace echostream::rate_limit
