// What the program's own callbacks may do: throw, close, and destroy the node that calls them.
#include <gmock/gmock.h>

#include <stdexcept>

#include "tests/sim/station.h"
#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using reconnect::v1::Done;
using reconnect::v1::Job;
using ::testing::Contains;
using ::testing::HasSubstr;

[[noreturn]] void make_a_mistake() { throw std::runtime_error("a callback's mistake"); }

Task<StatusCode> ask(Station& world, std::int64_t id) {
  Job job;
  job.set_id(id);
  auto done = co_await world.persistent->client<reconnect::v1::Station>().Act(job);
  co_return done.status().code();
}

TEST(Callbacks, ThatThrowAreLoggedAndEverythingGoesOn) {
  std::vector<std::string> lines;
  const auto keep = [&lines](LogLevel level, std::string_view line) {
    if (level == LogLevel::kError) lines.emplace_back(line);
  };
  StationOptions options = Station::defaults(1);
  const auto tune = [&](NodeOptions& node) {
    node.log = keep;
    node.on_session = [](const Session&) { make_a_mistake(); };
    node.on_session_closed = [](const Session&, const Status&) { make_a_mistake(); };
  };
  options.tune_client = tune;
  options.tune_server = tune;
  options.reconnect.on_state_change = [](const PersistentSession&, const ConnectionStatus&) {
    make_a_mistake();
  };
  Station world(options);
  world.start_server();
  world.keep_connected();
  EXPECT_EQ(world.sim.run(*world.client_loop, ask(world, 1), 5s), StatusCode::kOk);
  world.stop_server();
  world.sim.run_for(2s);
  world.start_server();
  EXPECT_EQ(world.sim.run(*world.client_loop, ask(world, 2), 60s), StatusCode::kOk);
  // The session that has ended is forgotten although on_session_closed threw.
  EXPECT_EQ(world.client_node->sessions().size(), 1u);
  EXPECT_THAT(lines, Contains("a callback of the program threw: a callback's mistake"));
  // connecting, connected, and waiting, connecting, connected again; twice on_session at each end;
  // on_session_closed at the client. (The server's node was destroyed: nobody is told.)
  EXPECT_GE(lines.size(), 10u);
}

TEST(Callbacks, ALogThatThrowsLosesNoLine) {
  StationOptions options = Station::defaults(1);
  options.tune_server = [](NodeOptions& node) {
    node.log = [](LogLevel, std::string_view) { throw 42; };
    node.on_session = [](const Session&) { make_a_mistake(); };
  };
  Station world(options);
  world.start_server();
  world.keep_connected();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(world.sim.run(*world.client_loop, ask(world, 1), 5s), StatusCode::kOk);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("NodeOptions::log threw something unknown"));
  EXPECT_THAT(said, HasSubstr("a callback of the program threw: a callback's mistake"));
}

TEST(Callbacks, OfThenMayThrow) {
  Station world(Station::defaults(1));
  world.start_server();
  world.keep_connected();
  bool other = false;
  then(world.client_node->tasks(), ask(world, 1), [](StatusCode) { make_a_mistake(); });
  then(world.client_node->tasks(), ask(world, 2), [&other](StatusCode) { other = true; });
  ::testing::internal::CaptureStderr();
  world.sim.run_for(2s);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("the callback of then() threw: a callback's mistake"));
  EXPECT_TRUE(other);
  EXPECT_EQ(world.client_node->tasks().size(), 0u);
}

class BrokenTicketCache final : public SessionTicketCache {
 public:
  void store(const std::string&, std::string) override {
    ++stores;
    make_a_mistake();
  }
  std::optional<std::string> take(const std::string&) override { make_a_mistake(); }
  int stores = 0;
};

TEST(Callbacks, ATicketCacheThatThrowsCostsFullHandshakesAndNothingElse) {
  std::vector<std::string> lines;
  const auto cache = std::make_shared<BrokenTicketCache>();
  StationOptions options = Station::defaults(1);
  options.tune_client = [&](NodeOptions& node) {
    node.ticket_cache = cache;
    node.log = [&lines](LogLevel, std::string_view line) { lines.emplace_back(line); };
  };
  Station world(options);
  world.start_server();
  world.keep_connected();
  EXPECT_EQ(world.sim.run(*world.client_loop, ask(world, 1), 5s), StatusCode::kOk);
  EXPECT_GT(cache->stores, 0);
  EXPECT_THAT(lines, Contains("NodeOptions::ticket_cache threw: a callback's mistake"));
}

// ---- L08: nodes that are destroyed by their own callbacks.

enum class Where { kServersSession, kServersSessionClosed, kClientsSession, kClientsState };

class DestroyedInACallback : public ::testing::TestWithParam<Where> {};

TEST_P(DestroyedInACallback, L08_ANodeIsGoneAndTheOtherHearsOfIt) {
  StationOptions options = Station::defaults(1);
  Station* world = nullptr;
  int destroyed = 0;
  // Captures enough to be on the heap: it must not be touched once the node is gone.
  const std::string padding(100, 'x');
  const auto destroy = [&world, &destroyed, padding](std::unique_ptr<Node> Station::*which) {
    if (!(world->*which)) return;
    (world->*which).reset();
    destroyed += padding.size() == 100 ? 1 : 100;
  };
  options.tune_server = [&](NodeOptions& node) {
    if (GetParam() == Where::kServersSession) {
      node.on_session = [destroy](const Session&) { destroy(&Station::server); };
    } else if (GetParam() == Where::kServersSessionClosed) {
      node.on_session_closed = [destroy](const Session&, const Status&) {
        destroy(&Station::server);
      };
    }
  };
  options.tune_client = [&](NodeOptions& node) {
    if (GetParam() != Where::kClientsSession) return;
    node.on_session = [destroy](const Session&) { destroy(&Station::client_node); };
  };
  options.reconnect.on_state_change = [&](const PersistentSession&, const ConnectionStatus& now) {
    if (GetParam() == Where::kClientsState && now.state == ConnectionState::kConnected) {
      destroy(&Station::client_node);
    }
  };
  Station here(options);
  world = &here;
  here.start_server();
  here.keep_connected();
  here.sim.run_for(1s);
  if (GetParam() == Where::kServersSessionClosed) {
    EXPECT_EQ(destroyed, 0);
    here.persistent->close();
  }
  here.sim.run_for(5s);
  EXPECT_EQ(destroyed, 1);
  if (here.server) {
    EXPECT_TRUE(here.server->sessions().empty());
  }
  if (here.client_node) {
    EXPECT_TRUE(here.client_node->sessions().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Callbacks, DestroyedInACallback,
                         ::testing::Values(Where::kServersSession, Where::kServersSessionClosed,
                                           Where::kClientsSession, Where::kClientsState),
                         [](const auto& test) {
                           switch (test.param) {
                             case Where::kServersSession:
                               return "OnSessionOfTheServer";
                             case Where::kServersSessionClosed:
                               return "OnSessionClosedOfTheServer";
                             case Where::kClientsSession:
                               return "OnSessionOfTheClient";
                             case Where::kClientsState:
                               return "OnStateChange";
                           }
                           return "";
                         });

TEST(AfterTheEnd, L08_WhatIsClosedMayBeClosedAndAskedAgain) {
  TrafficPair pair(TrafficOptions{});
  ASSERT_TRUE(pair.connect().is_ok());
  Session session = *pair.client.session;
  session.close("enough");
  session.close("more than enough");
  pair.sim.run_for(1s);
  session.close("once more");
  EXPECT_FALSE(session.is_open());
  ASSERT_EQ(pair.client.closed.size(), 1u);
  auto late = pair.run(pair.client.client().Ask(question(1)));
  EXPECT_EQ(late->status().code(), StatusCode::kUnavailable) << late->status();
  auto reader = pair.run(pair.client.client().Download(order(3, 1ms, 10)));
  EXPECT_FALSE(pair.run(reader->next())->has_value());
  EXPECT_EQ(reader->status().code(), StatusCode::kUnavailable);
  // Handles outlive the node.
  pair.client.node.reset();
  session.close("after the node");
  EXPECT_FALSE(session.is_open());
  auto later = pair.run(session.client<traffic::v1::Traffic>().Ask(question(2)));
  EXPECT_EQ(later->status().code(), StatusCode::kUnavailable) << later->status();
  (void)session.stats();
  (void)session.remote_address();
}

Task<bool> shut_down(Node& node) {
  co_await node.shutdown(1s);
  co_return true;
}

Task<bool> shut_down_thrice(Node& node) {
  (void)co_await when_all(shut_down(node), shut_down(node));
  co_await node.shutdown(1s);
  co_return true;
}

TEST(AfterTheEnd, L08_ShutdownMayBeCalledSeveralTimesAndNothingStartsAfterIt) {
  TrafficPair pair(TrafficOptions{});
  ASSERT_TRUE(pair.connect().is_ok());
  EXPECT_TRUE(pair.run(shut_down_thrice(*pair.client.node)));
  EXPECT_TRUE(pair.client.node->sessions().empty());
  auto refused = pair.run(pair.client.node->connect("10.0.0.1:4433"));
  EXPECT_FALSE(*refused);
  EXPECT_EQ(pair.client.node->listen("10.0.0.2:1").status().code(),
            StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace echostream::testing
