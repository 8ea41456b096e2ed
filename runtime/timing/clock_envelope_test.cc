#include "runtime/timing/clock_envelope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/seeds.h"

namespace echostream::timing {
namespace {

using Outcome = ClockEnvelope::Outcome;

double uniform(std::mt19937_64& random, double least, double most) {
  return least + (most - least) * static_cast<double>(random() >> 11) * 0x1p-53;
}

TEST(ClockEnvelope, KnowsNothingFromOneDirection) {
  ClockEnvelope envelope;
  EXPECT_EQ(envelope.add_upper({0, 100}), Outcome::kConsistent);
  EXPECT_FALSE(envelope.is_known());
  EXPECT_EQ(envelope.add_lower({0.1, -100}), Outcome::kConsistent);
  EXPECT_TRUE(envelope.is_known());
}

TEST(ClockEnvelope, OneExchangeLimitsTheOffsetToItsRoundTrip) {
  ClockEnvelope envelope;
  envelope.add_upper({0, 100});
  envelope.add_lower({0, -50});
  const OffsetLimits limits = envelope.limits(0);
  EXPECT_DOUBLE_EQ(limits.upper_us, 100);
  EXPECT_DOUBLE_EQ(limits.lower_us, -50);
  EXPECT_DOUBLE_EQ(limits.slopes.upper, 500);
  EXPECT_DOUBLE_EQ(limits.slopes.lower, -500);
}

TEST(ClockEnvelope, LimitsWidenWithTheSlopeThatIsPossible) {
  ClockEnvelope envelope;
  envelope.add_upper({0, 100});
  envelope.add_lower({0, -100});
  const OffsetLimits later = envelope.limits(10);
  EXPECT_NEAR(later.upper_us, 100 + 5000 + 0.3 * std::pow(10, 1.5), 1e-6);
  EXPECT_NEAR(later.lower_us, -later.upper_us, 1e-6);
}

// Two points of each direction 100 s apart leave the slope 2 us per 1 s, 200 us of delay either
// way.
TEST(ClockEnvelope, LimitsTheSlopeByPairsOfPoints) {
  ClockEnvelope envelope;
  for (const double at : {0.0, 100.0}) {
    envelope.add_upper({at, 2 * at + 200});
    envelope.add_lower({at, 2 * at - 200});
  }
  const SlopeRange slopes = envelope.limits(100).slopes;
  const double loosened = 0.3 * std::pow(100, 1.5);
  const double tolerance = 0.02 + 1e-9;  // 2 us over 100 s
  EXPECT_NEAR(slopes.upper, 2 + (400 + loosened) / 100, tolerance);
  EXPECT_NEAR(slopes.lower, 2 - (400 + loosened) / 100, tolerance);
}

TEST(ClockEnvelope, HoldsTheTruthOfWanderingClocksInBoundedMemory) {
  testing::for_each_seed(6, [](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    ClockEnvelope envelope;
    double rate = uniform(random, -200, 200);
    double truth = 0;
    const double jitter = std::pow(10, uniform(random, 0, 4));
    for (double at = 0; at < 300; at += 0.1) {
      truth += 0.1 * rate;
      rate += uniform(random, -0.05, 0.05);
      const double up = truth + 50 - jitter * std::log(1 - uniform(random, 0, 1));
      const double low = truth - 50 + jitter * std::log(1 - uniform(random, 0, 1));
      ASSERT_NE(envelope.add_upper({at, up}), Outcome::kContradiction);
      ASSERT_NE(envelope.add_lower({at, low}), Outcome::kContradiction);
      ASSERT_LE(envelope.size(), 2 * EnvelopeSide::kCapacity);
      const OffsetLimits limits = envelope.limits(at);
      ASSERT_GE(limits.upper_us, truth) << at;
      ASSERT_LE(limits.lower_us, truth) << at;
      ASSERT_LE(limits.slopes.lower, rate) << at;
      ASSERT_GE(limits.slopes.upper, rate) << at;
    }
  });
}

TEST(ClockEnvelope, StaysTightWhenItHasToThinOut) {
  std::mt19937_64 random(4);
  ClockEnvelope envelope;
  for (double at = 0; at < 300; at += 0.05) {
    envelope.add_upper({at, 80 - 15 * std::log(1 - uniform(random, 0, 1))});
    envelope.add_lower({at, -80 + 15 * std::log(1 - uniform(random, 0, 1))});
  }
  const OffsetLimits limits = envelope.limits(300);
  EXPECT_LT(limits.upper_us, 95);
  EXPECT_GT(limits.lower_us, -95);
  EXPECT_LT(limits.slopes.upper - limits.slopes.lower, 15);
}

TEST(ClockEnvelope, TakesPointsInAnyOrder) {
  ClockEnvelope in_order;
  ClockEnvelope shuffled;
  std::vector<OffsetPoint> upper;
  std::mt19937_64 random(9);
  for (double at = 0; at < 20; at += 1) {
    upper.push_back({at, 100 + uniform(random, 0, 50)});
    in_order.add_upper(upper.back());
  }
  std::shuffle(upper.begin(), upper.end(), random);
  for (const OffsetPoint& point : upper) shuffled.add_upper(point);
  for (ClockEnvelope* each : {&in_order, &shuffled}) each->add_lower({20, -100});
  EXPECT_NEAR(in_order.limits(20).upper_us, shuffled.limits(20).upper_us, 1e-9);
  EXPECT_NEAR(in_order.limits(20).slopes.lower, shuffled.limits(20).slopes.lower, 1e-9);
}

TEST(ClockEnvelope, AnOffsetThatNoSlopeExplainsIsAContradiction) {
  for (const double jump : {-3000.0, 3000.0}) {
    ClockEnvelope envelope;
    for (double at = 0; at < 10; at += 1) {
      envelope.add_upper({at, 1000});
      envelope.add_lower({at, -1000});
    }
    const auto up = envelope.add_upper({10, 1000 + jump});
    const auto low = envelope.add_lower({10, -1000 + jump});
    EXPECT_EQ(up == Outcome::kContradiction, jump < 0);
    EXPECT_EQ(low == Outcome::kContradiction, jump > 0);
    if (jump < 0) {
      EXPECT_LE(envelope.size(), 2u);  // only what came since
    }
  }
}

TEST(ClockEnvelope, AJumpWithinTheRoundTripCannotBeSeenAndIsWithinTheLimits) {
  ClockEnvelope envelope;
  for (double at = 0; at < 10; at += 1) {
    envelope.add_upper({at, 1000});
    envelope.add_lower({at, -1000});
  }
  EXPECT_EQ(envelope.add_upper({10, 1500}), Outcome::kConsistent);
  EXPECT_EQ(envelope.add_lower({10, -500}), Outcome::kConsistent);
  EXPECT_LE(envelope.limits(10).lower_us, 500);
  EXPECT_GE(envelope.limits(10).upper_us, 500);
}

// Far beyond what a quartz does: a clock that is disciplined roughly.
TEST(ClockEnvelope, ARateThatChangesAtOnceIsFollowedByTheNextPoints) {
  ClockEnvelope envelope;
  double offset = 0;
  for (double at = 0; at < 120; at += 1) {
    offset += static_cast<int>(at) / 20 % 2 == 0 ? -200 : 200;
    const auto up = envelope.add_upper({at, offset + 100});
    const auto low = envelope.add_lower({at, offset - 100});
    ASSERT_NE(up, Outcome::kContradiction) << at;
    ASSERT_NE(low, Outcome::kContradiction) << at;
    const OffsetLimits limits = envelope.limits(at);
    ASSERT_LE(limits.lower_us, offset) << at;
    ASSERT_GE(limits.upper_us, offset) << at;
  }
  EXPECT_LE(envelope.limits(120).slopes.lower, 200);
  EXPECT_GE(envelope.limits(120).slopes.upper, 200);
  EXPECT_GT(envelope.limits(120).slopes.lower, 150);
}

TEST(ClockEnvelope, PointsThatNoLineFitsAreShedFromTheOldEnd) {
  std::mt19937_64 random(2);
  ClockEnvelope envelope;
  double offset = 0;
  double rate = 0;
  int shed = 0;
  for (double at = 0; at < 200; at += 0.2) {
    rate += uniform(random, -20, 20);
    rate = std::clamp(rate, -200.0, 200.0);
    offset += 0.2 * rate;
    const auto up = envelope.add_upper({at, offset + 1});
    const auto low = envelope.add_lower({at, offset - 1});
    ASSERT_NE(low, Outcome::kContradiction) << at;
    shed += up == Outcome::kShed || low == Outcome::kShed;
    ASSERT_TRUE(envelope.is_known());
    if (at < 10) continue;
    ASSERT_NEAR(envelope.limits(at).upper_us, offset, 250) << at;
    ASSERT_NEAR(envelope.limits(at).lower_us, offset, 250) << at;
  }
  EXPECT_GT(shed, 0);
}

}  // namespace
}  // namespace echostream::timing
