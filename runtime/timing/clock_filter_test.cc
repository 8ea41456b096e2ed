#include "runtime/timing/clock_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace echostream::timing {
namespace {

// A path of 5 ms each way, on which each direction's delays can be chosen.
class ClockFilterTest : public ::testing::Test {
 protected:
  double excess(double mean) {
    return -mean * std::log(1 - static_cast<double>(random_() >> 11) * 0x1p-53);
  }
  void exchange(double there_us, double back_us) {
    const double offset = 30 * now_;
    filter_.add_upper({now_, offset + there_us});
    filter_.add_lower({now_, offset - back_us});
    now_ += 0.2;
  }
  void run(int count, double there_us = 5000, double back_us = 5000) {
    for (int i = 0; i < count; ++i) exchange(there_us + excess(200), back_us + excess(200));
  }
  double error() const { return filter_.predict(now_).offset_us - 30 * now_; }
  double sd() const { return filter_.predict(now_).offset_sd_us; }

  ClockFilter filter_;
  double now_ = 0;
  std::mt19937_64 random_{5};
};

TEST_F(ClockFilterTest, FindsOffsetRateAndDelays) {
  run(300);
  EXPECT_LT(std::abs(error()), 25);
  EXPECT_NEAR(filter_.predict(now_).slope, 30, 1);
  EXPECT_NEAR(filter_.least_rtt_us(), 10000, 100);
  EXPECT_LT(sd(), 25);
}

TEST_F(ClockFilterTest, IsLessSureTheLongerItPredicts) {
  run(100);
  double before = sd();
  for (const double ahead : {1.0, 10.0, 100.0, 1000.0}) {
    const double after = filter_.predict(now_ + ahead).offset_sd_us;
    EXPECT_GT(after, before);
    before = after;
  }
}

TEST_F(ClockFilterTest, AFewLatePointsMoveNothing) {
  run(300);
  const double before = error();
  for (int i = 0; i < 5; ++i) exchange(50000, 5000 + excess(200));
  EXPECT_LT(std::abs(error() - before), 15);
  EXPECT_EQ(filter_.path_changes(), 0u);
}

TEST_F(ClockFilterTest, ALongerDirectionIsLearnedWithoutMovingTheOffset) {
  run(300);
  run(50, 15000);
  EXPECT_EQ(filter_.path_changes(), 1u);
  EXPECT_LT(std::abs(error()), 40);  // not the 5000 that symmetry would make of it
  EXPECT_NEAR(filter_.least_rtt_us(), 20000, 200);
  run(300, 15000);
  EXPECT_LT(std::abs(error()), 60);
  run(300);
  EXPECT_LT(std::abs(error()), 40);
  EXPECT_NEAR(filter_.least_rtt_us(), 10000, 100);
}

TEST_F(ClockFilterTest, BothDirectionsLongerKeepTheOffsetToo) {
  run(300);
  run(100, 25000, 18000);
  EXPECT_LT(std::abs(error()), 60);
  EXPECT_NEAR(filter_.least_rtt_us(), 43000, 400);
}

TEST_F(ClockFilterTest, AShorterRoundTripCountsMoreThanALongerOne) {
  run(300, 15000, 5000);
  EXPECT_NEAR(error(), 5000, 50);
  run(100);
  EXPECT_LT(std::abs(error()), 50);
}

TEST_F(ClockFilterTest, ToldOfAnotherPathItKeepsTheOffset) {
  run(300);
  filter_.handle_path_change();
  run(200, 40000, 30000);
  EXPECT_LT(std::abs(error()), 60);
  EXPECT_NEAR(filter_.least_rtt_us(), 70000, 500);
}

TEST_F(ClockFilterTest, AnOlderPointIsComparedWithWhereTheLineWas) {
  run(300);
  const double before = error();
  filter_.add_lower({now_ - 5, 30 * (now_ - 5) - 5000});
  filter_.add_upper({now_ - 5, 30 * (now_ - 5) + 5000});
  EXPECT_LT(std::abs(error() - before), 20);
}

TEST_F(ClockFilterTest, AbsurdPointsHaveNoEffect) {
  run(300);
  const double before = error();
  for (int i = 0; i < 50; ++i) {
    filter_.add_upper({now_, 3e15});
    filter_.add_lower({now_, -3e15});
    filter_.add_upper({now_, -3e15});
  }
  EXPECT_EQ(error(), before);
}

TEST_F(ClockFilterTest, StaysSaneThroughYearsOfSilence) {
  run(300);
  now_ += 3e8;
  run(300);
  EXPECT_LT(std::abs(error()), 200);
  EXPECT_TRUE(std::isfinite(sd()));
}

TEST_F(ClockFilterTest, WorksWithoutAnyJitter) {
  for (int i = 0; i < 3000; ++i) exchange(5000, 5000);
  EXPECT_LT(std::abs(error()), 1);
  EXPECT_GT(sd(), 0);
}

}  // namespace
}  // namespace echostream::timing
