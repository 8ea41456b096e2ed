// Sessions that measure each other's clock: drifting clocks, paths that are asymmetric, change or
// break, machines that sleep. The truth is known here.
#include <gmock/gmock.h>

#include "runtime/sim/random.h"
#include "tests/sim/traffic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using traffic::v1::Note;

// Remote clock minus local clock, as SessionClock should know it.
Duration true_offset(const TrafficPair::Side& here, const TrafficPair::Side& there) {
  return there.loop->now().time_since_epoch() - here.loop->now().time_since_epoch();
}

Duration magnitude(Duration time) { return time < Duration::zero() ? -time : time; }

Duration error_of(const TrafficPair::Side& here, const TrafficPair::Side& there) {
  return magnitude(here.session->clock().estimate().offset - true_offset(here, there));
}

// Looks at one end's clock again and again, and holds it to its promises.
class ClockWatch {
 public:
  ClockWatch(const TrafficPair::Side& here, const TrafficPair::Side& there)
      : here_(here), there_(there) {}

  void look() {
    const ClockEstimate estimate = here_.session->clock().estimate();
    if (estimate.samples == 0) return;
    ++looks_;
    const Duration error = magnitude(estimate.offset - true_offset(here_, there_));
    EXPECT_LE(error, estimate.bound) << "after " << looks_ << " looks";
    if (error <= estimate.estimated_error) ++within_estimated_;
    const RemoteTime remote = here_.session->clock().to_remote(here_.loop->now());
    EXPECT_GE(remote, last_remote_) << "the clock ran backwards";
    last_remote_ = remote;
  }
  int looks() const { return looks_; }
  double share_within_estimated() const { return static_cast<double>(within_estimated_) / looks_; }

 private:
  const TrafficPair::Side& here_;
  const TrafficPair::Side& there_;
  RemoteTime last_remote_ = RemoteTime::min();
  int looks_ = 0;
  int within_estimated_ = 0;
};

void watch(TrafficPair& pair, ClockWatch& first, ClockWatch& second, Duration how_long) {
  for (const Duration end = pair.now() + how_long; pair.now() < end;) {
    pair.sim.run_for(100ms);
    first.look();
    second.look();
  }
}

TrafficOptions world(std::uint64_t seed) {
  TrafficOptions options;
  options.seed = seed;
  LinkOptions link;
  link.delay = 15ms;
  link.jitter = 2ms;
  options.set_link(link);
  options.client_clock = {40h, 30};
  options.server_clock = {3min, -40};
  return options;
}

TEST(Clock, TheBoundHoldsOnEveryKindOfPath) {
  for_each_seed(60, [](std::uint64_t seed) {
    TrafficOptions options = world(seed);
    Random random(seed, 1);
    options.client_clock = {Duration(static_cast<std::int64_t>(random.below(1u << 30)) * 100'000),
                            random.unit() * 200 - 100};
    options.server_clock = {Duration(static_cast<std::int64_t>(random.below(1u << 30)) * 100'000),
                            random.unit() * 200 - 100};
    for (LinkOptions* link : {&options.to_server, &options.to_client}) {
      link->delay = Duration(static_cast<std::int64_t>(random.below(100'000)) * 1000);
      link->jitter = Duration(static_cast<std::int64_t>(random.below(30'000)) * 1000);
      link->loss = random.unit() * 0.1;
      link->duplicate = random.unit() * 0.05;
    }
    TrafficPair pair(options);
    ASSERT_TRUE(pair.connect().is_ok());
    ClockWatch at_client(pair.client, pair.server);
    ClockWatch at_server(pair.server, pair.client);
    watch(pair, at_client, at_server, 30s);
    EXPECT_GT(at_client.looks(), 250);
    EXPECT_GT(at_server.looks(), 250);
  });
}

TEST(Clock, IsExactAndSaysSoOnASymmetricPath) {
  for_each_seed(10, [](std::uint64_t seed) {
    TrafficPair pair(world(seed));
    ASSERT_TRUE(pair.connect().is_ok());
    pair.sim.run_for(10s);
    ClockWatch at_client(pair.client, pair.server);
    ClockWatch at_server(pair.server, pair.client);
    watch(pair, at_client, at_server, 60s);
    EXPECT_LE(error_of(pair.client, pair.server), 300us);
    EXPECT_GE(at_client.share_within_estimated(), 0.99);
    const ClockEstimate estimate = pair.client.session->clock().estimate();
    EXPECT_EQ(estimate.state, ClockState::kTracking);
    EXPECT_NEAR(estimate.skew_ppm, -70, 15);
    EXPECT_GE(estimate.least_rtt, 29900us);
    EXPECT_LE(estimate.least_rtt, 32ms);
    // Half the round trip, and what jitter hides of it.
    EXPECT_LE(estimate.bound, 18ms);
    EXPECT_GE(estimate.bound, 14ms);
  });
}

TEST(Clock, HalfOfAnAsymmetryIsInvisibleAndTheBoundCoversIt) {
  TrafficOptions options = world(3);
  options.to_server.delay = 5ms;
  options.to_client.delay = 45ms;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  ClockWatch at_client(pair.client, pair.server);
  ClockWatch at_server(pair.server, pair.client);
  watch(pair, at_client, at_server, 30s);
  EXPECT_NEAR(static_cast<double>(error_of(pair.client, pair.server).count()), 20e6, 2e6);
}

TEST(Clock, IsWithinAMillisecondSoonAfterTheHandshake) {
  for_each_seed(20, [](std::uint64_t seed) {
    TrafficPair pair(world(seed));
    ASSERT_TRUE(pair.connect().is_ok());
    pair.sim.run_for(1s);
    EXPECT_LE(error_of(pair.client, pair.server), 1ms);
    EXPECT_LE(error_of(pair.server, pair.client), 1ms);
  });
}

Task<Status> wait_for_clock(Session session, Duration bound) {
  Status status = co_await session.clock().wait_until_known(bound);
  co_return status;
}

TEST(Clock, CanBeWaitedFor) {
  TrafficPair pair(world(1));
  ASSERT_TRUE(pair.connect().is_ok());
  EXPECT_EQ(pair.client.session->clock().estimate().samples, 0u);
  const auto known = pair.run(wait_for_clock(*pair.client.session, 20ms), 2s);
  ASSERT_TRUE(known);
  EXPECT_TRUE(known->is_ok()) << *known;
  EXPECT_LE(pair.client.session->clock().estimate().bound, 20ms);
}

TEST(Clock, AWaitForMoreThanThePathGivesEndsWithTheSession) {
  TrafficPair pair(world(1));
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<Status> waited;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(wait_for_clock(*pair.client.session, 1us), waited));
  pair.sim.run_for(3s);
  EXPECT_FALSE(waited);
  pair.client.session->close();
  ASSERT_TRUE(pair.wait_until([&] { return waited.has_value(); }, 5s));
  EXPECT_EQ(waited->code(), StatusCode::kUnavailable);
}

TEST(Clock, FollowsAPathThatBecomesLongerAndShorter) {
  for_each_seed(10, [](std::uint64_t seed) {
    TrafficPair pair(world(seed));
    ASSERT_TRUE(pair.connect().is_ok());
    ClockWatch at_client(pair.client, pair.server);
    ClockWatch at_server(pair.server, pair.client);
    watch(pair, at_client, at_server, 20s);
    LinkOptions longer = pair.options.to_server;
    longer.delay = 75ms;
    pair.set_link(longer, pair.options.to_client);  // one direction only
    watch(pair, at_client, at_server, 60s);
    pair.set_link(pair.options.to_client, pair.options.to_client);
    watch(pair, at_client, at_server, 60s);
    EXPECT_LE(error_of(pair.client, pair.server), 1ms);
  });
}

TEST(Clock, HoldsOverAnOutageAndTheBoundGrowsMeanwhile) {
  TrafficOptions options = world(2);
  options.tune_client = [](NodeOptions& node) { node.idle_timeout = 120s; };
  options.tune_server = options.tune_client;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  ClockWatch at_client(pair.client, pair.server);
  ClockWatch at_server(pair.server, pair.client);
  watch(pair, at_client, at_server, 30s);
  const Duration before = pair.client.session->clock().estimate().bound;
  pair.set_cut(true);
  watch(pair, at_client, at_server, 40s);
  EXPECT_EQ(pair.client.session->clock().estimate().state, ClockState::kHoldover);
  EXPECT_GT(pair.client.session->clock().estimate().bound, before);
  EXPECT_LE(error_of(pair.client, pair.server), 2ms);
  pair.set_cut(false);
  watch(pair, at_client, at_server, 60s);
  EXPECT_EQ(pair.client.session->clock().estimate().state, ClockState::kTracking);
}

TEST(Clock, AMachineThatSleptIsNoticedWithTheNextExchange) {
  TrafficPair pair(world(4));
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(20s);
  pair.sim.jump_clock("server", 7s);
  pair.sim.run_for(3s);
  EXPECT_LE(error_of(pair.client, pair.server), 2ms);
  EXPECT_LE(error_of(pair.server, pair.client), 2ms);
  for (const auto* side : {&pair.client, &pair.server}) {
    const auto* other = side == &pair.client ? &pair.server : &pair.client;
    EXPECT_LE(error_of(*side, *other), side->session->clock().estimate().bound);
  }
}

TEST(Clock, SurvivesANatThatForgets) {
  TrafficPair pair(world(5));
  ASSERT_TRUE(pair.connect().is_ok());
  ClockWatch at_client(pair.client, pair.server);
  ClockWatch at_server(pair.server, pair.client);
  watch(pair, at_client, at_server, 10s);
  pair.sim.rebind("client", 1000);
  watch(pair, at_client, at_server, 30s);
  EXPECT_LE(error_of(pair.client, pair.server), 1ms);
}

Task<Status> ask_and_tell(TrafficPair& pair) {
  auto client = pair.client.client();
  traffic::v1::Question asked = question(1, 100);
  auto answer = co_await client.Ask(asked);
  if (!answer) co_return answer.error();
  Note note;
  note.set_number(5);
  Status told = co_await client.Tell(note);
  co_return told;
}

TEST(Clock, EveryCallAndEventSaysHowLongItTook) {
  TrafficOptions options = world(6);
  options.to_server.jitter = {};
  options.to_client.jitter = {};
  options.to_server.delay = 25ms;
  options.to_client.delay = 25ms;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(2s);
  const auto done = pair.run(ask_and_tell(pair));
  ASSERT_TRUE(done && done->is_ok());
  pair.sim.run_for(1s);
  ASSERT_EQ(pair.server.handler->latencies.size(), 2u);
  for (const auto& latency : pair.server.handler->latencies) {
    ASSERT_TRUE(latency);
    EXPECT_NEAR(static_cast<double>(latency->value.count()), 25e6, 0.5e6);
    EXPECT_GT(latency->bound, 0ms);
  }
}

TEST(Clock, WithoutSynchronisationNothingIsKnownAndNothingIsSent) {
  TrafficOptions options = world(7);
  options.tune_client = [](NodeOptions& node) { node.synchronise_clocks = false; };
  options.tune_server = options.tune_client;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(2s);
  const std::uint64_t sent = pair.sim.link_stats("client", "server").sent;
  pair.sim.run_for(7s);
  EXPECT_EQ(pair.sim.link_stats("client", "server").sent, sent);
  EXPECT_EQ(pair.client.session->clock().estimate().samples, 0u);
  const auto done = pair.run(ask_and_tell(pair));
  ASSERT_TRUE(done && done->is_ok());
  pair.sim.run_for(1s);
  EXPECT_THAT(pair.server.handler->latencies, ::testing::Each(::testing::Eq(std::nullopt)));
}

TEST(Clock, IsExactWhileABulkTransferFillsTheLink) {
  TrafficOptions options = world(8);
  options.to_client.rate_bits_per_s = 20'000'000;
  options.to_client.queue_bytes = 64 * 1024;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(5s);
  const auto bulk = [](TrafficPair& world) -> Task<Status> {
    auto client = world.client.client();
    traffic::v1::Order what = order(20'000, Duration{}, 1000);
    auto reader = co_await client.Bulk(what);
    while (auto piece = co_await reader.next()) {
    }
    co_return reader.status();
  };
  std::optional<Status> ended;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(bulk(pair), ended));
  ClockWatch at_client(pair.client, pair.server);
  ClockWatch at_server(pair.server, pair.client);
  watch(pair, at_client, at_server, 12s);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->is_ok());
  EXPECT_LE(error_of(pair.client, pair.server), 2ms);
}

}  // namespace
}  // namespace echostream::testing
