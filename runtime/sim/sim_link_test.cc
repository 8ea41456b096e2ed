#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "runtime/sim/sim_test_support.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;

bool is_sorted(const std::vector<int>& numbers) {
  return std::is_sorted(numbers.begin(), numbers.end());
}

TEST(SimLink, APerfectWireDeliversEverythingAtOnceAndInOrder) {
  Wire wire;
  wire.send_numbered(100, 100, 1ms);
  ASSERT_EQ(wire.b.items.size(), 100u);
  EXPECT_TRUE(is_sorted(wire.numbers()));
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(wire.b.items[i].at, i * 1ms);
  EXPECT_EQ(wire.stats().lost, 0u);
  EXPECT_EQ(wire.stats().bytes_delivered, 100u * 100u);
}

TEST(SimLink, DelaysByExactlyTheDelay) {
  LinkOptions link;
  link.delay = 37ms;
  Wire wire(link);
  wire.sim.run_for(5ms);
  wire.a.send(wire.b.address(), "hello");
  wire.sim.run_for(1s);
  ASSERT_EQ(wire.b.items.size(), 1u);
  EXPECT_EQ(wire.b.items[0].at, 42ms);
  EXPECT_EQ(wire.b.items[0].data, "hello");
  EXPECT_EQ(wire.b.items[0].remote, wire.a.address());
  EXPECT_EQ(wire.b.items[0].local, wire.b.address());
}

TEST(SimLink, EachDirectionHasItsOwnOptions) {
  Wire wire;
  LinkOptions slow;
  slow.delay = 100ms;
  wire.sim.set_link_one_way("b", "a", slow);
  wire.a.send(wire.b.address(), "there");
  wire.b.send(wire.a.address(), "back");
  wire.sim.run_for(1s);
  EXPECT_EQ(wire.b.items.at(0).at, 0ms);
  EXPECT_EQ(wire.a.items.at(0).at, 100ms);
}

TEST(SimLink, JitterIsUniformBelowItsBoundAndReorders) {
  LinkOptions link;
  link.delay = 20ms;
  link.jitter = 10ms;
  Wire wire(link);
  wire.send_numbered(5000, 10, 1ms);
  ASSERT_EQ(wire.b.items.size(), 5000u);
  Duration sum{}, least = 1h, most{};
  for (const Mailbox::Item& item : wire.b.items) {
    const Duration delay = item.at - std::stoi(item.data) * 1ms;
    sum += delay;
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_THAT(least, AllOf(Ge(20ms), Le(20'100us)));
  EXPECT_THAT(most, AllOf(Ge(29'900us), Le(30ms)));
  EXPECT_THAT(sum / 5000, AllOf(Ge(24'800us), Le(25'200us)));
  EXPECT_FALSE(is_sorted(wire.numbers()));
}

TEST(SimLink, LosesTheRateThatWasAskedFor) {
  LinkOptions link;
  link.loss = 0.1;
  Wire wire(link);
  wire.send_numbered(20'000, 10, 10us);
  // Binomial: 2000 with a standard deviation of 42.
  EXPECT_THAT(wire.stats().lost, AllOf(Ge(1800u), Le(2200u)));
  EXPECT_EQ(wire.stats().sent, 20'000u);
  EXPECT_EQ(wire.stats().delivered + wire.stats().lost, wire.stats().sent);
  EXPECT_EQ(wire.b.items.size(), wire.stats().delivered);
}

TEST(SimLink, BurstsFollowTheGilbertModel) {
  LinkOptions link;
  link.burst_enter = 0.01;
  link.burst_leave = 0.25;
  Wire wire(link);
  wire.send_numbered(50'000, 10, 10us);
  int bursts = 0, lost = 0, expected = 0;
  for (const int number : wire.numbers()) {
    if (number > expected) {
      ++bursts;
      lost += number - expected;
    }
    expected = number + 1;
  }
  // Mean length of a burst 1 / 0.25; share of time in the bad state 0.01 / (0.01 + 0.25).
  EXPECT_NEAR(static_cast<double>(lost) / bursts, 4.0, 0.4);
  EXPECT_NEAR(lost / 50'000.0, 0.01 / 0.26, 0.006);
}

TEST(SimLink, DuplicatesArriveTwice) {
  LinkOptions link;
  link.duplicate = 0.2;
  Wire wire(link);
  wire.send_numbered(5000, 10, 10us);
  const std::vector<int> all = wire.numbers();
  const std::set<int> distinct(all.begin(), all.end());
  EXPECT_EQ(distinct.size(), 5000u);
  EXPECT_NEAR(static_cast<double>(all.size() - distinct.size()) / 5000, 0.2, 0.03);
}

TEST(SimLink, HeldBackDatagramsAreLateByExactlyThatMuch) {
  LinkOptions link;
  link.delay = 5ms;
  link.reorder = 0.1;
  link.reorder_by = 7ms;
  Wire wire(link);
  wire.send_numbered(2000, 10, 1ms);
  int late = 0;
  for (const Mailbox::Item& item : wire.b.items) {
    const Duration delay = item.at - std::stoi(item.data) * 1ms;
    EXPECT_TRUE(delay == 5ms || delay == 12ms);
    if (delay == 12ms) ++late;
  }
  EXPECT_NEAR(late / 2000.0, 0.1, 0.03);
  EXPECT_FALSE(is_sorted(wire.numbers()));
}

TEST(SimLink, CorruptionChangesExactlyOneByte) {
  LinkOptions link;
  link.corrupt = 0.3;
  Wire wire(link);
  const std::string sent(200, 'q');
  for (int i = 0; i < 2000; ++i) wire.a.send(wire.b.address(), sent);
  wire.sim.run_for(1s);
  int corrupted = 0;
  std::set<std::size_t> places;
  for (const Mailbox::Item& item : wire.b.items) {
    ASSERT_EQ(item.data.size(), sent.size());
    std::size_t different = 0;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (item.data[i] == sent[i]) continue;
      ++different;
      places.insert(i);
    }
    EXPECT_LE(different, 1u);
    if (different == 1) ++corrupted;
  }
  EXPECT_NEAR(corrupted / 2000.0, 0.3, 0.04);
  EXPECT_GT(places.size(), 150u);
}

TEST(SimLink, ACorruptedDuplicateIsTheSameTwice) {
  LinkOptions link;
  link.corrupt = 1;
  link.duplicate = 1;
  Wire wire(link);
  wire.a.send(wire.b.address(), "abcdef");
  wire.sim.run_for(1s);
  ASSERT_EQ(wire.b.items.size(), 2u);
  EXPECT_NE(wire.b.items[0].data, "abcdef");
  EXPECT_EQ(wire.b.items[0].data, wire.b.items[1].data);
}

TEST(SimLink, TheRateGivesEachDatagramItsTimeOnTheWire) {
  LinkOptions link;
  link.delay = 10ms;
  link.rate_bits_per_s = 1'000'000;  // 125 bytes take 1 ms
  Wire wire(link);
  for (const std::size_t bytes : {125, 250, 1250}) {
    wire.a.send(wire.b.address(), std::string(bytes, 'x'));
  }
  wire.sim.run_for(1s);
  ASSERT_EQ(wire.b.items.size(), 3u);
  EXPECT_EQ(wire.b.items[0].at, 11ms);
  EXPECT_EQ(wire.b.items[1].at, 13ms);
  EXPECT_EQ(wire.b.items[2].at, 23ms);
  // An idle link has saved nothing up.
  wire.a.send(wire.b.address(), std::string(125, 'x'));
  wire.sim.run_for(1s);
  EXPECT_EQ(wire.b.items[3].at, 1011ms);
}

TEST(SimLink, AFullQueueLosesAndDrainsAtTheRate) {
  LinkOptions link;
  link.rate_bits_per_s = 1'000'000;
  link.queue_bytes = 1250;
  Wire wire(link);
  // Of those at the same moment the first eleven find at most ten before them.
  for (int i = 0; i < 20; ++i) wire.a.send(wire.b.address(), std::string(125, 'x'));
  wire.sim.run_for(4ms);
  // Four have left: room for four more.
  for (int i = 0; i < 10; ++i) wire.a.send(wire.b.address(), std::string(125, 'y'));
  wire.sim.run_for(1s);
  EXPECT_EQ(wire.b.items.size(), 15u);
  EXPECT_EQ(wire.stats().lost, 15u);
  EXPECT_EQ(wire.b.items.back().at, 15ms);
}

TEST(SimLink, DatagramsAboveTheMtuAreLost) {
  LinkOptions link;
  link.mtu = 1280;
  Wire wire(link);
  wire.a.send(wire.b.address(), std::string(1280, 'x'));
  wire.a.send(wire.b.address(), std::string(1281, 'y'));
  wire.sim.run_for(1s);
  ASSERT_EQ(wire.b.items.size(), 1u);
  EXPECT_EQ(wire.b.items[0].data.size(), 1280u);
}

TEST(SimLink, ACutLosesWhatIsSentAndLetsWhatIsUnderWayArrive) {
  LinkOptions link;
  link.delay = 50ms;
  Wire wire(link);
  wire.a.send(wire.b.address(), "under way");
  wire.sim.run_for(10ms);
  LinkOptions cut = link;
  cut.cut = true;
  wire.sim.set_link_one_way("a", "b", cut);
  wire.a.send(wire.b.address(), "lost");
  wire.b.send(wire.a.address(), "the other way");
  wire.sim.run_for(1s);
  wire.sim.set_link_one_way("a", "b", link);
  wire.a.send(wire.b.address(), "healed");
  wire.sim.run_for(1s);
  std::vector<std::string> got;
  for (const Mailbox::Item& item : wire.b.items) got.push_back(item.data);
  EXPECT_THAT(got, ElementsAre("under way", "healed"));
  EXPECT_EQ(wire.a.items.size(), 1u);
}

TEST(SimLink, SegmentsAreDatagramsOfTheirOwnAndKeepTheirEcn) {
  Wire wire;
  wire.a.send(wire.b.address(), "aaaabbbbcc", 4, Ecn::kEct0);
  wire.sim.run_for(1ms);
  ASSERT_EQ(wire.b.items.size(), 3u);
  EXPECT_EQ(wire.b.items[0].data, "aaaa");
  EXPECT_EQ(wire.b.items[1].data, "bbbb");
  EXPECT_EQ(wire.b.items[2].data, "cc");
  EXPECT_EQ(wire.b.items[2].ecn, Ecn::kEct0);
}

TEST(SimLink, AReboundNodeIsSeenAtItsNewPortAndUnreachableAtTheOld) {
  Wire wire;
  wire.sim.rebind("a", 500);
  wire.a.send(wire.b.address(), "from a new port");
  wire.sim.run_for(1ms);
  ASSERT_EQ(wire.b.items.size(), 1u);
  const SocketAddress seen = wire.b.items[0].remote;
  EXPECT_EQ(seen, wire.a.address().with_port(1500));
  wire.b.send(seen, "answer");
  wire.b.send(wire.a.address(), "to the old port");
  wire.sim.run_for(1ms);
  ASSERT_EQ(wire.a.items.size(), 1u);
  EXPECT_EQ(wire.a.items[0].data, "answer");
  EXPECT_EQ(wire.a.items[0].local, wire.a.address());
}

TEST(SimLink, WhatIsSentToNobodyIsLost) {
  Wire wire;
  wire.a.send(*SocketAddress::parse("10.9.9.9:1"), "nobody");
  wire.a.send(wire.b.address().with_port(1), "no such port");
  wire.sim.run_for(1s);
  EXPECT_THAT(wire.a.items, IsEmpty());
  EXPECT_THAT(wire.b.items, IsEmpty());
}

// ---- The seed decides everything.

LinkOptions everything() {
  LinkOptions link;
  link.delay = 10ms;
  link.jitter = 5ms;
  link.loss = 0.05;
  link.burst_enter = 0.02;
  link.burst_leave = 0.3;
  link.duplicate = 0.05;
  link.reorder = 0.05;
  link.corrupt = 0.05;
  link.rate_bits_per_s = 2'000'000;
  link.queue_bytes = 5000;
  return link;
}

struct Trace {
  std::uint64_t hash = 0;
  std::vector<std::pair<Duration, std::string>> arrivals;
  friend bool operator==(const Trace&, const Trace&) = default;
};

Trace trace_of(std::uint64_t seed) {
  Wire wire(everything(), seed);
  wire.send_numbered(1000, 300, 900us);
  Trace trace;
  trace.hash = wire.sim.trace_hash();
  for (const Mailbox::Item& item : wire.b.items) trace.arrivals.emplace_back(item.at, item.data);
  return trace;
}

TEST(SimSeed, TheSameSeedGivesTheSameTrace) {
  for (const std::uint64_t seed : {1u, 2u, 77u}) EXPECT_EQ(trace_of(seed), trace_of(seed));
}

TEST(SimCapture, HasWhatWasSentInOrderWhetherItArrivesOrNot) {
  LinkOptions link;
  link.delay = 10ms;
  link.loss = 1;
  Wire wire(link);
  std::vector<std::string> seen;
  wire.sim.capture([&](const CapturedDatagram& datagram) {
    EXPECT_EQ(datagram.at, wire.sim.elapsed());
    seen.push_back(datagram.from.to_string() + ">" + datagram.to.to_string() + " " +
                   std::string(as_text(datagram.data)));
  });
  wire.a.send(wire.b.address(), "lost");
  wire.sim.run_for(1s);
  wire.b.send(wire.a.address(), "too");
  EXPECT_TRUE(wire.b.items.empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"10.0.0.1:1000>10.0.0.2:1000 lost",
                                            "10.0.0.2:1000>10.0.0.1:1000 too"}));
}

TEST(SimSeed, AnotherSeedGivesAnotherTrace) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 20; ++seed) hashes.insert(trace_of(seed).hash);
  EXPECT_EQ(hashes.size(), 20u);
}

TEST(SimSeed, OneLinksFateDoesNotDependOnAnother) {
  LinkOptions lossy;
  lossy.loss = 0.2;
  const auto fates = [&](bool with_traffic_back) {
    Wire wire(lossy, 5);
    for (int i = 0; i < 500; ++i) {
      wire.a.send(wire.b.address(), std::to_string(i));
      if (with_traffic_back) wire.b.send(wire.a.address(), "noise");
    }
    wire.sim.run_for(1s);
    return wire.numbers();
  };
  EXPECT_EQ(fates(false), fates(true));
}

}  // namespace
}  // namespace echostream::testing
