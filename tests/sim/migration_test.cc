// Sessions that change their path: by hand, because an address went away, again and again.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "tests/sim/traffic_pair.h"
#include "tests/support/layers.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using traffic::v1::Piece;

const SocketAddress kWifi = SocketAddress::ipv4({10, 0, 0, 2}, 0);
const SocketAddress kMobile = SocketAddress::ipv4({10, 0, 1, 2}, 0);

// The client has two ways to the server: "client", 10 ms and quick, and "client.lte", 35 ms.
struct TwoWays : TrafficPair {
  explicit TwoWays(std::uint64_t seed, const std::function<void(NodeOptions&)>& tune = {})
      : TrafficPair(with(seed, tune)) {
    sim.add_address("client", "client.lte", kMobile);
    set_mobile(false);
  }
  static TrafficOptions with(std::uint64_t seed, const std::function<void(NodeOptions&)>& tune) {
    TrafficOptions made;
    made.seed = seed;
    LinkOptions wifi;
    wifi.delay = 10ms;
    wifi.loss = 0.002;
    wifi.rate_bits_per_s = 20'000'000;
    made.set_link(wifi);
    made.tune_client = tune;
    return made;
  }
  void set_mobile(bool cut) {
    LinkOptions mobile;
    mobile.delay = 35ms;
    mobile.loss = 0.002;
    mobile.rate_bits_per_s = 10'000'000;
    mobile.cut = cut;
    sim.set_link("client.lte", "server", mobile);
    server.handler->path = longest_path(mobile);
    client.handler->path = longest_path(mobile);
  }
  SocketAddress seen_by_server() const { return server.session->remote_address().with_port(0); }
};

Task<StreamResult> download(TrafficPair& pair, traffic::v1::Order what) {
  Reader<Piece> reader = co_await pair.client.client().Download(what);
  Task<StreamResult> reading =
      read_pieces(pair, pair.client, std::move(reader), Delivery::kReliable);
  StreamResult result = co_await std::move(reading);
  co_return result;
}

Task<Status> ask(TrafficPair& pair, traffic::v1::Question what) {
  auto answer = co_await pair.client.client().Ask(what);
  co_return answer.status();
}

// A stream each way and a slow call, which all must end well.
struct Work {
  explicit Work(TrafficPair& pair_in) : pair(pair_in), group(*pair.client.loop) {
    group.spawn(internal::store(download(pair, order(2000, 1ms, 1000)), down));
    group.spawn(internal::store(upload(pair), up));
    traffic::v1::Question slow = question(1);
    slow.set_work_ms(1500);
    group.spawn(internal::store(ask(pair, slow), asked));
  }
  static Task<Status> upload(TrafficPair& pair) {
    auto stream = co_await pair.client.client().Upload();
    Task<Status> writing = write_pieces(pair.sim, std::move(stream), order(2000, 1ms, 1000));
    Status status = co_await std::move(writing);
    co_return status;
  }
  bool is_done() const { return down && up && asked; }
  void expect_done(Duration limit = 60s) {
    ASSERT_TRUE(pair.wait_until([&] { return is_done(); }, limit));
    EXPECT_TRUE(down->status.is_ok()) << down->status;
    EXPECT_EQ(down->received, 2000);
    EXPECT_TRUE(up->is_ok()) << *up;
    EXPECT_TRUE(asked->is_ok()) << *asked;
  }

  TrafficPair& pair;
  std::optional<StreamResult> down;
  std::optional<Status> up;
  std::optional<Status> asked;
  TaskGroup group;
};

TEST(SessionMigration, N11_InTheMiddleOfStreamsAndCallsDisturbsNone) {
  for_each_seed(15, [](std::uint64_t seed) {
    TwoWays pair(seed);
    ASSERT_TRUE(pair.connect().is_ok());
    EXPECT_EQ(pair.client.session->local_address().with_port(0), kWifi);
    Work work(pair);
    pair.sim.run_for(400ms);
    auto moved = pair.run(pair.client.session->migrate(kMobile));
    ASSERT_TRUE(moved);
    EXPECT_TRUE(moved->is_ok()) << *moved;
    EXPECT_EQ(pair.client.session->local_address().with_port(0), kMobile);
    pair.sim.run_for(200ms);
    EXPECT_EQ(pair.seen_by_server(), kMobile);
    const auto before = pair.sim.link_stats("client", "server").sent;
    work.expect_done();
    EXPECT_EQ(pair.sim.link_stats("client", "server").sent, before);
  });
}

// A session that moves is the same for its layers, and for filters that count on each message.
TEST(SessionMigration, GoesUnnoticedByMiddleware) {
  for_each_seed(5, [](std::uint64_t seed) {
    TwoWays pair(seed);
    std::vector<std::string> trace;
    std::map<std::string, std::uint64_t> frames;
    for (TrafficPair::Side* side : {&pair.server, &pair.client}) {
      side->node->add_middleware(std::make_shared<Tracer>(side->name, trace));
      side->node->add_middleware(std::make_shared<Filterer>([&frames, side](CallMessage& message) {
        if (message.is_frame) ++frames[side->name];
        return Status::ok();
      }));
      side->node->add_middleware(
          std::make_shared<Filterer>(marked_with("mark:"), FilterPlace::kWire));
    }
    ASSERT_TRUE(pair.connect().is_ok());
    Work work(pair);
    pair.sim.run_for(400ms);
    for (const SocketAddress& way : {kMobile, kWifi}) {
      auto moved = pair.run(pair.client.session->migrate(way));
      ASSERT_TRUE(moved);
      EXPECT_TRUE(moved->is_ok()) << *moved;
      pair.sim.run_for(200ms);
    }
    work.expect_done();
    pair.sim.run_for(1s);
    for (const TrafficPair::Side* side : {&pair.server, &pair.client}) {
      EXPECT_EQ(std::count(trace.begin(), trace.end(), side->name + ">"), 3);
      EXPECT_EQ(std::count(trace.begin(), trace.end(), side->name + "<OK"), 3);
      EXPECT_EQ(frames[side->name], 4000u);
    }
  });
}

TEST(SessionMigration, OverAWayThatLeadsNowhereFailsAndChangesNothing) {
  for_each_seed(10, [](std::uint64_t seed) {
    TwoWays pair(seed);
    ASSERT_TRUE(pair.connect().is_ok());
    pair.set_mobile(true);
    Work work(pair);
    pair.sim.run_for(400ms);
    auto moved = pair.run(pair.client.session->migrate(kMobile));
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->code(), StatusCode::kUnavailable) << *moved;
    work.expect_done();
    EXPECT_EQ(pair.seen_by_server(), kWifi);
    EXPECT_EQ(pair.client.session->local_address().with_port(0), kWifi);
  });
}

TEST(SessionMigration, N11_AnAddressThatDisappearsIsLeftByItself) {
  for_each_seed(15, [](std::uint64_t seed) {
    TwoWays pair(seed);
    ASSERT_TRUE(pair.connect().is_ok());
    Work work(pair);
    pair.sim.run_for(400ms);
    pair.sim.set_address_up(kWifi, false);
    EXPECT_TRUE(pair.wait_until([&] { return pair.seen_by_server() == kMobile; }, 1s));
    work.expect_done();
    EXPECT_TRUE(pair.client.closed.empty());
    // Back home when it is there again, as the system would route it.
    pair.sim.set_address_up(kWifi, true);
    EXPECT_TRUE(pair.wait_until(
        [&] { return pair.client.session->local_address().with_port(0) == kWifi; }, 2s));
    EXPECT_TRUE(pair.run(ask(pair, question(2)))->is_ok());
  });
}

// Nothing is sent by the client: without a migration the server would talk to nobody for seconds.
TEST(SessionMigration, AListenerIsFoundAgainAtOnceWhenItsAddressDisappears) {
  TwoWays pair(1, [](NodeOptions& node) { node.synchronise_clocks = false; });
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(2s);
  pair.sim.set_address_up(kWifi, false);
  pair.sim.run_for(500ms);
  const Duration begun = pair.now();
  auto answer = [](TrafficPair& both) -> Task<Status> {
    auto reply = co_await both.server.client().Ask(question(7));
    co_return reply.status();
  };
  auto status = pair.sim.run(*pair.server.loop, answer(pair), 5s);
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->is_ok()) << *status;
  EXPECT_LE(pair.now() - begun, 200ms);
}

TEST(SessionMigration, IsTriedAgainUntilTheNewWayIsReady) {
  TwoWays pair(1);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(1s);
  pair.set_mobile(true);
  pair.sim.set_address_up(kWifi, false);
  pair.sim.run_for(6s);
  pair.set_mobile(false);
  EXPECT_TRUE(pair.wait_until([&] { return pair.seen_by_server() == kMobile; }, 10s));
  EXPECT_TRUE(pair.run(ask(pair, question(2)))->is_ok());
}

TEST(SessionMigration, ThatCannotBeginByItselfIsAWarningInTheLog) {
  std::vector<std::string> warnings;
  TwoWays pair(1, [&](NodeOptions& node) {
    node.max_path_changes_per_second = 1;
    node.log = [&](LogLevel level, std::string_view line) {
      if (level == LogLevel::kWarning) warnings.emplace_back(line);
    };
  });
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(1s);
  // Until it has moved too often.
  for (int i = 0; i < 20; ++i) {
    (void)pair.run(pair.client.session->migrate(i % 2 == 0 ? kMobile : kWifi));
  }
  const SocketAddress home = pair.client.session->local_address().with_port(0);
  EXPECT_THAT(warnings, ::testing::IsEmpty());
  pair.sim.set_address_up(home, false);
  pair.sim.run_for(200ms);
  EXPECT_THAT(warnings, ::testing::ElementsAre(AllOf(HasSubstr("the session to 10.0.0.1:"),
                                                     HasSubstr("lost its address"),
                                                     HasSubstr("RESOURCE_EXHAUSTED"))));
  // And it is tried again.
  EXPECT_TRUE(pair.wait_until(
      [&] { return pair.client.session->local_address().with_port(0) != home; }, 20s));
}

TEST(SessionMigration, ByItselfCanBeSwitchedOff) {
  TwoWays pair(1, [](NodeOptions& node) {
    node.migrate_on_address_change = false;
    node.synchronise_clocks = false;
  });
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(2s);
  pair.sim.set_address_up(kWifi, false);
  pair.sim.run_for(5s);
  EXPECT_EQ(pair.sim.link_stats("client.lte", "server").sent, 0u);
}

TEST(SessionMigration, N10_EachHundredMillisecondsIsSurvived) {
  for_each_seed(15, [](std::uint64_t seed) {
    TwoWays pair(seed);
    ASSERT_TRUE(pair.connect().is_ok());
    pair.sim.run_for(300ms);
    Work work(pair);
    std::vector<std::optional<Status>> moves(40);
    TaskGroup group(*pair.client.loop);
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const SocketAddress to = i % 2 == 0 ? kMobile : kWifi;
      group.spawn(internal::store(pair.client.session->migrate(to), moves[i]));
      pair.sim.run_for(100ms);
    }
    work.expect_done();
    ASSERT_TRUE(pair.wait_until([&] { return group.size() == 0; }, 10s));
    int succeeded = 0;
    for (const auto& move : moves) {
      succeeded += move->is_ok();
      // Nothing else than these is a reason.
      EXPECT_THAT(move->code(), ::testing::AnyOf(StatusCode::kOk, StatusCode::kAborted,
                                                 StatusCode::kResourceExhausted))
          << *move;
    }
    EXPECT_GE(succeeded, 5);
    EXPECT_TRUE(pair.client.closed.empty());
  });
}

TEST(SessionMigration, SocketsThatAreNoLongerUsedAreClosed) {
  TwoWays pair(1);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(300ms);
  ASSERT_TRUE(pair.run(pair.client.session->migrate(kMobile))->is_ok());
  class Deaf final : public UdpHandler {
    void handle_datagram(const ReceivedDatagram&) override {}
    void handle_batch_end() override {}
    void handle_writable() override {}
  } deaf;
  UdpOptions same_port;
  same_port.bind_to = pair.client.session->local_address();
  EXPECT_FALSE(pair.client.loop->open_udp(same_port, deaf));
  ASSERT_TRUE(pair.run(pair.client.session->migrate(kWifi))->is_ok());
  pair.sim.run_for(4s);
  EXPECT_TRUE(pair.client.loop->open_udp(same_port, deaf));
  // And with the session goes the last one.
  same_port.bind_to = pair.client.session->local_address();
  pair.client.session->close();
  pair.sim.run_for(4s);
  EXPECT_TRUE(pair.client.loop->open_udp(same_port, deaf));
}

TEST(SessionMigration, IsRefusedWithTheReasonWhereItCannotBe) {
  TwoWays pair(1);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(300ms);
  auto accepted = pair.run(pair.server.session->migrate());
  EXPECT_EQ(accepted->code(), StatusCode::kFailedPrecondition) << *accepted;
  auto foreign = pair.run(pair.client.session->migrate(SocketAddress::ipv4({10, 9, 9, 9}, 0)));
  EXPECT_EQ(foreign->code(), StatusCode::kUnavailable) << *foreign;
  EXPECT_THAT(foreign->to_string(), HasSubstr("10.9.9.9"));
  pair.client.session->close();
  pair.sim.run_for(100ms);
  auto closed = pair.run(pair.client.session->migrate());
  EXPECT_EQ(closed->code(), StatusCode::kUnavailable) << *closed;
}

TEST(SessionMigration, EndsWithTheSession) {
  TwoWays pair(1);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(300ms);
  pair.set_mobile(true);
  std::optional<Status> moved;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(pair.client.session->migrate(kMobile), moved));
  pair.sim.run_for(100ms);
  EXPECT_FALSE(moved);
  pair.client.session->close();
  EXPECT_TRUE(pair.wait_until([&] { return moved.has_value(); }, 1s));
  EXPECT_FALSE(moved->is_ok());
}

TEST(SessionMigration, ADroppedTaskLeavesTheMigrationToItself) {
  TwoWays pair(1);
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(300ms);
  {
    std::optional<Status> moved;
    TaskGroup group(*pair.client.loop);
    group.spawn(internal::store(pair.client.session->migrate(kMobile), moved));
    pair.sim.run_for(10ms);
    EXPECT_FALSE(moved);
  }
  EXPECT_TRUE(pair.wait_until([&] { return pair.seen_by_server() == kMobile; }, 1s));
}

// ---- The server's preferred address.

TEST(SessionMigration, ClientsMoveToTheServersPreferredAddress) {
  TrafficOptions options;
  options.tune_server = [](NodeOptions& node) {
    node.preferred_address = SocketAddress::ipv4({10, 0, 2, 1}, 0);
  };
  TrafficPair pair(options);
  pair.sim.add_address("server", "server.own", SocketAddress::ipv4({10, 0, 2, 1}, 0));
  ASSERT_TRUE(pair.server.node->listen("0.0.0.0:4433"));
  auto dialled = pair.run(pair.client.node->connect("10.0.0.1:4433"));
  ASSERT_TRUE(*dialled) << dialled->status();
  EXPECT_TRUE(pair.wait_until(
      [&] {
        return (*dialled)->remote_address() == SocketAddress::ipv4({10, 0, 2, 1}, 4433);
      },
      2s));
  auto answer = (*dialled)->client<traffic::v1::Traffic>().Ask(question(1));
  EXPECT_TRUE(*pair.run(std::move(answer)));
}

}  // namespace
}  // namespace echostream::testing
