#include "runtime/timing/node_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "runtime/timing/node_clock_test_support.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

TEST(NodeClock, ANodeAloneShowsItsOwnTime) {
  NodeClock clock(7, 70);
  const LocalTime now{3000s};
  clock.update(now);
  EXPECT_EQ(clock.next_deadline(), kNever);
  EXPECT_EQ(clock.to_node_time(now).time_since_epoch(), now.time_since_epoch());
  EXPECT_EQ(clock.estimate(now).state, ClockState::kTracking);
  EXPECT_EQ(clock.estimate(now).bound, 0ns);
  EXPECT_EQ(clock.estimate(now).reference, 7u);
}

TEST(NodeClock, TwoNodesShareTheLowerOnesTime) {
  NodeWorld world(1);
  world.add(2);
  world.add(9);
  world.connect(2, 9);
  world.run(5s);
  EXPECT_EQ(world.estimate(9).reference, 2u);
  EXPECT_EQ(world.estimate(9).hops, 1u);
  EXPECT_EQ(world.estimate(2).hops, 0u);
  world.expect_in_step(10);
}

TEST(NodeClock, AMeshIsBetterInStepThanItsSessions) {
  double worst = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    NodeWorld world(seed);
    for (NodeId id = 1; id <= 8; ++id) world.add(id * 10);
    world.connect_all();
    world.run(20s);
    world.expect_in_step(5);
    worst = std::max(worst, std::abs(world.apart_us(80, 10)));
    EXPECT_LT(us_of(world.estimate(80).estimated_error), 5);
    EXPECT_EQ(world.backward_steps, 0u);
  }
  EXPECT_LT(worst, 4);
}

TEST(NodeClock, AChainSharesOneTimeWithABoundThatGrowsAlongIt) {
  NodeWorld world(3);
  for (NodeId id = 1; id <= 6; ++id) world.add(id);
  for (NodeId id = 1; id < 6; ++id) world.connect(id, id + 1);
  world.run(30s);
  world.expect_in_step(40);
  for (NodeId id = 2; id <= 6; ++id) {
    EXPECT_EQ(world.estimate(id).reference, 1u);
    EXPECT_EQ(world.estimate(id).hops, id - 1);
    EXPECT_GT(world.estimate(id).bound, world.estimate(id - 1).bound);
  }
  EXPECT_EQ(world.backward_steps, 0u);
}

TEST(NodeClock, TellsAnyNodesClockThatItHeardOf) {
  NodeWorld world(4);
  for (NodeId id = 1; id <= 4; ++id) world.add(id);
  world.connect_all();
  world.disconnect(2, 4);
  world.run(10s);
  const NodeWorld::Node& two = world.node(2);
  const auto four = world.clock(2).offset_of(4, world.local(two));
  ASSERT_TRUE(four);
  const double error = us_of(four->offset - world.truth(two, world.node(4)));
  EXPECT_NEAR(error, 0, 10);
  EXPECT_LE(std::abs(error), us_of(four->bound));
  EXPECT_FALSE(world.clock(2).offset_of(77, world.local(two)));
}

TEST(NodeClock, AnAsymmetricPathIsNamedAndHardlyMovesAnybody) {
  NodeWorld world(5);
  for (NodeId id = 1; id <= 5; ++id) world.add(id);
  world.connect_all();
  world.disconnect(1, 4);
  NodeWorld::Session& bad = world.connect(1, 4);
  bad.bias_us = 3000;
  bad.bound_us = 4000;
  world.run(20s);
  world.expect_in_step(15);
  const auto alarms = world.clock(4).alarms();
  ASSERT_FALSE(alarms.empty());
  for (const ClockAlarm& alarm : alarms) {
    EXPECT_EQ(std::minmax(alarm.from, alarm.to), std::minmax(NodeId{1}, NodeId{4}));
    EXPECT_EQ(alarm.verdict, EdgeVerdict::kAsymmetric);
    EXPECT_NEAR(std::abs(us_of(alarm.residual)), 3000, 50);
  }
}

TEST(NodeClock, AMeasurementThatLiesIsFoundLeftOutAndTakenBack) {
  NodeWorld world(6);
  for (NodeId id = 1; id <= 5; ++id) world.add(id);
  world.connect_all();
  world.run(5s);
  world.disconnect(2, 4);
  NodeWorld::Session& bad = world.connect(2, 4);
  bad.lie_us = 70'000;
  world.run(15s);
  world.expect_in_step(10);
  const auto alarms = world.clock(4).alarms();
  ASSERT_FALSE(alarms.empty());
  for (const ClockAlarm& alarm : alarms) {
    EXPECT_EQ(std::minmax(alarm.from, alarm.to), std::minmax(NodeId{2}, NodeId{4}));
    EXPECT_EQ(alarm.verdict, EdgeVerdict::kContradicts);
  }
  bad.lie_us = 0;
  world.run(30s);
  EXPECT_TRUE(world.clock(4).alarms().empty());
  EXPECT_EQ(world.backward_steps, 0u);
}

TEST(NodeClock, ALieInTheOnlyLoopMakesTheTimeUnreliableAndTheBoundHolds) {
  NodeWorld world(7);
  for (NodeId id = 1; id <= 3; ++id) world.add(id);
  world.connect_all();
  world.run(10s);
  world.disconnect(1, 3);
  world.connect(1, 3).lie_us = 20'000;
  world.run(120s);
  const NodeClockEstimate told = world.estimate(3);
  EXPECT_EQ(told.state, ClockState::kUnreliable);
  EXPECT_LE(std::abs(world.apart_us(3, 1)), us_of(told.bound));
  EXPECT_EQ(world.backward_steps, 0u);
}

TEST(NodeClock, APeerThatLiesInItsReportsMovesNobodyElse) {
  NodeWorld world(8);
  for (NodeId id = 1; id <= 6; ++id) world.add(id);
  world.connect_all();
  world.node(3).lie = 500ms;
  world.run(20s);
  for (const NodeId id : {2u, 4u, 5u, 6u}) {
    EXPECT_NEAR(world.apart_us(id, 1), 0, 15) << id;
    EXPECT_FALSE(world.clock(id).alarms().empty());
  }
}

TEST(NodeClock, WhenTheReferenceIsLostTheTimeGoesOnWithoutAStep) {
  NodeWorld world(9);
  for (NodeId id = 1; id <= 5; ++id) world.add(id);
  world.connect_all();
  world.run(20s);
  const std::uint64_t timescale = world.estimate(5).timescale;
  const std::uint64_t changes = world.scale_changes;
  for (NodeId gone = 1; gone <= 3; ++gone) {
    const std::uint64_t before = world.shown(world.node(5));
    world.remove(gone);
    world.run(20s);
    EXPECT_EQ(world.estimate(5).reference, gone + 1);
    EXPECT_EQ(world.estimate(5).timescale, timescale);
    EXPECT_EQ(world.estimate(gone + 1).timescale, timescale);
    // 20 s by any quartz clock.
    EXPECT_NEAR(static_cast<double>(world.shown(world.node(5)) - before), 20e9, 20e9 * 2e-4);
    world.expect_in_step(10);
  }
  EXPECT_EQ(world.backward_steps, 0u);
  EXPECT_EQ(world.scale_changes, changes);
}

TEST(NodeClock, ALostReferenceInAChainIsNotedByAllInSpiteOfRumours) {
  NodeWorld world(10);
  for (NodeId id = 1; id <= 6; ++id) world.add(id);
  // A ring behind the reference, in which its claims could run in a circle.
  for (NodeId id = 1; id < 6; ++id) world.connect(id, id + 1);
  world.connect(2, 6);
  world.run(20s);
  EXPECT_EQ(world.estimate(4).reference, 1u);
  world.remove(1);
  world.run(40s);
  for (NodeId id = 2; id <= 6; ++id) EXPECT_EQ(world.estimate(id).reference, 2u) << id;
  world.expect_in_step(40);
  EXPECT_EQ(world.backward_steps, 0u);
}

TEST(NodeClock, ANewcomerOfLowestIdTakesOverWithoutAStep) {
  NodeWorld world(11);
  for (NodeId id = 5; id <= 8; ++id) world.add(id);
  world.connect_all();
  world.run(20s);
  const std::uint64_t timescale = world.estimate(8).timescale;
  const std::uint64_t changes = world.scale_changes;
  world.add(1);
  for (NodeId id = 5; id <= 8; ++id) world.connect(1, id);
  world.run(40s);
  EXPECT_EQ(world.estimate(8).reference, 1u);
  EXPECT_EQ(world.estimate(8).timescale, timescale);
  EXPECT_EQ(world.estimate(1).timescale, timescale);
  EXPECT_EQ(world.scale_changes, changes + 1);  // The newcomer's own.
  EXPECT_EQ(world.backward_steps, 0u);
  world.expect_in_step(10);
}

TEST(NodeClock, BothHalvesOfASplitGraphGoOnAndFindTogetherAgain) {
  NodeWorld world(12);
  for (NodeId id = 1; id <= 6; ++id) world.add(id);
  world.connect_all();
  world.run(20s);
  const std::uint64_t timescale = world.estimate(6).timescale;
  for (NodeId a = 1; a <= 3; ++a)
    for (NodeId b = 4; b <= 6; ++b) world.disconnect(a, b);
  world.run(60s);
  EXPECT_EQ(world.estimate(3).reference, 1u);
  EXPECT_EQ(world.estimate(6).reference, 4u);
  EXPECT_NEAR(world.apart_us(5, 4), 0, 10);
  EXPECT_NEAR(world.apart_us(2, 1), 0, 10);
  for (NodeId a = 1; a <= 3; ++a)
    for (NodeId b = 4; b <= 6; ++b) world.connect(a, b);
  world.run(60s);
  for (NodeId id = 1; id <= 6; ++id) {
    EXPECT_EQ(world.estimate(id).reference, 1u);
    EXPECT_EQ(world.estimate(id).timescale, timescale);
  }
  world.expect_in_step(10);
  EXPECT_EQ(world.backward_steps, 0u);
}

TEST(NodeClock, TwoGroupsThatMeetAgreeOnOneScale) {
  NodeWorld world(13);
  for (const NodeId id : {1u, 2u, 3u, 11u, 12u, 13u}) world.add(id);
  for (const NodeId base : {0u, 10u}) {
    world.connect(base + 1, base + 2);
    world.connect(base + 2, base + 3);
  }
  world.run(20s);
  world.connect(3, 13);
  world.run(60s);
  for (const NodeId id : {1u, 2u, 3u, 11u, 12u, 13u}) EXPECT_EQ(world.estimate(id).reference, 1u);
  world.expect_in_step(60);
  EXPECT_EQ(world.backward_steps, 0u);
}

TEST(NodeClock, AConfiguredReferenceIsHeldOverWhileItIsAway) {
  NodeWorld world(14);
  NodeClockOptions options;
  options.reference = 4;
  for (NodeId id = 1; id <= 4; ++id) world.add(id, options);
  world.connect_all();
  world.run(10s);
  world.expect_in_step(10);
  EXPECT_EQ(world.estimate(1).reference, 4u);
  world.remove(4);
  world.run(30s);
  for (NodeId id = 1; id <= 3; ++id) {
    EXPECT_EQ(world.estimate(id).reference, 4u);
    EXPECT_EQ(world.estimate(id).state, ClockState::kHoldover);
    EXPECT_GE(us_of(world.estimate(id).bound), 200 + 10 * 15);
  }
}

TEST(NodeClock, ANodeThatLeavesIsForgottenAndItsPlaceIsFree) {
  NodeClockOptions options;
  options.max_nodes = 4;
  NodeWorld world(15);
  for (NodeId id = 1; id <= 3; ++id) world.add(id, options);
  world.connect_all();
  world.run(5s);
  for (NodeId next = 20; next < 40; ++next) {
    world.add(next, options);
    for (NodeId id = 1; id <= 3; ++id) world.connect(id, next);
    world.run(3s);
    EXPECT_EQ(world.estimate(next).reference, 1u) << next;
    world.remove(next);
    world.run(12s);
    EXPECT_FALSE(world.clock(2).offset_of(next, world.local(world.node(2))));
  }
  EXPECT_EQ(world.backward_steps, 0u);
}

TEST(NodeClock, ManyNodesSolveWithinBounds) {
  NodeWorld world(16);
  for (NodeId id = 1; id <= 24; ++id) world.add(id);
  world.connect_all();
  world.run(3s);
  world.expect_in_step(5);
}

// Nodes come and go, sessions break and are made, paths are asymmetric within their bounds: whoever
// says that he follows a reference is as close to it as he says, and nobody's time runs backwards.
TEST(NodeClock, KeepsItsPromisesWhileTheGraphChanges) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    NodeWorld world(seed * 101);
    std::mt19937_64 random(seed);
    std::vector<NodeId> ids;
    NodeId next = 100;
    const auto join = [&] {
      const NodeId id = random() % 2 == 0 ? next : 1000 - next;
      ++next;
      world.add(id);
      for (int ways = 0; ways < 3 && !ids.empty(); ++ways) {
        const NodeId other = ids[random() % ids.size()];
        world.disconnect(id, other);
        NodeWorld::Session& session = world.connect(id, other);
        session.bias_us = world.uniform(-150, 150);
        session.delay = 1ms * (1 + random() % 30);
      }
      ids.push_back(id);
    };
    for (int i = 0; i < 4; ++i) join();
    std::size_t checked = 0;
    for (int change = 0; change < 25; ++change) {
      if (ids.size() < 4 || (ids.size() < 8 && random() % 2 == 0)) {
        join();
      } else {
        const std::size_t leaving = random() % ids.size();
        world.remove(ids[leaving]);
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(leaving));
      }
      for (int second = 0; second < 8; ++second) {
        world.run(1s);
        for (const NodeId id : ids) {
          const NodeClockEstimate told = world.estimate(id);
          if (told.state != ClockState::kTracking || told.reference == id) continue;
          if (std::find(ids.begin(), ids.end(), told.reference) == ids.end()) continue;
          const NodeClockEstimate reference = world.estimate(told.reference);
          if (reference.reference != told.reference || reference.timescale != told.timescale)
            continue;
          ++checked;
          ASSERT_LE(std::abs(world.apart_us(id, told.reference)), us_of(told.bound) + 0.01)
              << "node " << id << " of " << told.reference;
        }
      }
    }
    EXPECT_GE(checked, 300u);
    EXPECT_EQ(world.backward_steps, 0u);
  }
}

// A peer that goes by another reference, which is not known here.
class Rumour {
 public:
  Rumour() {
    report_.node = 5;
    report_.reference = 1;
    report_.timescale = 10;
    report_.hops = 1;
    report_.via = 1;
    report_.is_shared = true;
    report_.bound = 100us;
  }
  NodeClockReport& report() { return report_; }
  // Says it once a second.
  void run(NodeClock& clock, int seconds, std::uint64_t beats_each) {
    for (int i = 0; i < seconds * 10; ++i, now += 100ms) {
      ClockEstimate estimate;
      estimate.state = ClockState::kTracking;
      estimate.samples = 9;
      estimate.bound = 100us;
      clock.set_peer(5, estimate, now);
      report_.sent = RemoteTime(now.time_since_epoch());
      if (i % 10 == 0) {
        report_.beat += beats_each;
        clock.handle_report(report_, now);
      }
      clock.update(now);
    }
  }
  LocalTime now{70s};

 private:
  NodeClockReport report_;
};

TEST(NodeClock, AReferenceWhoseBeatStandsStillIsGoneHoweverOftenItIsClaimed) {
  NodeClock clock(9, 90);
  Rumour rumour;
  rumour.run(clock, 20, 1);
  EXPECT_EQ(clock.estimate(rumour.now).reference, 1u);
  EXPECT_EQ(clock.estimate(rumour.now).hops, 2u);
  rumour.run(clock, 9, 0);
  EXPECT_EQ(clock.estimate(rumour.now).reference, 1u);
  rumour.run(clock, 3, 0);
  EXPECT_EQ(clock.estimate(rumour.now).reference, 9u);
  EXPECT_EQ(clock.estimate(rumour.now).timescale, 10u);  // Which it goes on with.
}

TEST(NodeClock, DoesNotFollowAPeerThatFollowsItself) {
  NodeClock clock(9, 90);
  Rumour rumour;
  rumour.report().via = 9;
  rumour.run(clock, 20, 1);
  EXPECT_EQ(clock.estimate(rumour.now).reference, 9u);
}

TEST(NodeClock, FollowsNoClaimThatComesFromTooFar) {
  NodeClock clock(9, 90);
  Rumour rumour;
  rumour.report().hops = 16;
  rumour.run(clock, 20, 1);
  EXPECT_EQ(clock.estimate(rumour.now).reference, 9u);
}

TEST(NodeClock, SurvivesReportsOfAnything) {
  std::mt19937_64 random(17);
  NodeClockOptions options;
  options.max_nodes = 6;
  NodeClock clock(3, 30, options);
  LocalTime now{50s};
  const auto any = [&]() -> std::int64_t {
    const std::int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, 1,
                                     static_cast<std::int64_t>(random())};
    return extremes[random() % 5];
  };
  const double skews[] = {0, 1e308, -1e308, std::nan(""), 30};
  NodeClockReport own;
  for (int i = 0; i < 3000; ++i, now += 30ms) {
    const NodeId peer = random() % 6;
    ClockEstimate estimate;
    estimate.state = static_cast<ClockState>(random() % 5);
    estimate.samples = random() % 3;
    estimate.offset = Duration(any());
    estimate.skew_ppm = skews[random() % 5];
    estimate.bound = Duration(any());
    estimate.estimated_error = Duration(any());
    if (random() % 4 != 0) clock.set_peer(peer, estimate, now);
    if (random() % 16 == 0) clock.remove_peer(peer, now);
    NodeClockReport report;
    report.node = peer;
    report.sent = RemoteTime(Duration(any()));
    report.reference = random() % 8;
    report.timescale = random() % 4;
    report.beat = random() % 3;
    report.hops = static_cast<std::uint32_t>(random() % 20);
    report.via = random() % 8;
    report.is_shared = random() % 2 != 0;
    report.offset = Duration(any());
    report.skew_ppm = skews[random() % 5];
    report.bound = Duration(any());
    report.estimated_error = Duration(any());
    report.edges.resize(random() % 12);
    for (ReportedEdge& edge : report.edges)
      edge = {random() % 90, Duration(any()), skews[random() % 5], Duration(any()),
              Duration(any())};
    clock.handle_report(report, now);
    clock.update(now);
    const NodeClockEstimate told = clock.estimate(now);
    ASSERT_GE(told.bound, 0ns);
    ASSERT_FALSE(std::isnan(told.skew_ppm));
    (void)clock.offset_of(random() % 90, now);
    (void)clock.to_local(clock.to_node_time(now));
    clock.make_report(now, own);
  }
}

}  // namespace
}  // namespace echostream::timing
