// Resumed sessions and early data as users see them, over QUIC in the simulator.
#include <gmock/gmock.h>

#include "tests/support/lab.h"
#include "tests/support/layers.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;

constexpr Duration kOneWay = 10ms;
constexpr Duration kTrip = 2 * kOneWay;
// Times are exact but for the pacer's.
constexpr Duration kSlack = 1ms;

Text number(std::int64_t value) {
  Text message;
  message.set_number(value);
  return message;
}

class EarlyDataApi : public ::testing::Test {
 protected:
  explicit EarlyDataApi(Lab::Options options = {}) : lab_(with_link(std::move(options))) {}
  static Lab::Options with_link(Lab::Options options) {
    options.link.delay = kOneWay;
    return options;
  }

  // A first session, which brings tickets.
  void meet() {
    lab_.connect();
    lab_.run_for(500ms);
    lab_.at_client->close();
    lab_.run_for(500ms);
    lab_.at_client.reset();
    lab_.at_server.reset();
  }
  Result<Session> dial(bool early_data = true) { return dial(*lab_.client_node, early_data); }
  Result<Session> dial(Node& node, bool early_data = true) {
    ConnectOptions options;
    options.early_data = early_data;
    auto session = lab_.run(node.connect("10.0.0.1:4433", options));
    if (!session) return Status(StatusCode::kInternal, "connect() never ended");
    if (*session) lab_.at_client = **session;
    return *std::move(session);
  }
  Duration now() const { return lab_.sim.elapsed(); }
  // The same server after a restart: what it knew is gone.
  void restart_server() {
    NodeOptions options;
    options.identity = identity();
    lab_.server_node.reset();
    lab_.run_for(100ms);
    lab_.server_node = std::make_unique<Node>(*lab_.server_side, std::move(options));
    ASSERT_TRUE(lab_.server_node->serve(lab_.server_handler).is_ok());
    ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
  }
  Identity identity() const { return *server_identity_; }

  std::optional<Identity> server_identity_;
  Lab lab_;
};

// Keeps the server's identity, for a second server of the same name.
class EarlyDataOfKnownServer : public EarlyDataApi {
 protected:
  EarlyDataOfKnownServer() {
    server_identity_ = Identity::self_signed("server", lab_.server_side->wall_time()).value();
    NodeOptions server;
    server.identity = server_identity_;
    server.on_session = [this](const Session& session) { lab_.at_server = session; };
    lab_.server_node = std::make_unique<Node>(*lab_.server_side, std::move(server));
    EXPECT_TRUE(lab_.server_node->serve(lab_.server_handler).is_ok());
    lab_.client_node = std::make_unique<Node>(*lab_.client_side, client_options());
  }
  NodeOptions client_options() const {
    NodeOptions client;
    client.trust = Trust::pinned({server_identity_->fingerprint()});
    client.ticket_cache = cache_;
    return client;
  }
  std::shared_ptr<SessionTicketCache> cache_ = make_memory_ticket_cache();
};

TEST_F(EarlyDataApi, SavesOneRoundTripOfTwo) {
  lab_.connect();
  const Duration first_call = now();
  ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("full"))));
  EXPECT_NEAR(static_cast<double>((now() - first_call).count()), kTrip.count(), kSlack.count());
  lab_.run_for(500ms);
  lab_.at_client->close();
  lab_.run_for(500ms);

  const Duration start = now();
  auto session = dial();
  ASSERT_TRUE(session) << session.status();
  EXPECT_EQ(now(), start) << "connect() waits for nothing";
  EXPECT_FALSE(session->is_open());
  EXPECT_EQ(session->early_data_accepted(), std::nullopt);
  EXPECT_EQ(session->peer_fingerprint(), std::nullopt);
  auto reply = lab_.run(lab_.client().Echo(text("early")));
  ASSERT_TRUE(*reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "early");
  EXPECT_NEAR(static_cast<double>((now() - start).count()), kTrip.count(), kSlack.count())
      << "a full handshake and a call take two";
  EXPECT_TRUE(lab_.server_handler->was_early);
  EXPECT_TRUE(session->is_open());
  EXPECT_TRUE(session->is_resumed());
  EXPECT_EQ(session->early_data_accepted(), true);
  EXPECT_TRUE(session->peer_fingerprint());
  EXPECT_EQ(lab_.server_handler->calls, 2);
  // Later calls are ordinary ones.
  ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("late"))));
  EXPECT_FALSE(lab_.server_handler->was_early);
}

// What both sides' layers and filters see of calls.
struct Watched {
  std::vector<std::string> trace;
  int filtered = 0;
  bool was_early = false;
  std::shared_ptr<Middleware> counter = std::make_shared<Filterer>([this](CallMessage&) {
    ++filtered;
    return Status::ok();
  });

  void put_into(Node& client, Node& server) {
    client.add_middleware(std::make_shared<Tracer>("c", trace));
    server.add_middleware(std::make_shared<Tracer>("s", trace));
    server.add_middleware(std::make_shared<Peeker>(
        [this](InterceptedCall& call) { was_early = call.is_early_data(); }));
    for (Node* node : {&client, &server}) {
      node->add_middleware(counter);
      node->add_middleware(std::make_shared<Filterer>(marked_with("mark:"), FilterPlace::kWire));
    }
  }
};

TEST_F(EarlyDataApi, EarlyCallsPassTheLayersOfBothSides) {
  meet();
  Watched watched;
  watched.put_into(*lab_.client_node, *lab_.server_node);
  ASSERT_TRUE(dial());
  auto reply = lab_.run(lab_.client().Echo(text("early")));
  ASSERT_TRUE(*reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "early");
  EXPECT_TRUE(lab_.server_handler->was_early);
  EXPECT_TRUE(watched.was_early);
  EXPECT_THAT(watched.trace, ::testing::ElementsAre("c>", "s>", "s<OK", "c<OK"));
  EXPECT_EQ(watched.filtered, 4);
}

TEST_F(EarlyDataApi, ASessionThatIsNotOpenYetSaysSoAndCannotMigrate) {
  meet();
  auto session = dial();
  ASSERT_TRUE(session && !session->is_open());
  EXPECT_EQ(session->stats().smoothed_rtt, Duration::zero());
  EXPECT_EQ(session->stats().latest_rtt, Duration::zero());
  const auto moved = lab_.run(session->migrate());
  EXPECT_EQ(moved->code(), StatusCode::kFailedPrecondition) << *moved;
  EXPECT_THAT(moved->to_string(), ::testing::HasSubstr("not open yet"));
  ASSERT_TRUE(lab_.run(session->wait_connected())->is_ok());
  EXPECT_GE(session->stats().smoothed_rtt, kTrip);
  EXPECT_LE(session->stats().smoothed_rtt, kTrip + 5 * kSlack);
  session->close("enough");
  lab_.run_for(500ms);
  EXPECT_THAT(lab_.run(session->migrate())->to_string(), ::testing::HasSubstr("is closed"));
}

TEST_F(EarlyDataApi, AWriterOpenedBeforeTheSessionHearsOfItsTargetBitrate) {
  meet();
  auto session = dial();
  ASSERT_TRUE(session && !session->is_open());
  auto writer = lab_.run(lab_.client().Sum());
  int told = 0;
  writer->on_target_bitrate([&](std::uint64_t) { ++told; });
  ASSERT_FALSE(session->is_open());
  for (int i = 0; i < 20; ++i) {
    (void)lab_.run(writer->write(lab::v1::Count()));
    lab_.run_for(50ms);
  }
  EXPECT_GE(told, 1);
}

TEST_F(EarlyDataApi, TheServersSessionOpensWhenTheHandshakeIsComplete) {
  meet();
  ASSERT_TRUE(dial());
  std::optional<Result<Text>> reply;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Echo(text("early")), reply));
  ASSERT_TRUE(lab_.sim.run_until([&] { return lab_.server_handler->calls == 1; }, 1s));
  EXPECT_FALSE(lab_.at_server) << "on_session would promise too much";
  EXPECT_TRUE(lab_.server_node->sessions().empty());
  ASSERT_TRUE(lab_.sim.run_until([&] { return lab_.at_server.has_value(); }, 1s));
  EXPECT_TRUE(lab_.at_server->is_open());
  EXPECT_EQ(lab_.at_server->early_data_accepted(), true);
  ASSERT_TRUE(lab_.sim.run_until([&] { return reply.has_value(); }, 1s));
}

TEST_F(EarlyDataApi, AHandlerCanWaitUntilItsCallerIsNoCopy) {
  meet();
  const Duration start = now();
  ASSERT_TRUE(dial());
  auto reply = lab_.run(lab_.client().Echo(text(kWaitConnected)));
  ASSERT_TRUE(*reply) << reply->status();
  EXPECT_EQ((*reply)->number(), 1);
  EXPECT_TRUE(lab_.server_handler->was_early);
  EXPECT_GE(now() - start, 2 * kTrip);
}

TEST_F(EarlyDataApi, CallsThatAreNotIdempotentWaitAndAreNotEarly) {
  meet();
  const Duration start = now();
  ASSERT_TRUE(dial());
  auto reply = lab_.run(lab_.client().Delay(number(0)));
  ASSERT_TRUE(*reply) << reply->status();
  EXPECT_GE(now() - start, 2 * kTrip);
  EXPECT_FALSE(lab_.server_handler->was_early);
  EXPECT_EQ(lab_.server_handler->calls, 1);
}

Task<Status> count_to(lab::v1::Lab::Client client, std::int64_t most) {
  lab::v1::Count request;
  request.set_count(most);
  auto reader = co_await client.CountUp(request);
  std::int64_t got = 0;
  while (auto frame = co_await reader.next()) got += frame->message.count() == got;
  EXPECT_EQ(got, most);
  co_return reader.status();
}

TEST_F(EarlyDataApi, StreamsAndEventsWaitForTheHandshakeByThemselves) {
  meet();
  ASSERT_TRUE(dial());
  std::optional<Status> noted;
  std::optional<Status> counted;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Note(text("event")), noted));
  group.spawn(internal::store(count_to(lab_.client(), 50), counted));
  lab_.run_for(kOneWay + kSlack);
  EXPECT_FALSE(noted);
  EXPECT_EQ(lab_.server_handler->started, 0);
  ASSERT_TRUE(lab_.sim.run_until([&] { return noted && counted; }, 5s));
  EXPECT_TRUE(noted->is_ok()) << *noted;
  EXPECT_TRUE(counted->is_ok()) << *counted;
  lab_.run_for(100ms);
  EXPECT_EQ(lab_.server_handler->notes, std::vector<std::string>{"event"});
}

TEST_F(EarlyDataApi, ShutdownWaitsForCallsThatLeftEarly) {
  meet();
  ASSERT_TRUE(dial());
  std::optional<Result<Text>> reply;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Echo(text("early")), reply));
  lab_.run_for(1ms);
  std::optional<bool> over;
  const auto shut_down = [](Node& node) -> Task<bool> {
    co_await node.shutdown(5s);
    co_return true;
  };
  group.spawn(internal::store(shut_down(*lab_.client_node), over));
  ASSERT_TRUE(lab_.sim.run_until([&] { return over.has_value(); }, 10s));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(*reply) << reply->status();
}

TEST_F(EarlyDataApi, AFullHandshakeCanBeAskedFor) {
  meet();
  ConnectOptions options;
  options.resume = false;
  options.early_data = true;
  auto session = lab_.run(lab_.client_node->connect("10.0.0.1:4433", options));
  ASSERT_TRUE(*session);
  EXPECT_TRUE((*session)->is_open());
  EXPECT_FALSE((*session)->is_resumed());
}

TEST_F(EarlyDataApi, WithoutATicketConnectWaitsAsEver) {
  ASSERT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
  const Duration start = now();
  auto session = dial();
  ASSERT_TRUE(session) << session.status();
  EXPECT_TRUE(session->is_open());
  EXPECT_FALSE(session->is_resumed());
  EXPECT_EQ(session->early_data_accepted(), std::nullopt);
  EXPECT_GE(now() - start, kTrip);
}

TEST_F(EarlyDataApi, SessionsAreResumedWithoutBeingAsked) {
  meet();
  auto session = dial(false);
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->is_open());
  EXPECT_TRUE(session->is_resumed());
  EXPECT_EQ(session->early_data_accepted(), std::nullopt);
  EXPECT_TRUE(session->peer_fingerprint());
}

TEST_F(EarlyDataApi, EachSessionBringsTicketsForTheNext) {
  meet();
  for (int i = 0; i < 20; ++i) {
    auto session = dial();
    ASSERT_TRUE(session);
    ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("again"))));
    EXPECT_EQ(session->early_data_accepted(), true) << i;
    lab_.run_for(100ms);
    session->close();
    lab_.run_for(100ms);
  }
  EXPECT_EQ(lab_.server_handler->calls, 20);
}

TEST_F(EarlyDataApi, WaitConnectedSaysWhenAndWhyNot) {
  meet();
  auto session = dial();
  ASSERT_TRUE(session);
  auto status = lab_.run(session->wait_connected());
  EXPECT_TRUE(status->is_ok()) << *status;
  EXPECT_TRUE(session->is_open());
  EXPECT_TRUE(lab_.run(session->wait_connected())->is_ok()) << "at once";
  lab_.run_for(100ms);
  session->close();
  lab_.run_for(1s);

  LinkOptions cut;
  cut.cut = true;
  lab_.sim.set_link("server", "client", cut);
  auto lost = dial();
  ASSERT_TRUE(lost) << "it cannot know";
  std::optional<Result<Text>> reply;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Echo(text("into the void")), reply));
  const auto why = lab_.run(lost->wait_connected());
  ASSERT_TRUE(why);
  EXPECT_FALSE(why->is_ok());
  EXPECT_FALSE(lost->is_open());
  lab_.run_for(1s);
  ASSERT_TRUE(reply);
  EXPECT_FALSE(*reply) << "a call ends with its session";
}

TEST_F(EarlyDataOfKnownServer, C04_RejectedCallsAreSentAgainByThemselves) {
  meet();
  restart_server();
  auto session = dial();
  ASSERT_TRUE(session);
  EXPECT_FALSE(session->is_open());
  std::vector<std::optional<Result<Text>>> replies(30);
  TaskGroup group(lab_.client_loop());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    auto call = i % 3 == 2 ? lab_.client().Delay(number(static_cast<std::int64_t>(i)))
                           : lab_.client().Echo(number(static_cast<std::int64_t>(i)));
    group.spawn(internal::store(std::move(call), replies[i]));
  }
  ASSERT_TRUE(lab_.sim.run_until(
      [&] { return std::all_of(replies.begin(), replies.end(), [](const auto& r) { return r; }); },
      10s));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ASSERT_TRUE(**std::addressof(replies[i])) << replies[i]->status();
    EXPECT_EQ((*replies[i])->number(), static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(lab_.server_handler->calls, 30) << "each once";
  EXPECT_FALSE(lab_.server_handler->was_early);
  EXPECT_EQ(session->early_data_accepted(), false);
  EXPECT_FALSE(session->is_resumed()) << "new keys, so a full handshake";
  EXPECT_TRUE(session->is_open());
  EXPECT_EQ(session->peer_fingerprint(), server_identity_->fingerprint());
}

// It is one call all the same.
TEST_F(EarlyDataOfKnownServer, RejectedCallsPassTheLayersOnce) {
  meet();
  restart_server();
  Watched watched;
  watched.put_into(*lab_.client_node, *lab_.server_node);
  ASSERT_TRUE(dial());
  auto reply = lab_.run(lab_.client().Echo(text("again")));
  ASSERT_TRUE(*reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "again");
  EXPECT_EQ(lab_.at_client->early_data_accepted(), false);
  EXPECT_FALSE(watched.was_early);
  EXPECT_THAT(watched.trace, ::testing::ElementsAre("c>", "s>", "s<OK", "c<OK"));
  EXPECT_EQ(watched.filtered, 4);
}

TEST_F(EarlyDataOfKnownServer, ADroppedCallIsNotSentAgain) {
  meet();
  restart_server();
  ASSERT_TRUE(dial());
  {
    std::optional<Result<Text>> reply;
    TaskGroup group(lab_.client_loop());
    group.spawn(internal::store(lab_.client().Echo(text("changed my mind")), reply));
    lab_.run_for(1ms);
  }
  lab_.run_for(2s);
  EXPECT_TRUE(lab_.at_client->is_open());
  EXPECT_EQ(lab_.server_handler->calls, 0);
}

TEST_F(EarlyDataOfKnownServer, NodesShareACache) {
  meet();
  Node other(*lab_.client_side, client_options());
  auto session = dial(other);
  ASSERT_TRUE(session);
  EXPECT_FALSE(session->is_open());
  ASSERT_TRUE(*lab_.run(session->client<lab::v1::Lab>().Echo(text("early"))));
  EXPECT_TRUE(lab_.server_handler->was_early);
  session->close();
}

TEST_F(EarlyDataOfKnownServer, TicketsAreOfOneTrustAndOneIdentity) {
  meet();
  NodeOptions insecure = client_options();
  insecure.trust = Trust::insecure_accept_any();
  Node careless(*lab_.client_side, std::move(insecure));
  auto session = dial(careless);
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->is_open()) << "it waited: there was no ticket for it";
  EXPECT_FALSE(session->is_resumed());
  lab_.run_for(100ms);
  session->close();

  NodeOptions named = client_options();
  named.identity = Identity::self_signed("client", lab_.client_side->wall_time()).value();
  Node somebody(*lab_.client_side, std::move(named));
  auto other = dial(somebody);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->is_resumed());
  other->close();

  auto known = dial();
  ASSERT_TRUE(known);
  EXPECT_FALSE(known->is_open()) << "its ticket was left alone";
}

TEST_F(EarlyDataOfKnownServer, ADifferentServerAtTheSameAddressIsNotBelieved) {
  meet();
  server_identity_ = Identity::self_signed("server", lab_.server_side->wall_time()).value();
  restart_server();
  auto session = dial();
  ASSERT_TRUE(session);
  auto reply = lab_.run(lab_.client().Echo(text("secret")));
  ASSERT_TRUE(reply);
  ASSERT_FALSE(*reply) << "no answer of it may count";
  EXPECT_EQ(reply->error().code(), StatusCode::kUnauthenticated) << reply->error();
  EXPECT_EQ(lab_.server_handler->calls, 0) << "it could not even read it";
  EXPECT_EQ(lab_.run(session->wait_connected())->code(), StatusCode::kUnauthenticated);
}

class WithoutEarlyData : public EarlyDataApi {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.tune_server = [](NodeOptions& node) { node.accept_early_data = false; };
    return chosen;
  }
  WithoutEarlyData() : EarlyDataApi(options()) {}
};

TEST_F(WithoutEarlyData, ConnectWaitsAndResumes) {
  meet();
  auto session = dial();
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->is_open());
  EXPECT_TRUE(session->is_resumed());
}

class WithoutResumption : public EarlyDataApi, public ::testing::WithParamInterface<bool> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    auto& tune = GetParam() ? chosen.tune_server : chosen.tune_client;
    tune = [](NodeOptions& node) { node.resumption = false; };
    return chosen;
  }
  WithoutResumption() : EarlyDataApi(options()) {}
};

TEST_P(WithoutResumption, EveryHandshakeIsFull) {
  meet();
  auto session = dial();
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->is_open());
  EXPECT_FALSE(session->is_resumed());
}

INSTANTIATE_TEST_SUITE_P(Sides, WithoutResumption, ::testing::Bool(), [](const auto& test) {
  return test.param ? "AtTheServer" : "AtTheClient";
});

// Mutual TLS: the client's certificate is that of the first session, judged again.
TEST(EarlyDataMutualTls, TheHandlerKnowsItsCaller) {
  Lab::Options options;
  options.link.delay = kOneWay;
  std::optional<Identity> client_identity;
  options.tune_client = [&](NodeOptions& node) {
    client_identity = Identity::self_signed("client", WallTime(std::chrono::hours(24 * 365 * 54)),
                                            std::chrono::hours(24 * 365 * 40))
                          .value();
    node.identity = client_identity;
  };
  options.tune_server = [&](NodeOptions& node) {
    node.client_trust = Trust::insecure_accept_any();
  };
  Lab lab(options);
  lab.connect();
  lab.run_for(500ms);
  lab.at_client->close();
  lab.run_for(500ms);
  ConnectOptions early;
  early.early_data = true;
  lab.at_server.reset();
  lab.at_client = **lab.run(lab.client_node->connect("10.0.0.1:4433", early));
  ASSERT_FALSE(lab.at_client->is_open());
  ASSERT_TRUE(*lab.run(lab.client().Echo(text("early"))));
  EXPECT_TRUE(lab.server_handler->was_early);
  lab.run_for(100ms);
  ASSERT_TRUE(lab.at_server);
  EXPECT_EQ(lab.at_server->peer_fingerprint(), client_identity->fingerprint());
}

}  // namespace
}  // namespace echostream::testing
