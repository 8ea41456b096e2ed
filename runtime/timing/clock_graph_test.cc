#include "runtime/timing/clock_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

double uniform(std::mt19937_64& random, double least, double most) {
  return least + (most - least) * static_cast<double>(random() >> 11) * 0x1p-53;
}

// Clocks of any epoch, and measurements of pairs of them.
class Clocks {
 public:
  Clocks(std::size_t count, std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < count; ++i) truth_.push_back(static_cast<std::int64_t>(random_()));
  }

  // A measurement with an error of at most `error_us`, that knows it.
  ClockMeasurement& measure(std::size_t from, std::size_t to, double error_us, double bound_us) {
    ClockMeasurement measurement;
    measurement.from = from;
    measurement.to = to;
    measurement.error_us = error_us;
    measurement.bound_us = bound_us;
    measurement.offset = off_by(from, to, uniform(random_, -error_us, error_us));
    measurements.push_back(measurement);
    return measurements.back();
  }
  Duration off_by(std::size_t from, std::size_t to, double error_us) const {
    const auto apart =
        static_cast<std::uint64_t>(truth_[to]) - static_cast<std::uint64_t>(truth_[from]);
    const auto error = static_cast<std::uint64_t>(std::llround(error_us * 1e3));
    return Duration(static_cast<std::int64_t>(apart + error));
  }
  void measure_all(double error_us, double bound_us) {
    for (std::size_t i = 0; i < truth_.size(); ++i)
      for (std::size_t k = i + 1; k < truth_.size(); ++k) measure(i, k, error_us, bound_us);
  }
  ClockMeasurement& between(std::size_t from, std::size_t to) {
    return *std::find_if(measurements.begin(), measurements.end(), [&](const auto& measurement) {
      return measurement.from == from && measurement.to == to;
    });
  }
  void solve(std::size_t root = 0) {
    root_ = root;
    graph.solve(truth_.size(), root, measurements);
  }
  double error_us(std::size_t node) const {
    const Duration truth = off_by(root_, node, 0);
    return static_cast<double>((graph.node(node).offset - truth).count()) * 1e-3;
  }
  bool holds_bound(std::size_t node) const {
    const ClockGraph::Node& solved = graph.node(node);
    const double error = error_us(node);
    return -error >= solved.low_us - 0.01 && -error <= solved.high_us + 0.01;
  }
  std::size_t count(EdgeVerdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(measurements.begin(), measurements.end(),
                      [&](const auto& measurement) { return measurement.verdict == verdict; }));
  }
  std::size_t size() const { return truth_.size(); }
  std::mt19937_64& random() { return random_; }

  ClockGraph graph{65, 4096};
  std::vector<ClockMeasurement> measurements;

 private:
  std::mt19937_64 random_;
  std::vector<std::int64_t> truth_;
  std::size_t root_ = 0;
};

TEST(ClockGraph, OnePairIsWhatItWasMeasuredToBe) {
  Clocks clocks(2, 1);
  clocks.measure(1, 0, 20, 300);
  clocks.solve();
  ASSERT_TRUE(clocks.graph.node(1).is_reachable);
  EXPECT_NEAR(clocks.error_us(1), 0, 20);
  EXPECT_NEAR(clocks.graph.node(1).error_us, 20, 1e-6);
  EXPECT_NEAR(clocks.graph.node(1).high_us, 300, 1e-6);
}

TEST(ClockGraph, ErrorsAlongAChainAddByTheirSquaresAndBoundsAsTheyAre) {
  Clocks clocks(4, 2);
  clocks.measure(0, 1, 30, 300);
  clocks.measure(1, 2, 40, 500);
  clocks.solve();
  EXPECT_NEAR(clocks.graph.node(2).error_us, 50, 1e-6);
  EXPECT_NEAR(clocks.graph.node(2).high_us, 800, 1e-6);
  EXPECT_FALSE(clocks.graph.node(3).is_reachable);
}

TEST(ClockGraph, ManyMeasurementsAreBetterThanTheBestOfThem) {
  double alone = 0;
  double together = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Clocks clocks(8, seed);
    clocks.measure_all(100, 1000);
    clocks.solve();
    together += std::abs(clocks.error_us(7));
    EXPECT_LT(clocks.graph.node(7).error_us, 51);
    Clocks pair(8, seed);
    pair.measure(0, 7, 100, 1000);
    pair.solve();
    alone += std::abs(pair.error_us(7));
  }
  // The variance is 2/8 of one measurement's.
  EXPECT_LT(together, alone * 0.6);
}

TEST(ClockGraph, BoundsAreTheIntersectionOfWhatAllPathsPromise) {
  Clocks clocks(3, 3);
  clocks.measurements.reserve(3);
  clocks.measure(0, 2, 10, 1000).offset = clocks.off_by(0, 2, 900);
  clocks.measure(0, 1, 10, 100).offset = clocks.off_by(0, 1, 0);
  clocks.measure(1, 2, 10, 100).offset = clocks.off_by(1, 2, 0);
  clocks.solve();
  // The direct way says [-100, 1900], the way round [-200, 200]: the truth lies in [-100, 200].
  const ClockGraph::Node& node = clocks.graph.node(2);
  EXPECT_NEAR(clocks.error_us(2) + node.low_us, -100, 0.01);
  EXPECT_NEAR(clocks.error_us(2) + node.high_us, 200, 0.01);
}

TEST(ClockGraph, FindsTheOneMeasurementThatLies) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Clocks clocks(5, seed);
    clocks.measure_all(20, 200);
    const std::size_t liar = clocks.random()() % clocks.measurements.size();
    ClockMeasurement& lie = clocks.measurements[liar];
    const double size = uniform(clocks.random(), 2'000, 1e12);
    lie.offset = clocks.off_by(lie.from, lie.to, seed % 2 == 0 ? size : -size);
    clocks.solve();
    EXPECT_EQ(lie.verdict, EdgeVerdict::kContradicts);
    EXPECT_EQ(clocks.count(EdgeVerdict::kContradicts), 1u);
    EXPECT_EQ(clocks.count(EdgeVerdict::kDisputed), 0u);
    for (std::size_t i = 1; i < 5; ++i) {
      EXPECT_NEAR(clocks.error_us(i), 0, 40);
      EXPECT_TRUE(clocks.holds_bound(i));
    }
    // The residual tells how wrong it is; once it is right again, it says so.
    EXPECT_NEAR(std::abs(lie.residual_us), size, size * 1e-3 + 60);
  }
}

TEST(ClockGraph, WhereOneLoopContradictsItselfAllItsMembersAreDisputedAndTheBoundHolds) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Clocks clocks(4, seed);
    clocks.measure(0, 1, 20, 200);
    clocks.measure(1, 2, 50, 500);
    clocks.measure(0, 2, 20, 300);
    clocks.measure(2, 3, 20, 300);
    ClockMeasurement& lie = clocks.measurements[seed % 3];
    lie.offset = clocks.off_by(lie.from, lie.to, 50'000);
    clocks.solve();
    EXPECT_EQ(clocks.count(EdgeVerdict::kDisputed), 3u);
    for (std::size_t i = 1; i < 4; ++i) {
      EXPECT_TRUE(clocks.holds_bound(i)) << i;
      EXPECT_FALSE(clocks.graph.node(i).is_undisputed);
    }
  }
}

TEST(ClockGraph, AnAsymmetricPathIsNamedAndCountsLess) {
  Clocks clocks(5, 9);
  clocks.measure_all(20, 2000);
  // All of it within its bound: no lie, but the error it claims to have is too small.
  ClockMeasurement& asymmetric = clocks.between(0, 3);
  asymmetric.offset = clocks.off_by(0, 3, 1500);
  clocks.solve();
  EXPECT_EQ(asymmetric.verdict, EdgeVerdict::kAsymmetric);
  EXPECT_EQ(clocks.count(EdgeVerdict::kFits), 9u);
  EXPECT_NEAR(asymmetric.residual_us, 1500, 100);
  EXPECT_NEAR(clocks.error_us(3), 0, 40);
}

TEST(ClockGraph, WhatLoopsDoNotShowTheBoundStillCovers) {
  // Half of a path's asymmetry is invisible at its ends, and here it is in all of them.
  std::mt19937_64 random(4);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Clocks clocks(6, seed);
    clocks.measure_all(50, 3000);
    for (ClockMeasurement& measurement : clocks.measurements)
      measurement.offset =
          clocks.off_by(measurement.from, measurement.to, uniform(random, -2900, 2900));
    clocks.solve();
    EXPECT_EQ(clocks.count(EdgeVerdict::kContradicts), 0u);
    for (std::size_t i = 1; i < 6; ++i) EXPECT_TRUE(clocks.holds_bound(i));
  }
}

TEST(ClockGraph, TheBoundHoldsOnAnyGraphWithALiarThatLoopsCanFind) {
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Clocks clocks(4 + seed % 12, seed);
    for (std::size_t i = 1; i < clocks.size(); ++i) {
      for (int ways = 0; ways < 3; ++ways)
        clocks.measure(clocks.random()() % i, i, uniform(clocks.random(), 5, 100),
                       uniform(clocks.random(), 200, 4000));
    }
    ClockMeasurement& lie = clocks.measurements[clocks.random()() % clocks.measurements.size()];
    lie.offset = clocks.off_by(lie.from, lie.to, 100'000);
    clocks.solve();
    if (lie.verdict == EdgeVerdict::kContradicts) ++found;
    EXPECT_NE(lie.verdict, EdgeVerdict::kFits);
    for (std::size_t i = 1; i < clocks.size(); ++i) EXPECT_TRUE(clocks.holds_bound(i)) << i;
  }
  EXPECT_GE(found, 280u);
}

TEST(ClockGraph, AReadmittedMeasurementCountsAgain) {
  Clocks clocks(5, 6);
  clocks.measure_all(20, 200);
  clocks.between(1, 2).offset = clocks.off_by(1, 2, 1e6);
  clocks.solve();
  ASSERT_EQ(clocks.between(1, 2).verdict, EdgeVerdict::kContradicts);
  clocks.between(1, 2).offset = clocks.off_by(1, 2, 5);
  clocks.solve();
  EXPECT_EQ(clocks.between(1, 2).verdict, EdgeVerdict::kContradicts);  // Until the caller says so.
  EXPECT_NEAR(clocks.between(1, 2).residual_us, 0, 60);
  clocks.between(1, 2).verdict = EdgeVerdict::kFits;
  clocks.solve();
  EXPECT_EQ(clocks.between(1, 2).verdict, EdgeVerdict::kFits);
}

TEST(ClockGraph, SurvivesAGraphOfLiesOnly) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Clocks clocks(seed % 3 == 0 ? 64 : 9, seed);
    std::mt19937_64& random = clocks.random();
    const double sizes[] = {0, 1e-300, 1, 1e6, 1e300, HUGE_VAL};
    for (std::size_t i = 0; i < clocks.size() * 4; ++i) {
      ClockMeasurement measurement;
      measurement.from = random() % clocks.size();
      measurement.to = random() % clocks.size();
      measurement.offset = Duration(static_cast<std::int64_t>(random()));
      measurement.bound_us = sizes[random() % 6];
      measurement.error_us = sizes[random() % 6];
      clocks.measurements.push_back(measurement);
    }
    clocks.solve();
    for (std::size_t i = 0; i < clocks.size(); ++i) {
      const ClockGraph::Node& node = clocks.graph.node(i);
      if (!node.is_reachable) continue;
      EXPECT_FALSE(std::isnan(node.low_us) || std::isnan(node.high_us) ||
                   std::isnan(node.error_us));
      EXPECT_LE(node.low_us, 0);
      EXPECT_GE(node.high_us, 0);
    }
  }
}

}  // namespace
}  // namespace echostream::timing
