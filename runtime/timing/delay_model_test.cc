#include "runtime/timing/delay_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "runtime/sim/random.h"
#include "runtime/timing/microseconds.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

constexpr double kInterval = 20'000;

JitterBufferOptions complete(PlayoutProfile profile = PlayoutProfile::kBalanced) {
  JitterBufferOptions options;
  options.profile = profile;
  options.max_delay = 2s;
  options.initial_delay = 60ms;
  options.max_late_share = 0.1;
  options.max_stretch = 0.12;
  return options;
}

/// Feeds frames of which number i takes transit(i); gives the mean target of the last half.
double mean_target(DelayModel& model, int frames, const std::function<double(int)>& transit) {
  double sum = 0;
  for (int i = 0; i < frames; ++i) {
    model.add(i * kInterval + transit(i), transit(i), i == 0 ? 0 : kInterval, kInterval);
    if (i >= frames / 2) sum += model.target();
  }
  return sum / (frames - frames / 2);
}

TEST(DelayModel, BeginsWithTheInitialDelayAndLearnsWithinSeconds) {
  DelayModel model(complete());
  EXPECT_EQ(model.target(), 60'000);
  EXPECT_LE(mean_target(model, 200, [](int) { return 7'000; }), 8'000);
  EXPECT_EQ(model.base(), 7'000);
}

TEST(DelayModel, CoversJitterThatIsAlwaysThere) {
  testing::Random random(1, 1);
  DelayModel model(complete());
  const double target =
      mean_target(model, 2'000, [&](int i) { return i % 2 == 0 ? 0 : 25'000 * random.unit(); });
  EXPECT_GE(target, 20'000);
  EXPECT_LE(target, 35'000);
}

TEST(DelayModel, DoesNotPayForWhatIsRare) {
  // A quarter of a second late once in twenty seconds: covering it would cost 250 ms always.
  DelayModel model(complete());
  const double target =
      mean_target(model, 6'000, [](int i) { return i % 1'000 == 500 ? 250'000.0 : 0.0; });
  EXPECT_LE(target, 20'000);
}

TEST(DelayModel, TakesARouteStepForOneEvent) {
  DelayModel model(complete());
  const auto stepped = [](int i) { return i < 1'500 ? 0.0 : 60'000.0; };
  mean_target(model, 1'700, stepped);
  // Four seconds later the new level is the base line, and nothing is left of the old one.
  EXPECT_EQ(model.base(), 60'000);
  EXPECT_LE(model.target(), 12'000);
}

TEST(DelayModel, SpendsMoreOnAStricterProfile) {
  double last = 0;
  for (const PlayoutProfile profile :
       {PlayoutProfile::kLowLatency, PlayoutProfile::kBalanced, PlayoutProfile::kStrict}) {
    testing::Random random(2, 1);
    DelayModel model(complete(profile));
    const double target =
        mean_target(model, 3'000, [&](int) { return -8'000 * std::log(1 - random.unit()); });
    EXPECT_GT(target, last * 1.2);
    last = target;
  }
}

TEST(DelayModel, KeepsTheShareOfLateFramesThatIsAskedFor) {
  JitterBufferOptions options = complete(PlayoutProfile::kLowLatency);
  const auto transit = [](int i) { return i % 50 == 0 ? 90'000.0 : 0.0; };
  DelayModel free(options);
  const double unasked = mean_target(free, 3'000, transit);
  options.max_late_share = 0.001;
  DelayModel bound(options);
  EXPECT_LT(unasked, 80'000);
  EXPECT_GE(mean_target(bound, 3'000, transit), 88'000);
}

TEST(DelayModel, StaysWithinItsBoundsOnAnyInput) {
  JitterBufferOptions options = complete();
  options.min_delay = 40ms;
  options.max_delay = 300ms;
  DelayModel model(options);
  testing::Random random(3, 1);
  for (int i = 0; i < 20'000; ++i) {
    const double scale = std::pow(10, 15 * random.unit());
    model.add(scale * (random.unit() - 0.5), 10e6 * (random.unit() - 0.5),
              scale * (random.unit() - 0.5), 100 + 1e6 * random.unit());
    ASSERT_GE(model.target(), 40'000);
    ASSERT_LE(model.target(), 300'000);
  }
}

}  // namespace
}  // namespace echostream::timing
