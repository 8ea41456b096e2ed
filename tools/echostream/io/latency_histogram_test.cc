#include "tools/echostream/io/latency_histogram.h"

#include <gtest/gtest.h>

namespace echostream::tool {
namespace {

using namespace std::chrono_literals;

TEST(LatencyHistogram, IsZeroWithoutAnything) {
  const LatencyHistogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.quantile(0.99), Duration::zero());
  EXPECT_EQ(none.least(), Duration::zero());
  EXPECT_EQ(none.mean(), Duration::zero());
}

TEST(LatencyHistogram, GivesQuantilesWithinTwoPercent) {
  LatencyHistogram times;
  for (int i = 1; i <= 10'000; ++i) times.add(i * 1us);
  EXPECT_EQ(times.count(), 10'000u);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double expected = share * 10'000 * 1000;
    const auto got = static_cast<double>(times.quantile(share).count());
    EXPECT_NEAR(got, expected, expected * 0.02) << share;
  }
  EXPECT_EQ(times.quantile(1), 10ms);
  EXPECT_EQ(times.quantile(0), 1us);
  EXPECT_EQ(times.least(), 1us);
  EXPECT_EQ(times.most(), 10ms);
  EXPECT_EQ(times.mean(), Duration(5'000'500));
}

TEST(LatencyHistogram, TakesAnyTime) {
  LatencyHistogram times;
  times.add(-1s);
  times.add(Duration::max());
  EXPECT_EQ(times.quantile(0.5), Duration::zero());
  EXPECT_EQ(times.quantile(1), Duration::max());
}

TEST(LatencyHistogram, IsExactBelow64Nanoseconds) {
  LatencyHistogram times;
  for (int i = 0; i < 64; ++i) times.add(Duration(i));
  EXPECT_EQ(times.quantile(0.5), Duration(31));
}

TEST(MillisecondsText, HasMicroseconds) {
  EXPECT_EQ(milliseconds_text(1234us), "1.234 ms");
  EXPECT_EQ(milliseconds_text(-5us), "-0.005 ms");
}

}  // namespace
}  // namespace echostream::tool
