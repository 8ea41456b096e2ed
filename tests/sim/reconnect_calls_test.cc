// What becomes of calls and events when the session under them is lost.
#include <gmock/gmock.h>

#include "tests/sim/station.h"
#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using reconnect::v1::Done;
using reconnect::v1::Job;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Asked {
  explicit Asked(Station& station) : group(*station.client_loop) {}
  std::vector<std::optional<StationOutcome>> outcomes =
      std::vector<std::optional<StationOutcome>>(512);
  TaskGroup group;
};

TEST(PersistentCalls, GoToTheSessionOfTheMoment) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  for (std::int64_t start = 1; start <= 4; ++start) {
    const auto outcome = station.run(act(station, job(start)));
    EXPECT_TRUE(outcome->status.is_ok()) << outcome->status;
    EXPECT_EQ(outcome->server, start);
    station.stop_server();
    station.start_server();
    // Until the client has heard the farewell, its calls go to the old session.
    ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
  }
}

TEST(PersistentCalls, WaitForTheNextSession) {
  Station station(Station::defaults());
  station.keep_connected();
  Asked asked(station);
  for (std::int64_t id = 1; id <= 100; ++id) {
    auto& outcome = asked.outcomes[static_cast<std::size_t>(id)];
    asked.group.spawn(internal::store(act(station, job(id)), outcome));
  }
  Status told;
  asked.group.spawn([](Station& at, Status& status) -> Task<void> {
    auto client = at.client();
    status = co_await client.Tell(job(7));
  }(station, told));
  station.sim.run_for(3s);
  EXPECT_EQ(asked.group.size(), 101u);
  station.start_server();
  ASSERT_TRUE(station.wait_until([&] { return asked.group.size() == 0; }));
  station.sim.run_for(1s);
  for (std::size_t id = 1; id <= 100; ++id) {
    EXPECT_TRUE(asked.outcomes[id]->status.is_ok()) << asked.outcomes[id]->status;
  }
  EXPECT_EQ(station.record.executed.size(), 100u);
  EXPECT_TRUE(told.is_ok()) << told;
  EXPECT_THAT(station.record.told, ElementsAre(7));
}

TEST(PersistentCalls, WaitNoLongerThanTheirDeadline) {
  Station station(Station::defaults());
  station.keep_connected();
  station.sim.run_for(1s);
  const Duration before = station.now();
  const auto outcome = station.run(act(station, job(1), CallOptions().timeout(3s)));
  EXPECT_EQ(outcome->status.code(), StatusCode::kDeadlineExceeded) << outcome->status;
  EXPECT_THAT(std::string(outcome->status.message()), HasSubstr("10.0.0.1:4433"));
  EXPECT_EQ(outcome->at - before, 3s);
}

TEST(PersistentCalls, FailAtOnceWithoutASessionWhenAskedTo) {
  StationOptions options = Station::defaults();
  options.reconnect.fail_fast = true;
  Station station(options);
  station.keep_connected();
  const auto outcome = station.run(act(station, job(1)));
  EXPECT_EQ(outcome->status.code(), StatusCode::kUnavailable) << outcome->status;
  EXPECT_EQ(outcome->at, 0ms);
  // A single call may have it the other way.
  const auto patient =
      station.run(act(station, job(2), CallOptions().timeout(2s).fail_fast(false)));
  EXPECT_EQ(patient->status.code(), StatusCode::kDeadlineExceeded) << patient->status;
  auto reader = station.run([](Station& at) -> Task<Status> {
    auto client = at.client();
    auto news = co_await client.News({});
    auto frame = co_await news.next();
    EXPECT_FALSE(frame);
    co_return news.status();
  }(station));
  EXPECT_EQ(reader->code(), StatusCode::kUnavailable) << *reader;
}

TEST(PersistentCalls, TooManyThatWaitAreRefused) {
  StationOptions options = Station::defaults();
  options.tune_client = [](NodeOptions& node) { node.limits.max_waiting_calls = 3; };
  Station station(options);
  station.keep_connected();
  Asked asked(station);
  for (std::int64_t id = 0; id < 4; ++id) {
    auto& outcome = asked.outcomes[static_cast<std::size_t>(id)];
    asked.group.spawn(internal::store(act(station, job(id)), outcome));
  }
  station.sim.run_for(1s);
  ASSERT_TRUE(asked.outcomes[3]);
  EXPECT_EQ(asked.outcomes[3]->status.code(), StatusCode::kResourceExhausted);
  station.start_server();
  ASSERT_TRUE(station.wait_until([&] { return asked.group.size() == 0; }));
  for (std::size_t id = 0; id < 3; ++id) EXPECT_TRUE(asked.outcomes[id]->status.is_ok());
}

TEST(PersistentCalls, OnlyIdempotentOnesAreSentAgainWhenTheSessionIsLost) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  std::optional<StationOutcome> acted, looked;
  TaskGroup group(*station.client_loop);
  group.spawn(internal::store(act(station, job(1, 500)), acted));
  group.spawn(internal::store(look(station, job(2, 500)), looked));
  station.sim.run_for(200ms);
  station.stop_server();
  station.start_server();
  ASSERT_TRUE(station.wait_until([&] { return acted && looked; }));
  EXPECT_EQ(acted->status.code(), StatusCode::kUnavailable) << acted->status;
  EXPECT_THAT(std::string(acted->status.message()), HasSubstr("may have acted on it"));
  EXPECT_TRUE(looked->status.is_ok()) << looked->status;
  EXPECT_EQ(looked->server, 2);
  station.sim.run_for(5s);
  EXPECT_EQ(station.record.executed[1], 1);
  EXPECT_EQ(station.record.executed[2], 2);
}

// They were not executed: neither the method nor the budget matters.
TEST(PersistentCalls, L01_ThoseThatAServerRefusedUnseenGoToTheNextSession) {
  for (const bool is_busy : {false, true}) {
    StationOptions options = Station::defaults();
    options.reconnect.retry_share = 0;
    options.reconnect.retry_burst = 0;
    Station station(options);
    station.start_server();
    station.keep_connected();
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    station.sim.run_for(1s);
    std::optional<StationOutcome> slow, acted;
    TaskGroup group(*station.client_loop);
    if (is_busy) group.spawn(internal::store(act(station, job(1, 500)), slow));
    station.sim.run_for(100ms);
    TaskGroup stopping(*station.server_loop);
    stopping.spawn(station.server->shutdown(10s));
    group.spawn(internal::store(act(station, job(2)), acted));
    ASSERT_TRUE(station.wait_until([&] { return stopping.size() == 0; }));
    EXPECT_FALSE(acted);
    EXPECT_EQ(station.record.executed[2], 0);
    station.stop_server();
    station.start_server();
    ASSERT_TRUE(station.wait_until([&] { return acted.has_value(); }));
    EXPECT_TRUE(acted->status.is_ok()) << acted->status;
    EXPECT_EQ(acted->server, 2);
    EXPECT_EQ(station.record.executed[2], 1);
    if (is_busy) {
      EXPECT_TRUE(slow && slow->status.is_ok());
    }
  }
}

TEST(PersistentCalls, ARequestThatBringsTheServerDownIsSentThreeTimesAtMost) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  std::optional<StationOutcome> looked;
  TaskGroup group(*station.client_loop);
  group.spawn(internal::store(look(station, job(1, 10)), looked));
  for (int deaths = 0; !looked && deaths < 10; ++deaths) {
    ASSERT_TRUE(
        station.wait_until([&] { return looked || station.record.executed[1] == deaths + 1; }));
    if (looked) break;
    station.stop_server();
    station.start_server();
  }
  ASSERT_TRUE(looked);
  EXPECT_EQ(looked->status.code(), StatusCode::kUnavailable) << looked->status;
  EXPECT_EQ(station.record.executed[1], 3);
}

// The deadline counts from the first attempt.
TEST(PersistentCalls, ASecondAttemptKeepsTheDeadlineOfTheFirst) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  const Duration before = station.now();
  std::optional<StationOutcome> looked;
  TaskGroup group(*station.client_loop);
  group.spawn(internal::store(look(station, job(1, 1500), CallOptions().timeout(2s)), looked));
  station.sim.run_for(1s);
  station.stop_server();
  station.start_server();
  ASSERT_TRUE(station.wait_until([&] { return looked.has_value(); }));
  EXPECT_EQ(looked->status.code(), StatusCode::kDeadlineExceeded) << looked->status;
  EXPECT_EQ(looked->at - before, 2s);
}

TEST(PersistentCalls, R11_AServerThatLosesItsSessionsUnderLoadGetsATenthMoreAtMost) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  std::int64_t id = 0;
  constexpr int kRounds = 12, kCalls = 100;
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    TaskGroup group(*station.client_loop);
    std::vector<std::optional<StationOutcome>> outcomes(kCalls);
    for (auto& outcome : outcomes) {
      group.spawn(internal::store(look(station, job(++id, 300)), outcome));
    }
    station.sim.run_for(150ms);
    station.stop_server();
    station.start_server();
    ASSERT_TRUE(station.wait_until([&] { return group.size() == 0; }));
  }
  int again = 0;
  for (const auto& [job_id, times] : station.record.executed) again += times - 1;
  EXPECT_EQ(id, kRounds * kCalls);
  EXPECT_LE(again, kRounds * kCalls / 10 + 10);
  // The budget is used, too.
  EXPECT_GE(again, kRounds * kCalls / 10 - 10);
}

// A rolling restart: the old server ends its calls, a new one takes the place of its name.
TEST(PersistentCalls, GoToTheNextServerWhileTheOldOneEndsWhatItHas) {
  Station station(Station::defaults());
  station.sim.add_host("station.example", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  Loop& other = station.sim.add_node("other", SocketAddress::ipv4({10, 0, 0, 3}, 0));
  station.sim.set_link("other", "client", station.options.link);
  station.start_server();
  auto kept = station.client_node->keep_connected("station.example:4433");
  ASSERT_TRUE(kept) << kept.status();
  station.persistent = *kept;
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  std::optional<StationOutcome> slow, next;
  TaskGroup group(*station.client_loop);
  group.spawn(internal::store(act(station, job(1, 5000)), slow));
  station.sim.run_for(200ms);

  std::unique_ptr<Node> old = std::move(station.server);
  std::shared_ptr<StationHandler> old_handler = station.handler;
  station.server_loop = &other;
  station.sim.add_host("station.example", SocketAddress::ipv4({10, 0, 0, 3}, 0));
  TaskGroup stopping(old->loop());
  stopping.spawn(old->shutdown(20s));
  ++station.record.starts;
  NodeOptions options;
  options.identity = fixed_size_identity();
  station.server = std::make_unique<Node>(other, std::move(options));
  ASSERT_TRUE(station.server->serve(std::make_shared<StationHandler>(station.record)).is_ok());
  ASSERT_TRUE(station.server->listen("10.0.0.3:4433"));
  station.sim.run_for(100ms);
  group.spawn(internal::store(act(station, job(2)), next));
  ASSERT_TRUE(station.wait_until([&] { return next.has_value(); }, 2s));
  EXPECT_TRUE(next->status.is_ok()) << next->status;
  EXPECT_EQ(next->server, 2);
  EXPECT_FALSE(slow);
  ASSERT_TRUE(station.wait_until([&] { return slow.has_value(); }, 10s));
  EXPECT_TRUE(slow->status.is_ok()) << slow->status;
  EXPECT_EQ(slow->server, 1);
  ASSERT_TRUE(station.wait_until([&] { return stopping.size() == 0; }, 10s));
  station.sim.run_for(1s);
  EXPECT_EQ(station.client_node->sessions().size(), 1u);
}

TEST(PersistentCalls, WaitUntilAFullServerHasRoom) {
  StationOptions options = Station::defaults();
  options.tune_server = [](NodeOptions& node) { node.max_sessions = 1; };
  options.reconnect.max_delay = 1s;
  Station station(options);
  station.start_server();
  auto first = station.run(station.client_node->connect("10.0.0.1:4433"));
  ASSERT_TRUE(*first) << first->status();
  station.sim.run_for(100ms);
  station.keep_connected();
  std::optional<StationOutcome> acted;
  TaskGroup group(*station.client_loop);
  group.spawn(internal::store(act(station, job(1)), acted));
  station.sim.run_for(5s);
  EXPECT_EQ(station.persistent->status().sessions, 0u);
  EXPECT_GE(station.persistent->status().failed_attempts, 4u);
  EXPECT_THAT(station.persistent->status().last_error.to_string(), HasSubstr("refused"));
  EXPECT_FALSE(acted);
  (*first)->close();
  ASSERT_TRUE(station.wait_until([&] { return acted.has_value(); }));
  EXPECT_TRUE(acted->status.is_ok()) << acted->status;
  EXPECT_EQ(station.record.executed[1], 1);
}

TEST(PersistentCalls, CloseEndsThoseThatWaitAndThoseUnderWay) {
  for (const bool connected : {false, true}) {
    Station station(Station::defaults());
    if (connected) station.start_server();
    station.keep_connected();
    station.sim.run_for(1s);
    std::optional<StationOutcome> acted, looked;
    TaskGroup group(*station.client_loop);
    group.spawn(internal::store(act(station, job(1, 5000)), acted));
    group.spawn(internal::store(look(station, job(2, 5000)), looked));
    station.sim.run_for(100ms);
    station.persistent->close("going home");
    ASSERT_TRUE(station.wait_until([&] { return acted && looked; }, 1s));
    EXPECT_EQ(acted->status.code(), StatusCode::kUnavailable) << acted->status;
    EXPECT_EQ(looked->status.code(), StatusCode::kUnavailable) << looked->status;
    EXPECT_THAT(std::string(looked->status.message()), HasSubstr("going home"));
  }
}

}  // namespace
}  // namespace echostream::testing
