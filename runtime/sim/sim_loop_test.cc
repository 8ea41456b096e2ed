#include <gmock/gmock.h>

#include <array>
#include <optional>

#include "echostream/base/wait.h"

#include "runtime/sim/sim_test_support.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SocketAddress address(std::uint8_t last) { return SocketAddress::ipv4({10, 0, 0, last}, 0); }

class Alarm final : public TimerNode {
 public:
  Alarm(Simulation& sim, Loop& loop) : sim_(sim), loop_(loop) {}
  void set(LocalTime deadline) { loop_.arm(*this, deadline); }
  std::vector<Duration> fired;
  std::vector<LocalTime> fired_local;

 private:
  void on_timer(LocalTime now) override {
    EXPECT_EQ(now, loop_.now());
    fired.push_back(sim_.elapsed());
    fired_local.push_back(now);
  }
  Simulation& sim_;
  Loop& loop_;
};

// ---- Clocks.

TEST(SimClock, RunsWithItsOwnOffsetAndDrift) {
  Simulation sim(1);
  Loop& exact = sim.add_node("exact", address(1));
  Loop& ahead = sim.add_node("ahead", address(2), {5s, 0});
  Loop& fast = sim.add_node("fast", address(3), {Duration{}, 100});
  Loop& slow = sim.add_node("slow", address(4), {-2s, -50});
  const LocalTime start = exact.now();
  EXPECT_EQ(ahead.now() - start, 5s);
  EXPECT_EQ(slow.now() - start, -2s);
  sim.run_for(1000s);
  EXPECT_EQ(exact.now() - start, 1000s);
  EXPECT_EQ(ahead.now() - start, 1005s);
  EXPECT_EQ(fast.now() - start, 1000s + 100ms);
  EXPECT_EQ(slow.now() - start, 998s - 50ms);
}

TEST(SimClock, TimersFireByTheNodesClockAndNeverEarly) {
  for (const double drift : {-500.0, -37.3, 0.0, 0.001, 61.7, 500.0}) {
    Simulation sim(1);
    Loop& loop = sim.add_node("a", address(1), {-1s, drift});
    Alarm alarm(sim, loop);
    for (int i = 0; i < 1000; ++i) {
      const LocalTime deadline = loop.now() + Duration(999'999'937);
      alarm.set(deadline);
      ASSERT_TRUE(sim.run_until([&] { return !alarm.is_armed(); }, 2s));
      // The clock shows whole nanoseconds: at most one more than asked for, never one less.
      ASSERT_GE(loop.now(), deadline);
      ASSERT_LE(loop.now() - deadline, 1ns);
    }
    const double expected = 1000 * 0.999999937 / (1 + drift * 1e-6);
    EXPECT_NEAR(std::chrono::duration<double>(sim.elapsed()).count(), expected, 1e-5) << drift;
  }
}

TEST(SimClock, AJumpFiresWhatIsOverdueOnceAndAtOnce) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  Alarm soon(sim, loop), later(sim, loop);
  soon.set(loop.now() + 10s);
  later.set(loop.now() + 2h);
  sim.run_for(1s);
  sim.jump_clock("a", 1h);
  sim.run_for(1s);
  EXPECT_THAT(soon.fired, ElementsAre(1s));
  EXPECT_TRUE(later.fired.empty());
  sim.run_for(2h);
  EXPECT_THAT(soon.fired, ElementsAre(1s));
  EXPECT_THAT(later.fired, ElementsAre(1h));
}

TEST(SimClock, TheWallClockIsTheSameForAllAndWithinTestCertificates) {
  Simulation sim(1);
  Loop& a = sim.add_node("a", address(1));
  Loop& b = sim.add_node("b", address(2), {77s, 0});
  EXPECT_EQ(a.wall_time(), b.wall_time());
  const WallTime before = a.wall_time();
  sim.run_for(3s);
  EXPECT_EQ(a.wall_time() - before, 3s);
}

// ---- Running.

TEST(SimLoop, RunUntilStopsAtTheConditionOrTheLimit) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  Alarm alarm(sim, loop);
  alarm.set(loop.now() + 3s);
  EXPECT_FALSE(sim.run_until([&] { return !alarm.fired.empty(); }, 2s));
  EXPECT_EQ(sim.elapsed(), 2s);
  EXPECT_TRUE(sim.run_until([&] { return !alarm.fired.empty(); }, 2s));
  EXPECT_EQ(sim.elapsed(), 3s);
  // With nothing left to happen the time still passes.
  EXPECT_FALSE(sim.run_until([] { return false; }, 5s));
  EXPECT_EQ(sim.elapsed(), 8s);
}

TEST(SimLoop, DatagramsOfOneMomentArriveInTheOrderTheyWereSent) {
  Wire wire;
  for (int i = 0; i < 50; ++i) wire.a.send(wire.b.address(), std::to_string(i));
  EXPECT_TRUE(wire.b.items.empty()) << "delivered from inside send()";
  wire.sim.run_for(1ms);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(wire.b.items.at(static_cast<std::size_t>(i)).data, std::to_string(i));
  }
}

TEST(SimLoop, OneThatStandsStillDoesEverythingLateAndInOrder) {
  Simulation sim(1);
  Loop& a = sim.add_node("a", address(1));
  Loop& b = sim.add_node("b", address(2));
  Mailbox at_a(sim, a, "0.0.0.0:1000");
  Mailbox at_b(sim, b, "0.0.0.0:1000");
  Alarm of_a(sim, a), of_b(sim, b);
  of_a.set(a.now() + 2s);
  of_b.set(b.now() + 1s);
  const LocalTime start = b.now();
  bool ran = false;
  sim.stall("b", 5s);
  b.post([&] { ran = true; });
  at_a.send(at_b.address(), "one");
  at_a.send(at_b.address(), "two");
  sim.run_for(4s);
  // Its clock and the others go on.
  EXPECT_EQ(b.now() - start, 4s);
  EXPECT_THAT(of_a.fired, ElementsAre(2s));
  EXPECT_TRUE(of_b.fired.empty());
  EXPECT_TRUE(at_b.items.empty());
  EXPECT_FALSE(ran);
  sim.run_for(2s);
  EXPECT_TRUE(ran);
  EXPECT_THAT(of_b.fired, ElementsAre(5s));
  ASSERT_EQ(at_b.items.size(), 2u);
  EXPECT_EQ(at_b.items[0].data, "one");
  EXPECT_EQ(at_b.items[1].data, "two");
  EXPECT_GE(at_b.items[0].at, 5s);
}

TEST(SimLoop, PostedFunctionsRunInOrderAndWithoutTimePassing) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] { order.push_back(3); });
  });
  loop.post([&] { order.push_back(2); });
  sim.run_for(Duration::zero());
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_EQ(sim.elapsed(), 0s);
}

Task<Duration> sleep_twice(Simulation& sim) {
  (void)co_await sleep_for(1s);
  (void)co_await sleep_for(500ms);
  co_return sim.elapsed();
}

TEST(SimLoop, TasksSleepVirtualTime) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  EXPECT_EQ(sim.run(loop, sleep_twice(sim), 10s), 1500ms);
  EXPECT_EQ(sim.run(loop, sleep_twice(sim), 1s), std::nullopt);
  // A task that is not done in time is dropped.
  sim.run_for(10s);
}

TEST(SimLoop, ALoopsRunDrivesTheWholeSimulation) {
  Simulation sim(1);
  Loop& a = sim.add_node("a", address(1));
  Loop& b = sim.add_node("b", address(2));
  Alarm alarm(sim, b);
  alarm.set(b.now() + 1s);
  EXPECT_EQ(run(a, sleep_twice(sim)), 1500ms);
  EXPECT_THAT(alarm.fired, ElementsAre(1s));
}

// ---- What a loop offers.

TEST(SimLoop, PortsAreChosenFreeAndRefusedWhenTaken) {
  Wire wire;
  Mailbox first(wire.sim, wire.loop_a, "0.0.0.0:0");
  Mailbox second(wire.sim, wire.loop_a, "0.0.0.0:0");
  EXPECT_NE(first.address(), second.address());
  UdpOptions taken;
  taken.bind_to = wire.a.address();
  auto refused = wire.loop_a.open_udp(taken, first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), StatusCode::kUnavailable);
  UdpOptions foreign;
  foreign.bind_to = *SocketAddress::parse("10.0.0.99:1");
  refused = wire.loop_a.open_udp(foreign, first);
  ASSERT_FALSE(refused);
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("not an address of node a"));
}

TEST(SimLoop, AClosedSocketsPortIsFreeAgain) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  for (int i = 0; i < 3; ++i) Mailbox(sim, loop, "0.0.0.0:77");
}

struct Lookup {
  explicit Lookup(Simulation& sim, Loop& loop, const std::string& host) {
    pending = loop.resolve(host, 4433, [this](Result<std::vector<SocketAddress>> result) {
      answer = std::move(result);
    });
    EXPECT_FALSE(answer.has_value()) << "answered from inside the call";
    sim.run_for(1ms);
  }
  std::optional<Result<std::vector<SocketAddress>>> answer;
  std::unique_ptr<Pending> pending;
};

TEST(SimLoop, ResolvesNamesNumbersAndNothingElse) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  sim.add_host("robot.local", address(9));
  EXPECT_THAT(**Lookup(sim, loop, "robot.local").answer, ElementsAre(address(9).with_port(4433)));
  EXPECT_THAT(**Lookup(sim, loop, "10.1.2.3").answer,
              ElementsAre(*SocketAddress::parse("10.1.2.3:4433")));
  EXPECT_THAT(**Lookup(sim, loop, "fe80::1").answer,
              ElementsAre(*SocketAddress::parse("[fe80::1]:4433")));
  sim.add_host("robot.local", std::vector{address(8), address(7)});
  EXPECT_THAT(**Lookup(sim, loop, "robot.local").answer,
              ElementsAre(address(8).with_port(4433), address(7).with_port(4433)));
  const Lookup unknown(sim, loop, "nobody.local");
  ASSERT_TRUE(unknown.answer);
  EXPECT_EQ(unknown.answer->error().code(), StatusCode::kNotFound);
}

TEST(SimLoop, ADroppedLookupIsNotAnswered) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  bool answered = false;
  loop.resolve("10.1.2.3", 1, [&](Result<std::vector<SocketAddress>>) { answered = true; }).reset();
  sim.run_for(1s);
  EXPECT_FALSE(answered);
}

TEST(SimLoop, RandomBytesFollowTheSeedAndDifferBetweenNodes) {
  const auto bytes = [](std::uint64_t seed, const char* name) {
    Simulation sim(seed);
    sim.add_node("a", address(1));
    Loop& b = sim.add_node("b", address(2));
    Loop& chosen = std::string(name) == "b" ? b : sim.add_node("c", address(3));
    std::array<std::uint8_t, 32> out{};
    chosen.fill_random(out);
    return out;
  };
  EXPECT_EQ(bytes(1, "b"), bytes(1, "b"));
  EXPECT_NE(bytes(1, "b"), bytes(2, "b"));
  EXPECT_NE(bytes(1, "b"), bytes(1, "c"));
}

TEST(SimLoop, SaysWhatItDoesNotHave) {
  Simulation sim(1);
  Loop& loop = sim.add_node("a", address(1));
  EXPECT_EQ(loop.watch_stop_signals([](int) {}).error().code(), StatusCode::kUnimplemented);
  EXPECT_EQ(loop.watch_fd(0, true, false, [] {}).error().code(), StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace echostream::testing
