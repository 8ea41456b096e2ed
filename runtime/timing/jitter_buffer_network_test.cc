// The jitter buffer on made-up networks: its promises on each, and how near it comes to what could
// have been chosen with hindsight.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/support/delay_trace.h"
#include "tests/support/playout_run.h"
#include "tests/support/seeds.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

using testing::DelayTraceOptions;
using testing::make_delay_trace;
using testing::NamedDelayTrace;
using testing::play;
using testing::PlayoutRun;
using testing::TracedFrame;

Duration mean_delay_between(const PlayoutRun& run, std::uint64_t from, std::uint64_t to) {
  Duration sum{};
  Duration::rep count = 0;
  for (const PlayoutRun::Played& frame : run.played) {
    if (frame.sequence < from || frame.sequence >= to) continue;
    sum += frame.delay;
    ++count;
  }
  return count == 0 ? Duration(-1) : sum / count;
}

class JitterBufferNetwork : public ::testing::TestWithParam<NamedDelayTrace> {};

TEST_P(JitterBufferNetwork, EveryPromiseHoldsForEveryPolicyAndProfile) {
  testing::for_each_seed(6, [](std::uint64_t seed) {
    DelayTraceOptions options = GetParam().options;
    options.frames = 1'000;
    const std::vector<TracedFrame> trace = make_delay_trace(options, seed);
    for (const LatePolicy policy : {LatePolicy::kAuto, LatePolicy::kSkip, LatePolicy::kWait}) {
      for (const PlayoutProfile profile :
           {PlayoutProfile::kLowLatency, PlayoutProfile::kBalanced, PlayoutProfile::kStrict}) {
        JitterBufferOptions chosen;
        chosen.late_policy = policy;
        chosen.profile = profile;
        const PlayoutRun run = play(trace, chosen);
        EXPECT_EQ(run.broken, "");
        EXPECT_GT(run.played.size(), trace.size() * 7 / 10);
      }
    }
  });
}

TEST_P(JitterBufferNetwork, ComesNearTheBestThatHindsightCouldChoose) {
  testing::for_each_seed(4, [](std::uint64_t seed) {
    const DelayTraceOptions& options = GetParam().options;
    const std::vector<TracedFrame> trace = make_delay_trace(options, seed);
    const PlayoutRun run = play(trace, {});

    // The floor stands for what no buffer is asked to do without: its first two seconds, and a
    // fifth of a frame.
    const double best = std::max(testing::best_cost_in_hindsight(trace), 5.0);
    EXPECT_LE(run.cost(trace, options.interval), 1.5 * best + 1);
  });
}

TEST_P(JitterBufferNetwork, AStricterProfileIsInterruptedLess) {
  testing::for_each_seed(4, [](std::uint64_t seed) {
    const std::vector<TracedFrame> trace = make_delay_trace(GetParam().options, seed);
    JitterBufferOptions strict;
    strict.profile = PlayoutProfile::kStrict;
    JitterBufferOptions hasty;
    hasty.profile = PlayoutProfile::kLowLatency;
    const PlayoutRun one = play(trace, strict);
    const PlayoutRun other = play(trace, hasty);

    EXPECT_LE(one.stats.concealment_events, other.stats.concealment_events);
    EXPECT_GE(one.mean_delay(), other.mean_delay());
  });
}

INSTANTIATE_TEST_SUITE_P(Usual, JitterBufferNetwork, ::testing::ValuesIn(testing::usual_networks()),
                         [](const auto& network) { return network.param.name; });

TEST(JitterBufferNetworks, FollowsADriftingClockWithoutGrowingDelay) {
  for (const double skew_ppm : {100.0, -100.0}) {
    DelayTraceOptions options;
    options.frames = 15'000;
    options.jitter = 6ms;
    const PlayoutRun still = play(make_delay_trace(options, 3), {});
    options.skew_ppm = skew_ppm;
    const PlayoutRun drifting = play(make_delay_trace(options, 3), {});

    // Over five minutes the clocks go apart by 30 ms, which the delays here still contain.
    const Duration before =
        mean_delay_between(still, 14'000, 15'000) - mean_delay_between(still, 1'000, 2'000);
    const Duration grown = mean_delay_between(drifting, 14'000, 15'000) -
                           mean_delay_between(drifting, 1'000, 2'000) - before;
    const double drift_ms = skew_ppm * 1e-6 * 13'000 * 20;
    EXPECT_NEAR(static_cast<double>(grown.count()) / 1e6, drift_ms, 1) << skew_ppm;
    EXPECT_EQ(drifting.broken, "");
  }
}

TEST(JitterBufferNetworks, SettlesWithinASecondOfARouteStep) {
  testing::for_each_seed(10, [](std::uint64_t seed) {
    DelayTraceOptions options;
    options.frames = 6'000;
    options.jitter = 4ms;
    const PlayoutRun plain = play(make_delay_trace(options, seed), {});
    options.route_steps = {{40s, 60ms}, {80s, -60ms}};
    const PlayoutRun run = play(make_delay_trace(options, seed), {});

    EXPECT_LE(run.missing - plain.missing, 150ms);
    const Duration before = mean_delay_between(run, 1'500, 2'000);
    const Duration up = mean_delay_between(run, 2'050, 2'100) - 60ms - before;
    const Duration down = mean_delay_between(run, 4'050, 4'100) - before;
    EXPECT_LE(up, 12ms);
    EXPECT_GE(up, -12ms);
    EXPECT_LE(down, 12ms);
  });
}

TEST(JitterBufferNetworks, SurvivesOutages) {
  testing::for_each_seed(10, [](std::uint64_t seed) {
    DelayTraceOptions options;
    options.frames = 3'000;
    options.jitter = 6ms;
    options.outages = {{20s, 300ms}, {30s, 2'500ms}, {45s, 150ms}};
    const std::vector<TracedFrame> trace = make_delay_trace(options, seed);
    const PlayoutRun run = play(trace, {});

    EXPECT_EQ(run.broken, "");
    EXPECT_GE(run.stats.freezes, 2U);
    EXPECT_LE(run.stats.freezes, 4U);
    // A second after each it is where it was before the first.
    const Duration before = mean_delay_between(run, 800, 990);
    EXPECT_LE(mean_delay_between(run, 1'065, 1'200), before + 10ms);
    EXPECT_LE(mean_delay_between(run, 1'675, 1'800), before + 10ms);
  });
}

TEST(JitterBufferNetworks, IsNeverInterruptedOnAQuietEthernet) {
  DelayTraceOptions options;
  options.frames = 15'000;
  options.least_delay = 300us;
  options.jitter = 300us;
  const std::vector<TracedFrame> trace = make_delay_trace(options, 5);
  const PlayoutRun run = play(trace, {});

  EXPECT_EQ(run.missing, 0ms);
  EXPECT_LE(run.mean_delay(), 14ms);
}

TEST(JitterBufferNetworks, SameInputSameOutput) {
  const auto networks = testing::usual_networks();
  const std::vector<TracedFrame> trace = make_delay_trace(networks[2].options, 9);
  const PlayoutRun first = play(trace, {});
  const PlayoutRun second = play(trace, {});

  ASSERT_EQ(first.steps.size(), second.steps.size());
  for (std::size_t i = 0; i < first.steps.size(); ++i) {
    EXPECT_EQ(first.steps[i].at, second.steps[i].at);
    EXPECT_EQ(first.steps[i].sequence, second.steps[i].sequence);
  }
}

}  // namespace
}  // namespace echostream::timing
