// Everything at once, from both ends, over random bad networks: whatever happens, the promises
// hold.
#include <gmock/gmock.h>

#include <array>
#include <map>

#include "tests/sim/random_link.h"
#include "tests/sim/talker.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

LinkOptions without_loss(LinkOptions link) {
  link.loss = link.burst_enter = link.corrupt = 0;
  return link;
}

bool is_slow(const LinkOptions& link) {
  return link.rate_bits_per_s > 0 && link.rate_bits_per_s < 1'000'000;
}

ClockOptions random_clock(Random& random) {
  return {some(random, 10s) - 5s, 400 * random.unit() - 200};
}

TrafficOptions random_world(std::uint64_t seed, Random& random) {
  TrafficOptions options;
  options.seed = seed;
  options.to_server = random_link(random);
  options.to_client = random_link(random);
  options.server_clock = random_clock(random);
  options.client_clock = random_clock(random);
  const auto congestion =
      std::array{CongestionControl::kCubic, CongestionControl::kNewReno,
                 CongestionControl::kBbr}[random.chance(0.6) ? 0 : random.below(3)];
  options.tune_server = [congestion](NodeOptions& node) { node.congestion_control = congestion; };
  options.tune_client = options.tune_server;
  return options;
}

// Cuts the link once, one way or both, and heals it. Only once: QUIC's probes wait twice as long
// each time, so what comes back to life takes as long as it was dead.
void disturb(TalkerRun& run, Random& random) {
  TrafficPair& pair = run.pair;
  const LinkOptions to_server = pair.options.to_server;
  const LinkOptions to_client = pair.options.to_client;
  pair.sim.run_for(some(random, 3s));
  if (random.chance(0.7)) {
    LinkOptions there = to_server, back = to_client;
    const std::uint64_t which = random.below(3);
    there.cut = which != 0;
    back.cut = which != 1;
    pair.set_link(there, back);
    run.note(pair.client, "cut " + std::to_string(which));
    pair.sim.run_for(some(random, 2500ms));
    pair.set_link(to_server, to_client);
    run.note(pair.client, "healed");
  }
}

std::size_t count_told(const TalkerRun& run, const TrafficPair::Side& side) {
  std::size_t count = 0;
  if (const auto found = run.told.find(side.name); found != run.told.end()) {
    for (const auto& [talker, told] : found->second) count += static_cast<std::size_t>(told);
  }
  return count;
}

// All events arrived, once, and those of each talker in order.
void expect_all_told(const TalkerRun& run, const TrafficPair::Side& from,
                     const TrafficPair::Side& to) {
  EXPECT_EQ(to.handler->told.size(), count_told(run, from)) << "events of the " << from.name;
  std::map<std::int64_t, std::int64_t> next;
  for (const std::int64_t number : to.handler->told) {
    EXPECT_EQ(number % kNotesPerTalker, next[number / kNotesPerTalker]++) << number;
  }
}

struct Observed {
  std::vector<std::string> lines;
  std::uint64_t trace_hash = 0;
  bool was_corrupted = false;
};

Observed run_mixed(std::uint64_t seed) {
  Random random(seed, 1'000'000);
  TrafficPair pair(random_world(seed, random));
  TalkerRun run(pair);
  // Handshakes have scenarios of their own: this one happens before the bursts begin.
  const LinkOptions to_server = pair.options.to_server, to_client = pair.options.to_client;
  pair.set_link(without_loss(to_server), without_loss(to_client));
  const Status connected = pair.connect();
  pair.set_link(to_server, to_client);
  EXPECT_TRUE(connected.is_ok()) << connected;
  if (!connected.is_ok()) return {};
  run.note(pair.client, "connected, to server: " + describe(pair.options.to_server) +
                            ", to client: " + describe(pair.options.to_client));

  std::array<TrafficPair::Side*, 2> sides{&pair.server, &pair.client};
  TaskGroup at_server(*pair.server.loop), at_client(*pair.client.loop);
  const std::array<TaskGroup*, 2> groups{&at_server, &at_client};
  run.until = pair.now() + 6s;
  constexpr std::uint64_t kTalkers = 4;
  for (std::uint64_t s = 0; s < 2; ++s) {
    for (std::uint64_t i = 0; i < kTalkers; ++i) {
      groups[s]->spawn(talk(run, *sides[s], static_cast<std::int64_t>(i),
                            Random(seed, 2'000'000 + 100 * s + i)));
    }
    groups[s]->spawn(publish_news(run, *sides[s], Random(seed, 3'000'000 + s)));
  }
  disturb(run, random);

  // The network is whole: both ends get through.
  TaskGroup probes_at_server(*pair.server.loop), probes_at_client(*pair.client.loop);
  probes_at_server.spawn(ask_plainly(run, pair.server));
  probes_at_client.spawn(ask_plainly(run, pair.client));
  // On a slow link what was queued before takes its time.
  const Duration patience =
      is_slow(pair.options.to_server) || is_slow(pair.options.to_client) ? 20s : 10s;
  const auto through = [&] { return probes_at_server.size() == 0 && probes_at_client.size() == 0; };
  EXPECT_TRUE(pair.wait_until(through, patience)) << "nothing got through after the healing";
  EXPECT_TRUE(pair.wait_until([&] { return at_server.size() == 0 && at_client.size() == 0; }, 120s))
      << "calls did not end";
  EXPECT_EQ(run.calls_started, run.calls_ended);
  const auto all_over = [&] {
    return pair.server.handler->running == 0 && pair.client.handler->running == 0 &&
           pair.server.handler->told.size() == count_told(run, pair.client) &&
           pair.client.handler->told.size() == count_told(run, pair.server);
  };
  EXPECT_TRUE(pair.wait_until(all_over, 30s))
      << "handlers that go on: " << pair.server.handler->running << " at the server, "
      << pair.client.handler->running << " at the client";
  expect_all_told(run, pair.server, pair.client);
  expect_all_told(run, pair.client, pair.server);
  for (TrafficPair::Side* side : sides) {
    EXPECT_TRUE(side->session->is_open()) << side->name;
    EXPECT_TRUE(side->closed.empty()) << side->name;
    const SessionStats stats = side->session->stats();
    run.note(*side, "calls " + std::to_string(stats.calls_started) + " packets " +
                        std::to_string(stats.packets_sent) + " bytes " +
                        std::to_string(stats.bytes_sent) + " rtt " +
                        std::to_string(stats.smoothed_rtt.count()));
  }
  return {std::move(run.lines), pair.sim.trace_hash(),
          to_server.corrupt > 0 || to_client.corrupt > 0};
}

TEST(Mixed, PromisesHoldOverRandomNetworks) {
  for_each_seed(200, [](std::uint64_t seed) { (void)run_mixed(seed); });
}

TEST(Mixed, ARunIsDecidedByItsSeed) {
  for_each_seed(10, [](std::uint64_t seed) {
    const Observed first = run_mixed(seed);
    // What comes of a broken header depends on the bytes after it. They are encrypted, with keys
    // that differ from run to run.
    if (first.was_corrupted) return;
    const Observed second = run_mixed(seed);
    ASSERT_GT(first.lines.size(), 20u);
    const std::size_t both = std::min(first.lines.size(), second.lines.size());
    for (std::size_t i = 0; i < both; ++i) ASSERT_EQ(first.lines[i], second.lines[i]) << i;
    EXPECT_EQ(first.lines.size(), second.lines.size());
    EXPECT_EQ(first.trace_hash, second.trace_hash);
  });
}

}  // namespace
}  // namespace echostream::testing
