// Nodes that share one clock, over sessions between some of them.
#include <gtest/gtest.h>

#include <map>

#include "tests/sim/traffic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

Duration magnitude(Duration time) { return time < Duration::zero() ? -time : time; }

class Nodes {
 public:
  explicit Nodes(std::uint64_t seed) : sim(seed) {}

  struct Member {
    Loop* loop = nullptr;
    std::unique_ptr<Node> node;
    NodeTime last = NodeTime::min();
    std::uint64_t timescale = 0;
  };

  void add(const std::string& name, std::uint8_t number, const ClockOptions& clock,
           bool shares = true) {
    Member& member = members[name];
    member.loop = &sim.add_node(name, SocketAddress::ipv4({10, 0, 0, number}, 0), clock);
    NodeOptions options;
    options.identity = fixed_size_identity();
    options.trust = Trust::pinned({fixed_size_identity().fingerprint()});
    if (shares) {
      SharedClockOptions shared;
      shared.node_id = number;
      options.shared_clock = shared;
    }
    member.node = std::make_unique<Node>(*member.loop, std::move(options));
    const auto bound = member.node->listen("10.0.0." + std::to_string(number) + ":4433");
    EXPECT_TRUE(bound.has_value());
  }
  Session connect(const std::string& from, std::uint8_t to) {
    Member& member = members[from];
    auto session =
        sim.run(*member.loop, member.node->connect("10.0.0." + std::to_string(to) + ":4433"), 10s);
    EXPECT_TRUE(session && *session);
    return **session;
  }
  void set_link(const std::string& a, const std::string& b, Duration delay, Duration jitter) {
    LinkOptions link;
    link.delay = delay;
    link.jitter = jitter;
    sim.set_link(a, b, link);
  }
  NodeClockEstimate estimate(const std::string& name) {
    return members[name].node->clock().estimate();
  }
  // Difference of the shared time of two nodes at this moment.
  Duration difference(const std::string& a, const std::string& b) {
    return members[a].node->clock().now() - members[b].node->clock().now();
  }
  // The shared time of none may run backwards while its scale stays.
  void expect_forward() {
    for (auto& [name, member] : members) {
      const NodeTime now = member.node->clock().now();
      const std::uint64_t scale = estimate(name).timescale;
      if (scale == member.timescale) {
        EXPECT_GE(now, member.last) << name;
      }
      member.last = now;
      member.timescale = scale;
    }
  }
  void run_for(Duration duration) {
    for (Duration passed{}; passed < duration; passed += 50ms) {
      sim.run_for(50ms);
      expect_forward();
    }
  }
  void expect_one_clock(const std::string& a, const std::string& b, Duration exact) {
    EXPECT_EQ(estimate(a).timescale, estimate(b).timescale);
    EXPECT_EQ(estimate(a).reference, estimate(b).reference);
    EXPECT_LE(magnitude(difference(a, b)), estimate(a).bound + estimate(b).bound);
    EXPECT_LE(magnitude(difference(a, b)), exact);
  }

  Simulation sim;
  std::map<std::string, Member> members;
};

TEST(NodeClock, NodesInAChainShareTheClockOfTheOneWithTheLowestId) {
  for_each_seed(5, [](std::uint64_t seed) {
    Nodes nodes(seed);
    nodes.add("a", 1, {3h, 25});
    nodes.add("b", 2, {100h, -60});
    nodes.add("c", 3, {5s, 10});
    nodes.set_link("a", "b", 2ms, 300us);
    nodes.set_link("b", "c", 3ms, 300us);
    const Session ab = nodes.connect("a", 2);
    const Session bc = nodes.connect("b", 3);
    nodes.run_for(30s);
    for (int i = 0; i < 100; ++i) {
      nodes.run_for(300ms);
      nodes.expect_one_clock("a", "b", 500us);
      nodes.expect_one_clock("a", "c", 1ms);
    }
    EXPECT_EQ(nodes.estimate("c").reference, 1u);
    EXPECT_EQ(nodes.estimate("c").hops, 2u);
    EXPECT_EQ(nodes.estimate("c").state, ClockState::kTracking);
    // And back again.
    Node& c = *nodes.members["c"].node;
    const LocalTime now = c.loop().now();
    EXPECT_LE(magnitude(c.clock().to_local(c.clock().to_node_time(now)) - now), 1us);
  });
}

TEST(NodeClock, GoesOnWhenTheReferenceIsGone) {
  Nodes nodes(2);
  nodes.add("a", 1, {3h, 25});
  nodes.add("b", 2, {100h, -60});
  nodes.add("c", 3, {5s, 10});
  nodes.set_link("a", "b", 2ms, 300us);
  nodes.set_link("b", "c", 3ms, 300us);
  Session ab = nodes.connect("a", 2);
  const Session bc = nodes.connect("b", 3);
  nodes.run_for(30s);
  const std::uint64_t scale = nodes.estimate("c").timescale;
  ab.close("leaving");
  nodes.run_for(60s);
  EXPECT_EQ(nodes.estimate("c").reference, 2u);
  EXPECT_EQ(nodes.estimate("c").timescale, scale);
  nodes.expect_one_clock("b", "c", 1ms);
}

TEST(NodeClock, ANodeThatDoesNotShareKeepsItsOwnTimeAndDisturbsNobody) {
  Nodes nodes(3);
  nodes.add("a", 1, {3h, 25});
  nodes.add("b", 2, {100h, -60}, false);
  const Session ab = nodes.connect("a", 2);
  nodes.run_for(20s);
  EXPECT_EQ(nodes.estimate("b").reference, 0u);
  EXPECT_EQ(nodes.members["b"].node->clock().now().time_since_epoch(),
            nodes.members["b"].loop->now().time_since_epoch());
  EXPECT_EQ(nodes.estimate("a").reference, 1u);
  EXPECT_TRUE(ab.is_open());
}

}  // namespace
}  // namespace echostream::testing
