#include "runtime/plugins/rate_limit/bucket_table.h"

#include <gmock/gmock.h>

namespace echostream::rate_limit {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kStart(1h);
const BucketRate kOneASecond(1, 1);

std::string name(int i) { return "peer" + std::to_string(i); }

TEST(BucketTable, EachKeyHasABucketOfItsOwn) {
  BucketTable table(16);
  EXPECT_EQ(table.find("a", kStart).bucket.take(kStart, kOneASecond), 0ns);
  EXPECT_GT(table.find("a", kStart).bucket.take(kStart, kOneASecond), 0ns);
  EXPECT_EQ(table.find("b", kStart).bucket.take(kStart, kOneASecond), 0ns);
  EXPECT_EQ(table.size(), 2u);
}

TEST(BucketTable, ForgetsWhatThereIsNothingToRememberOf) {
  BucketTable table(16);
  LocalTime now = kStart;
  for (int i = 0; i < 10'000; ++i) {
    const auto found = table.find(name(i), now);
    EXPECT_FALSE(found.is_shared) << i;
    EXPECT_EQ(found.bucket.take(now, kOneASecond), 0ns);
    now += 70ms;  // the oldest of 16 is full again after 1.12 s
  }
  EXPECT_EQ(table.size(), 16u);
}

TEST(BucketTable, NeverForgetsAPeerThatIsAtItsLimitAndBoundsWhatTheOthersGet) {
  BucketTable table(16);
  const BucketRate slow(0.001, 1);
  EXPECT_EQ(table.find("loud", kStart).bucket.take(kStart, slow), 0ns);
  int passed = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (table.find(name(i), kStart).bucket.take(kStart, slow) == 0ns) ++passed;
  }
  EXPECT_EQ(passed, 15 + 1) << "the places that were left, and the shared one";
  EXPECT_GT(table.find("loud", kStart).bucket.take(kStart, slow), 0ns);
  EXPECT_EQ(table.size(), 16u);
}

TEST(BucketTable, FindsRoomBehindThoseThatStayAtTheirLimit) {
  BucketTable table(64);
  const BucketRate slow(0.0001, 1);
  // Ten that will not be full for hours, used longest ago; then as many as there is room for.
  for (int i = 0; i < 10; ++i)
    (void)table.find("slow" + std::to_string(i), kStart).bucket.take(kStart, slow);
  for (int i = 0; i < 54; ++i)
    (void)table.find(name(i), kStart + 1s).bucket.take(kStart + 1s, kOneASecond);
  const LocalTime later = kStart + 1min;
  EXPECT_TRUE(table.find("new", later).is_shared) << "eight were looked at";
  EXPECT_FALSE(table.find("new", later).is_shared) << "the next ones are others";
  for (int i = 0; i < 10; ++i) {
    EXPECT_GT(table.find("slow" + std::to_string(i), later).bucket.take(later, slow), 0ns) << i;
  }
}

}  // namespace
}  // namespace echostream::rate_limit
