#include "runtime/timing/node_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

double us_of(Duration time) { return static_cast<double>(time.count()) * 1e-3; }

Duration wrapping(Duration a, std::uint64_t b) {
  return Duration(static_cast<std::int64_t>(static_cast<std::uint64_t>(a.count()) + b));
}

// Nodes with clocks of any epoch that drift, sessions that measure them with an error, and reports
// once a second with a delay.
class World {
 public:
  struct Node {
    NodeId id = 0;
    std::uint64_t epoch = 0;
    double drift_ppm = 0;
    std::unique_ptr<NodeClock> clock;
    std::uint64_t last_shown = 0;
    std::uint64_t last_timescale = 0;
    Duration lie{};  // added to the clock in all reports of its sessions and claims
  };
  struct Session {
    NodeId a = 0;
    NodeId b = 0;
    double bias_us = 0;  // an asymmetric path's
    double noise_us = 5;
    double bound_us = 200;
    Duration delay = 1ms;
    double lie_us = 0;  // beyond its bound
  };

  explicit World(std::uint64_t seed) : random_(seed) {}

  void add(NodeId id, const NodeClockOptions& options = {}) {
    Node node;
    node.id = id;
    node.epoch = random_();
    node.drift_ppm = uniform(-80, 80);
    node.clock = std::make_unique<NodeClock>(id, random_(), options);
    nodes_.emplace(id, std::move(node));
  }
  Session& connect(NodeId a, NodeId b) {
    sessions_.push_back(std::make_unique<Session>());
    sessions_.back()->a = a;
    sessions_.back()->b = b;
    return *sessions_.back();
  }
  void connect_all() {
    for (const auto& [a, first] : nodes_)
      for (const auto& [b, second] : nodes_)
        if (a < b) connect(a, b);
  }
  void disconnect(NodeId a, NodeId b) {
    std::erase_if(sessions_, [&](const auto& session) {
      if ((session->a != a || session->b != b) && (session->a != b || session->b != a))
        return false;
      node(a).clock->remove_peer(b, local(node(a)));
      node(b).clock->remove_peer(a, local(node(b)));
      return true;
    });
  }
  void remove(NodeId id) {
    std::vector<NodeId> others;
    for (const auto& session : sessions_) {
      if (session->a == id) others.push_back(session->b);
      if (session->b == id) others.push_back(session->a);
    }
    for (const NodeId other : others) disconnect(id, other);
    nodes_.erase(id);
    std::erase_if(mail_, [&](const Mail& mail) { return mail.to == id || mail.report.node == id; });
  }
  Node& node(NodeId id) { return nodes_.at(id); }
  NodeClock& clock(NodeId id) { return *node(id).clock; }

  void run(Duration time) {
    for (const Duration end = now_ + time; now_ < end; now_ += 20ms) step();
  }

  // The shared time that two nodes show at the same moment, apart.
  double apart_us(NodeId a, NodeId b) {
    const std::uint64_t first = shown(node(a));
    const std::uint64_t second = shown(node(b));
    return static_cast<double>(static_cast<std::int64_t>(first - second)) * 1e-3;
  }
  std::uint64_t shown(const Node& node) const {
    return static_cast<std::uint64_t>(
        node.clock->to_node_time(local(node)).time_since_epoch().count());
  }
  NodeClockEstimate estimate(NodeId id) { return clock(id).estimate(local(node(id))); }
  // Against the reference itself.
  void expect_in_step(double within_us) {
    for (const auto& [id, node] : nodes_) {
      const NodeClockEstimate told = estimate(id);
      EXPECT_EQ(told.state, ClockState::kTracking) << "node " << id;
      const double error = apart_us(id, told.reference);
      EXPECT_NEAR(error, 0, within_us) << "node " << id;
      EXPECT_LE(std::abs(error), us_of(told.bound) + 0.01) << "node " << id;
    }
  }
  LocalTime local(const Node& node) const {
    const double drift = static_cast<double>(now_.count()) * node.drift_ppm * 1e-6;
    return LocalTime(wrapping(now_ + Duration(static_cast<std::int64_t>(drift)), node.epoch));
  }
  // True clock of `to` minus clock of `from`.
  Duration truth(const Node& from, const Node& to) const {
    return wrapping(local(to).time_since_epoch(),
                    0 - static_cast<std::uint64_t>(local(from).time_since_epoch().count()));
  }
  double uniform(double least, double most) {
    return least + (most - least) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }

  std::uint64_t backward_steps = 0;
  std::uint64_t scale_changes = 0;

 private:
  struct Mail {
    Duration due{};
    NodeId to = 0;
    NodeClockReport report;
  };

  void step() {
    if (now_ % 200ms == 0ns) {
      for (const auto& session : sessions_) {
        measure(*session, node(session->a), node(session->b), 1);
        measure(*session, node(session->b), node(session->a), -1);
      }
    }
    if (now_ % 1s == 0ns) send_reports();
    for (std::size_t i = 0; i < mail_.size();) {
      if (mail_[i].due > now_) {
        ++i;
        continue;
      }
      Mail mail = std::move(mail_[i]);
      mail_.erase(mail_.begin() + static_cast<std::ptrdiff_t>(i));
      if (nodes_.contains(mail.to)) clock(mail.to).handle_report(mail.report, local(node(mail.to)));
    }
    for (auto& [id, node] : nodes_) {
      node.clock->update(local(node));
      watch(node);
    }
  }
  void measure(const Session& session, Node& from, Node& to, double sign) {
    ClockEstimate estimate;
    estimate.state = ClockState::kTracking;
    estimate.samples = 100;
    const double error =
        sign * (session.bias_us + session.lie_us) + uniform(-session.noise_us, session.noise_us);
    estimate.offset = truth(from, to) + Duration(static_cast<std::int64_t>(error * 1e3));
    estimate.skew_ppm = (1 + to.drift_ppm * 1e-6) / (1 + from.drift_ppm * 1e-6) * 1e6 - 1e6;
    estimate.bound = Duration(static_cast<std::int64_t>(session.bound_us * 1e3));
    estimate.estimated_error = Duration(static_cast<std::int64_t>(session.noise_us * 1e3));
    from.clock->set_peer(to.id, estimate, local(from));
  }
  void send_reports() {
    for (auto& [id, node] : nodes_) {
      NodeClockReport report;
      node.clock->make_report(local(node), report);
      report.offset += node.lie;
      for (ReportedEdge& edge : report.edges) edge.offset += node.lie;
      for (const auto& session : sessions_) {
        if (session->a != id && session->b != id) continue;
        mail_.push_back(
            {now_ + session->delay, session->a == id ? session->b : session->a, report});
      }
    }
  }
  void watch(Node& node) {
    const std::uint64_t time = shown(node);
    const std::uint64_t timescale = node.clock->estimate(local(node)).timescale;
    if (node.last_timescale == timescale) {
      if (static_cast<std::int64_t>(time - node.last_shown) < 0) ++backward_steps;
    } else if (node.last_timescale != 0) {
      ++scale_changes;
    }
    node.last_shown = time;
    node.last_timescale = timescale;
  }

  std::mt19937_64 random_;
  std::map<NodeId, Node> nodes_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<Mail> mail_;
  Duration now_{};
};

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
  World world(1);
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
    World world(seed);
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
  World world(3);
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
  World world(4);
  for (NodeId id = 1; id <= 4; ++id) world.add(id);
  world.connect_all();
  world.disconnect(2, 4);
  world.run(10s);
  const World::Node& two = world.node(2);
  const auto four = world.clock(2).offset_of(4, world.local(two));
  ASSERT_TRUE(four);
  const double error = us_of(four->offset - world.truth(two, world.node(4)));
  EXPECT_NEAR(error, 0, 10);
  EXPECT_LE(std::abs(error), us_of(four->bound));
  EXPECT_FALSE(world.clock(2).offset_of(77, world.local(two)));
}

TEST(NodeClock, AnAsymmetricPathIsNamedAndHardlyMovesAnybody) {
  World world(5);
  for (NodeId id = 1; id <= 5; ++id) world.add(id);
  world.connect_all();
  world.disconnect(1, 4);
  World::Session& bad = world.connect(1, 4);
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
  World world(6);
  for (NodeId id = 1; id <= 5; ++id) world.add(id);
  world.connect_all();
  world.run(5s);
  world.disconnect(2, 4);
  World::Session& bad = world.connect(2, 4);
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
  World world(7);
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
  World world(8);
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
  World world(9);
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
  World world(10);
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
  World world(11);
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
  World world(12);
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
  World world(13);
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
  World world(14);
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
  World world(15);
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
  World world(16);
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
    World world(seed * 101);
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
        World::Session& session = world.connect(id, other);
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
