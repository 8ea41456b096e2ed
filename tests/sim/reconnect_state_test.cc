// When a persistent session dials, when it gives up, and what it tells.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "tests/sim/station.h"
#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<ConnectionState> kinds(const std::vector<ConnectionStatus>& states) {
  std::vector<ConnectionState> kinds;
  for (const ConnectionStatus& status : states) kinds.push_back(status.state);
  return kinds;
}

TEST(PersistentSession, DialsAtOnceAndTellsEachChange) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  EXPECT_EQ(station.persistent->state(), ConnectionState::kConnecting);
  EXPECT_FALSE(station.persistent->session());
  EXPECT_TRUE(station.run(station.persistent->wait_connected())->is_ok());
  // The handshake, and the server's first word.
  EXPECT_LE(station.now(), 250ms);
  ASSERT_TRUE(station.persistent->session());
  EXPECT_TRUE(station.persistent->session()->is_open());
  station.stop_server();
  ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
  EXPECT_FALSE(station.persistent->session());
  station.start_server();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  EXPECT_EQ(station.persistent->status().sessions, 2u);
  EXPECT_EQ(station.persistent->status().next_attempt, kNever);
  station.persistent->close();
  station.sim.run_for(1s);
  ASSERT_GE(station.states.size(), 6u);
  const auto told = kinds(station.states);
  EXPECT_THAT(std::vector(told.begin(), told.begin() + 4),
              ElementsAre(ConnectionState::kConnecting, ConnectionState::kConnected,
                          ConnectionState::kWaiting, ConnectionState::kConnecting));
  EXPECT_EQ(told.back(), ConnectionState::kClosed);
  EXPECT_EQ(station.states[2].last_error.code(), StatusCode::kUnavailable);
  EXPECT_NE(station.states[2].next_attempt, kNever);
  EXPECT_TRUE(station.client_node->sessions().empty());
  EXPECT_TRUE(station.server->sessions().empty());
}

TEST(PersistentSession, PausesLongerAfterEachFailureAndNeverLongerThanTheMost) {
  StationOptions options = Station::defaults(3);
  options.reconnect.initial_delay = 100ms;
  options.reconnect.max_delay = 5s;
  options.reconnect.attempt_timeout = 1s;
  Station station(options);
  station.keep_connected();
  station.sim.run_for(300s);
  std::vector<Duration> pauses;
  std::uint64_t failed = 0;
  for (std::size_t i = 0; i + 1 < station.states.size(); ++i) {
    if (station.states[i].state != ConnectionState::kWaiting) continue;
    EXPECT_EQ(station.states[i].failed_attempts, ++failed);
    EXPECT_EQ(station.states[i].last_error.code(), StatusCode::kDeadlineExceeded);
  }
  // Each dial takes a second, and waits two and a half on average.
  EXPECT_GE(failed, 60u);
  EXPECT_LE(failed, 130u);
  EXPECT_EQ(station.states.back().sessions, 0u);
  station.start_server();
  const Duration back = station.now();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  EXPECT_LE(station.now() - back, 5s + 1s + 250ms);
}

// A server that takes every client, and drops it a second later.
TEST(PersistentSession, AFlappingServerIsDialledMoreAndMoreRarely) {
  Station station(Station::defaults(5));
  station.start_server();
  station.keep_connected();
  while (station.now() < 200s) {
    station.sim.run_for(1s);
    for (Session& session : station.server->sessions()) session.close("go away");
  }
  const std::uint64_t sessions = station.persistent->status().sessions;
  EXPECT_GE(sessions, 8u);
  EXPECT_LE(sessions, 40u);
  EXPECT_LE(station.client_node->sessions().size(), 1u);
}

TEST(PersistentSession, AStableSessionStartsThePausesAnew) {
  StationOptions options = Station::defaults(6);
  options.reconnect.max_delay = 60s;
  Station station(options);
  station.keep_connected();
  station.sim.run_for(120s);
  station.start_server();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected, 120s));
  station.sim.run_for(11s);
  station.stop_server();
  station.start_server();
  ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
  const Duration lost = station.now();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  EXPECT_LE(station.now() - lost, 200ms + 250ms);
}

TEST(PersistentSession, TryNowEndsThePause) {
  StationOptions options = Station::defaults(7);
  options.reconnect.initial_delay = 1h;
  options.reconnect.max_delay = 1h;
  Station station(options);
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
  station.start_server();
  station.persistent->try_now();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected, 1s));
  station.persistent->try_now();  // changes nothing
  station.sim.run_for(1s);
  EXPECT_EQ(station.persistent->status().sessions, 1u);
}

TEST(PersistentSession, AWrongCertificateEndsItForGood) {
  StationOptions options = Station::defaults();
  auto other = Identity::self_signed("server", WallTime(std::chrono::hours(24 * 365 * 50)));
  ASSERT_TRUE(other);
  bool impostor = false;
  options.tune_server = [&](NodeOptions& node) {
    if (impostor) node.identity = *other;
  };
  Station station(options);
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  impostor = true;
  station.stop_server();
  station.start_server();
  ASSERT_TRUE(station.wait_for(ConnectionState::kClosed));
  EXPECT_EQ(station.persistent->status().last_error.code(), StatusCode::kUnauthenticated);
  const auto outcome = station.run(look(station, job(1)));
  EXPECT_EQ(outcome->status.code(), StatusCode::kUnauthenticated) << outcome->status;
  EXPECT_EQ(station.run(station.persistent->wait_connected())->code(),
            StatusCode::kUnauthenticated);
}

TEST(PersistentSession, AWrongCertificateIsRetriedWhenAskedTo) {
  StationOptions options = Station::defaults();
  auto other = Identity::self_signed("server", WallTime(std::chrono::hours(24 * 365 * 50)));
  ASSERT_TRUE(other);
  bool impostor = true;
  options.tune_server = [&](NodeOptions& node) {
    if (impostor) node.identity = *other;
  };
  options.reconnect.retry_when_refused = true;
  Station station(options);
  station.start_server();
  station.keep_connected();
  station.sim.run_for(5s);
  EXPECT_NE(station.persistent->state(), ConnectionState::kClosed);
  EXPECT_EQ(station.persistent->status().last_error.code(), StatusCode::kUnauthenticated);
  impostor = false;
  station.stop_server();
  station.start_server();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
}

// With TLS 1.3 the handshake is complete at the client before the server has seen its certificate.
TEST(PersistentSession, IsNotConnectedUntilTheServerHasAcceptedTheClient) {
  StationOptions options = Station::defaults();
  options.tune_server = [](NodeOptions& node) {
    node.client_trust = Trust::pinned({fixed_size_identity().fingerprint()});
  };
  Station station(options);
  station.start_server();
  station.keep_connected();
  const auto outcome = station.run(act(station, job(1)));
  EXPECT_EQ(outcome->status.code(), StatusCode::kUnauthenticated) << outcome->status;
  EXPECT_EQ(station.persistent->state(), ConnectionState::kClosed);
  EXPECT_EQ(station.persistent->status().sessions, 0u);
  EXPECT_EQ(station.persistent->status().failed_attempts, 1u);
  EXPECT_EQ(station.client_node->sessions().size(), 0u);
  station.sim.run_for(1s);
  EXPECT_THAT(kinds(station.states),
              ElementsAre(ConnectionState::kConnecting, ConnectionState::kClosed));
}

TEST(PersistentSession, LooksTheNameUpAnewForEachDial) {
  Station station(Station::defaults(8));
  station.sim.add_host("station.example", SocketAddress::ipv4({10, 0, 0, 9}, 0));
  ReconnectOptions reconnect;
  reconnect.attempt_timeout = 1s;
  auto kept = station.client_node->keep_connected("station.example:4433", reconnect);
  ASSERT_TRUE(kept) << kept.status();
  station.persistent = *kept;
  station.start_server();
  station.sim.run_for(5s);
  EXPECT_EQ(kept->status().sessions, 0u);
  station.sim.add_host("station.example", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
}

TEST(PersistentSession, RefusesWhatNoDialCouldMend) {
  Station station(Station::defaults());
  const auto code = [&](const std::string& target, const ReconnectOptions& options) {
    return station.client_node->keep_connected(target, options).status().code();
  };
  EXPECT_EQ(code("10.0.0.1", {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("10.0.0.1:0", {}), StatusCode::kInvalidArgument);
  const auto refused = [&](auto change) {
    ReconnectOptions options;
    change(options);
    return code("10.0.0.1:4433", options) == StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](auto& options) { options.initial_delay = 0ms; }));
  EXPECT_TRUE(refused([](auto& options) { options.initial_delay = options.max_delay + 1ns; }));
  EXPECT_TRUE(refused([](auto& options) { options.multiplier = 0.99; }));
  EXPECT_TRUE(refused([](auto& options) { options.multiplier = 101; }));
  EXPECT_TRUE(refused([](auto& options) { options.multiplier = std::nan(""); }));
  EXPECT_TRUE(refused([](auto& options) { options.attempt_timeout = 0ms; }));
  EXPECT_TRUE(refused([](auto& options) { options.stable_after = -1ns; }));
  EXPECT_TRUE(refused([](auto& options) { options.retry_share = 1.1; }));
  Node nobody_trusted(*station.client_loop);
  const auto untrusted = nobody_trusted.keep_connected("10.0.0.1:4433");
  EXPECT_EQ(untrusted.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(untrusted.status().message()), HasSubstr("NodeOptions::trust"));
}

TEST(PersistentSession, MayBeClosedInItsOwnCallbackInEveryState) {
  for (const ConnectionState when :
       {ConnectionState::kConnecting, ConnectionState::kConnected, ConnectionState::kWaiting}) {
    StationOptions options = Station::defaults();
    options.reconnect.on_state_change = [when](const PersistentSession& session,
                                               const ConnectionStatus& status) {
      if (status.state == when) PersistentSession(session).close("enough");
    };
    Station station(options);
    station.start_server();
    station.keep_connected();
    station.sim.run_for(2s);
    station.stop_server();
    station.sim.run_for(2s);
    EXPECT_EQ(station.persistent->state(), ConnectionState::kClosed);
    EXPECT_THAT(station.persistent->status().last_error.to_string(), HasSubstr("enough"));
    EXPECT_TRUE(station.client_node->sessions().empty());
    station.persistent->close();
    station.persistent->try_now();
  }
}

TEST(PersistentSession, IsClosedWhenItsNodeShutsDownAndLetsCallsEndFirst) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  std::optional<StationOutcome> outcome;
  TaskGroup group(*station.client_loop);
  group.spawn(internal::store(act(station, job(1, 500)), outcome));
  station.sim.run_for(100ms);
  std::optional<bool> stopped;
  group.spawn([](Node& node, std::optional<bool>& done) -> Task<void> {
    co_await node.shutdown(10s);
    done = true;
  }(*station.client_node, stopped));
  ASSERT_TRUE(station.wait_until([&] { return stopped.has_value(); }));
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->status.is_ok()) << outcome->status;
  EXPECT_EQ(station.persistent->state(), ConnectionState::kClosed);
  EXPECT_FALSE(station.client_node->keep_connected("10.0.0.1:4433"));
}

TEST(PersistentSession, OutlivesItsNode) {
  Station station(Station::defaults());
  station.keep_connected();
  std::optional<StationOutcome> waiting;
  TaskGroup group(*station.client_loop);
  group.spawn(internal::store(act(station, job(1)), waiting));
  station.sim.run_for(1s);
  station.client_node.reset();
  ASSERT_TRUE(station.wait_until([&] { return waiting.has_value(); }, 1s));
  EXPECT_EQ(waiting->status.code(), StatusCode::kUnavailable) << waiting->status;
  EXPECT_EQ(station.persistent->state(), ConnectionState::kClosed);
  EXPECT_EQ(station.run(act(station, job(2)))->status.code(), StatusCode::kUnavailable);
  station.persistent->close();
  station.persistent->try_now();
}

}  // namespace
}  // namespace echostream::testing
