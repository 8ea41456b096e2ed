#include "runtime/timing/recent_minimum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "runtime/sim/random.h"

namespace echostream::timing {
namespace {

TEST(RecentMinimum, ForgetsWhatIsOlderThanItsWindow) {
  RecentMinimum minimum(2e6);

  minimum.add(0, -5);
  minimum.add(1e6, 3);
  EXPECT_EQ(minimum.value(), -5);
  minimum.add(2.1e6, 4);
  EXPECT_EQ(minimum.value(), 3);
  minimum.add(1e9, 7);
  EXPECT_EQ(minimum.value(), 7);
}

TEST(RecentMinimum, AgreesWithASearchUpToATwentieth) {
  testing::Random random(1, 1);
  RecentMinimum minimum(1'000);
  std::deque<std::pair<double, double>> all;
  double time = -5'000;
  for (int i = 0; i < 10'000; ++i) {
    time += random.unit() * (random.chance(0.01) ? 3'000 : 30);
    const double value = random.unit();
    minimum.add(time, value);
    all.emplace_back(time, value);
    const auto least_since = [&](double since) {
      double least = value;
      for (const auto& [at, each] : all) {
        if (at >= since) least = std::min(least, each);
      }
      return least;
    };
    ASSERT_LE(minimum.value(), least_since(time - 950));
    ASSERT_GE(minimum.value(), least_since(time - 1'000));
    while (all.front().first < time - 1'500) all.pop_front();
  }
}

TEST(RecentMinimum, TakesAnyTime) {
  RecentMinimum minimum(2e6);
  for (const double time : {0.0, 1e300, -1e300, 5.0, -1e16, 1e16}) minimum.add(time, 1);
  minimum.add(0, -1);
  EXPECT_EQ(minimum.value(), -1);
}

}  // namespace
}  // namespace echostream::timing
