// Servers that restart, vanish and flap, and many clients at once.
#include <gmock/gmock.h>
#include <malloc.h>

#include <algorithm>

#include "runtime/sim/random.h"
#include "tests/sim/station.h"
#include "tests/sim/traffic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// Calls of both kinds, events and a subscription, without a pause; what each came to.
struct Load {
  std::int64_t next_id = 1;
  std::map<std::int64_t, Status> acted;
  std::map<std::int64_t, Status> looked;
  std::int64_t told = 0;
  std::int64_t last_news = 0;
  std::int64_t news = 0;
};

Task<void> keep_acting(Station& station, Load& load, bool idempotent) {
  for (;;) {
    const std::int64_t id = load.next_id++;
    CallOptions options = CallOptions().timeout(90s);
    StationOutcome outcome;
    if (idempotent) {
      outcome = co_await look(station, job(id, 30), std::move(options));
      load.looked.emplace(id, outcome.status);
    } else {
      outcome = co_await act(station, job(id, 30), std::move(options));
      load.acted.emplace(id, outcome.status);
    }
    if (!outcome.status.is_ok()) (void)co_await sleep_for(50ms);
  }
}

Task<void> keep_telling(Station& station, Load& load) {
  auto client = station.client();
  for (;;) {
    Status status = co_await client.Tell(job(++load.told));
    EXPECT_TRUE(status.is_ok()) << status;
    (void)co_await sleep_for(20ms);
  }
}

Task<void> keep_listening(Station& station, Load& load) {
  auto client = station.client();
  auto reader = co_await client.News({});
  while (auto frame = co_await reader.next()) {
    ++load.news;
    load.last_news = std::max(load.last_news, frame->message.number());
  }
  ADD_FAILURE() << "the subscription ended: " << reader.status();
}

// One fault at a random moment, whole again at the end.
void disturb(Station& station, Random& random) {
  const auto up_to = [&](Duration most) {
    return Duration(
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count()))));
  };
  switch (random.below(5)) {
    case 0:
      station.stop_server();
      station.sim.run_for(up_to(5s));
      station.start_server();
      break;
    case 1:
      station.crash_server();
      station.sim.run_for(up_to(40s));
      station.start_server();
      break;
    case 2:
      station.set_cut(true);
      station.sim.run_for(up_to(45s));
      station.set_cut(false);
      break;
    case 3:
      for (int i = 0; i < 20; ++i) {
        station.set_cut(true);
        station.sim.run_for(up_to(1s));
        station.set_cut(false);
        station.sim.run_for(up_to(1s));
      }
      break;
    default:
      if (auto session = station.persistent->session()) session->close("by mistake");
      station.sim.run_for(up_to(1s));
      break;
  }
}

TEST(Reconnect, EveryFaultIsSurvivedAndNothingIsExecutedTwice) {
  for_each_seed(25, [](std::uint64_t seed) {
    StationOptions options = Station::defaults(seed);
    options.link.loss = 0.01;
    options.link.jitter = 5ms;
    options.reconnect.max_delay = 3s;
    Station station(options);
    station.start_server();
    station.keep_connected();
    Random random(seed, 41);
    Load load;
    {
      TaskGroup group(*station.client_loop);
      for (int i = 0; i < 3; ++i) group.spawn(keep_acting(station, load, false));
      for (int i = 0; i < 3; ++i) group.spawn(keep_acting(station, load, true));
      group.spawn(keep_telling(station, load));
      group.spawn(keep_listening(station, load));
      std::int64_t published = 0;
      for (int fault = 0; fault < 6; ++fault) {
        station.sim.run_for(Duration(static_cast<std::int64_t>(random.below(3'000'000'000))));
        station.handler->publish(++published);
        disturb(station, random);
        // A silent loss is noticed within 40 s, and then a dial works within 3 s + 5 s.
        const std::int64_t mark = ++published;
        ASSERT_TRUE(station.wait_until(
            [&] {
              if (load.last_news < mark) station.handler->publish(mark);
              return load.last_news >= mark;
            },
            50s))
            << "fault " << fault;
        EXPECT_LE(station.client_node->sessions().size(), 2u);
      }
    }
    int successes = 0;
    for (const auto& [id, status] : load.acted) {
      EXPECT_LE(station.record.executed[id], 1) << "job " << id;
      if (status.is_ok()) {
        ++successes;
        EXPECT_EQ(station.record.executed[id], 1) << "job " << id;
      } else {
        EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status;
      }
    }
    EXPECT_GT(successes, 100);
    for (const auto& [id, status] : load.looked) {
      EXPECT_LE(station.record.executed[id], 3) << "job " << id;
      if (status.is_ok()) {
        EXPECT_GE(station.record.executed[id], 1);
      }
      EXPECT_TRUE(status.is_ok() || status.code() == StatusCode::kUnavailable) << status;
    }
    auto told = station.record.told;
    EXPECT_EQ(std::set<std::int64_t>(told.begin(), told.end()).size(), told.size());
  });
}

// Every millisecond of three calls' lives, with a goodbye and without one.
TEST(Reconnect, WheneverTheServerRestartsNoCallIsExecutedTwiceAndTheReaderGoesOn) {
  for (const bool polite : {true, false}) {
    int acted_well = 0;
    for (Duration at = 0ms; at < 200ms; at += 1ms) {
      SCOPED_TRACE(::testing::Message() << "restart after " << at / 1ms << " ms");
      StationOptions options = Station::defaults(9);
      options.tune_client = [](NodeOptions& node) { node.idle_timeout = 4s; };
      Station station(options);
      station.start_server();
      station.keep_connected();
      ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
      Load load;
      std::optional<StationOutcome> acted, looked;
      TaskGroup group(*station.client_loop);
      group.spawn(internal::store(act(station, job(1, 50)), acted));
      group.spawn(internal::store(look(station, job(2, 50)), looked));
      group.spawn(keep_listening(station, load));
      station.sim.run_for(at);
      if (polite) {
        station.stop_server();
      } else {
        station.crash_server();
      }
      station.start_server();
      ASSERT_TRUE(station.wait_until([&] { return acted && looked; }));
      EXPECT_TRUE(looked->status.is_ok()) << looked->status;
      EXPECT_LE(station.record.executed[1], 1);
      if (acted->status.is_ok()) {
        ++acted_well;
        EXPECT_EQ(station.record.executed[1], 1);
      } else {
        EXPECT_EQ(acted->status.code(), StatusCode::kUnavailable) << acted->status;
      }
      ASSERT_TRUE(station.wait_until([&] {
        return station.persistent->status().sessions == 2u && station.persistent->session();
      }));
      station.sim.run_for(200ms);
      station.handler->publish(1);
      station.sim.run_for(200ms);
      EXPECT_EQ(load.last_news, 1);
    }
    // The reply leaves the server 75 ms after the request left the client.
    EXPECT_GE(acted_well, 100);
    EXPECT_LE(acted_well, 130);
  }
}

// A hundred clients lose one server, and come back spread over their pauses.
TEST(Reconnect, ManyClientsDoNotComeBackAtTheSameMoment) {
  for_each_seed(3, [](std::uint64_t seed) {
    constexpr std::size_t kClients = 100;
    StationOptions options = Station::defaults(seed);
    options.reconnect.attempt_timeout = 1s;
    Station station(options);
    station.start_server();
    std::vector<PersistentSession> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      auto kept = station.client_node->keep_connected("10.0.0.1:4433", options.reconnect);
      ASSERT_TRUE(kept) << kept.status();
      clients.push_back(*kept);
    }
    const auto all = [&](ConnectionState state) {
      return std::all_of(clients.begin(), clients.end(),
                         [&](const auto& client) { return client.state() == state; });
    };
    ASSERT_TRUE(station.wait_until([&] { return all(ConnectionState::kConnected); }));
    for (const Duration outage : {10s, 60s}) {
      station.sim.run_for(11s);
      station.stop_server();
      station.sim.run_for(outage);
      station.start_server();
      const Duration back = station.now();
      station.record.accepted_at.clear();
      ASSERT_TRUE(station.wait_until([&] { return all(ConnectionState::kConnected); }, 40s));
      const auto& times = station.record.accepted_at;
      ASSERT_GE(times.size(), kClients);
      // The pauses have grown to about the outage (at most 30 s), and the clients lie anywhere in
      // them: a tenth of a second sees a few of the hundred.
      std::size_t most = 0;
      for (std::size_t first = 0; first < times.size(); ++first) {
        std::size_t past = first;
        while (past < times.size() && times[past] - times[first] < 100ms) ++past;
        most = std::max(most, past - first);
      }
      EXPECT_LE(most, 15u) << "after an outage of " << outage / 1s << " s";
      EXPECT_GE(times.back() - back, outage / 8);
    }
    EXPECT_EQ(station.server->sessions().size(), kClients);
    EXPECT_EQ(station.client_node->sessions().size(), kClients);
  });
}

// Bytes in use: restarts must not add to them.
TEST(Reconnect, AHundredRestartsLeaveNothingBehind) {
  StationOptions options = Station::defaults(2);
  options.reconnect.stable_after = Duration::zero();
  Station station(options);
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  Load load;
  TaskGroup group(*station.client_loop);
  group.spawn(keep_listening(station, load));
  const auto restart = [&] {
    station.stop_server();
    station.start_server();
    ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    station.sim.run_for(200ms);
    station.states.clear();
    station.record.accepted_at.clear();
  };
  for (int i = 0; i < 20; ++i) restart();
  const std::size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 100; ++i) restart();
  const std::size_t after = mallinfo2().uordblks;
  EXPECT_EQ(station.persistent->status().sessions, 121u);
  EXPECT_LE(station.client_node->sessions().size(), 1u);
  // Without the sanitizers, whose allocator this does not see. One session has some 100 KiB.
  EXPECT_LE(after, before + 100 * 1024);
}

}  // namespace
}  // namespace echostream::testing
