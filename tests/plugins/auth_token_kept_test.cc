// Tokens that are shown once on a session.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "echostream/plugins/auth_token.h"

#include "tests/support/lab.h"
#include "tests/support/layers.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

const TokenKey kKey("", std::string(32, 'k'));

void add(Node& node, AuthTokenOptions options) {
  auto plugin = make_auth_token_plugin(std::move(options));
  ASSERT_TRUE(plugin) << plugin.status();
  ASSERT_TRUE(node.add_plugin(*plugin).is_ok());
}

std::string signed_for(const std::string& subject, WallTime expires) {
  auto token = sign_token(kKey, TokenClaims(subject, expires));
  EXPECT_TRUE(token) << token.status();
  return *token;
}

// A client that shows `token_`, and a server that takes what kKey has signed.
class KeptTokens : public ::testing::Test {
 protected:
  void make(AuthTokenOptions at_server, AuthTokenOptions at_client) {
    Lab::Options options;
    options.link.delay = 5ms;
    options.tune_server = [this](NodeOptions& server) { server_options_ = server; };
    lab_ = std::make_unique<Lab>(options);
    serve_with(std::move(at_server));
    if (expires_ == WallTime()) expires_ = now() + 1h;
    if (token_.empty()) token_ = signed_for("ann", expires_);
    if (!at_client.send) at_client.send = [this] { return give(BearerToken(token_, expires_)); };
    add(*lab_->client_node, std::move(at_client));
    lab_->connect();
  }
  void make() { make(accepting(), {}); }
  void serve_with(AuthTokenOptions at_server) {
    add(*lab_->server_node, std::move(at_server));
    EXPECT_TRUE(lab_->run(lab_->server_node->start())->is_ok());
    // Inside of the plugin's layer.
    lab_->server_node->add_middleware(std::make_shared<Peeker>([this](InterceptedCall& call) {
      const auto* peer = call.state().get<AuthenticatedPeer>();
      const bool has_token = call.metadata().find("authorization").has_value();
      seen_.push_back((peer != nullptr ? peer->subject() : "nobody") + (has_token ? "+" : ""));
    }));
  }
  void restart_server() {
    lab_->server_node.reset();
    lab_->server_node = std::make_unique<Node>(*lab_->server_side, server_options_);
    ASSERT_TRUE(lab_->server_node->serve(lab_->server_handler).is_ok());
    serve_with(accepting());
    ASSERT_TRUE(lab_->server_node->listen("10.0.0.1:4433"));
  }
  static AuthTokenOptions accepting() {
    AuthTokenOptions options;
    options.keys.push_back(kKey);
    options.leeway = 0s;
    return options;
  }
  static Task<Result<BearerToken>> give(BearerToken token) { co_return token; }
  WallTime now() { return lab_->client_loop().wall_time(); }
  Status echo(CallOptions options = {}) {
    auto reply = lab_->run(lab_->client().Echo(text("hello"), std::move(options)));
    return reply ? reply->status() : Status(StatusCode::kInternal, "took too long");
  }
  StatusCode delay() { return lab_->run(lab_->client().Delay(text("")))->status().code(); }
  std::vector<std::string> take_seen() { return std::exchange(seen_, {}); }

  std::string token_;
  WallTime expires_{};
  NodeOptions server_options_;
  std::vector<std::string> seen_;
  std::unique_ptr<Lab> lab_;
};

TEST_F(KeptTokens, AreShownOncePerMethodAndSession) {
  make();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(echo().is_ok());
  EXPECT_EQ(delay(), StatusCode::kOk);
  EXPECT_EQ(delay(), StatusCode::kOk);
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann", "ann", "ann+", "ann"));
}

TEST_F(KeptTokens, SaySoInTheResponse) {
  make();
  Metadata response;
  EXPECT_TRUE(echo(CallOptions().response_metadata(&response)).is_ok());
  EXPECT_EQ(response.find("authorization-kept"), "600000");
  Metadata next;
  EXPECT_TRUE(echo(CallOptions().response_metadata(&next)).is_ok());
  EXPECT_FALSE(next.find("authorization-kept"));
}

TEST_F(KeptTokens, AreShownAgainBeforeTheyAreForgotten) {
  AuthTokenOptions at_server = accepting();
  at_server.remember_on_session = 40s;
  make(std::move(at_server), {});
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(echo().is_ok());
    lab_->run_for(10s);
  }
  // 40 s less a margin of a quarter.
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann", "ann", "ann+", "ann", "ann", "ann+", "ann",
                                       "ann", "ann+"));
}

TEST_F(KeptTokens, AreNotKeptForLongerThanTheyAreGoodFor) {
  Lab clock((Lab::Options()));
  expires_ = WallTime(std::chrono::ceil<std::chrono::seconds>(
      (clock.client_loop().wall_time() + 100s).time_since_epoch()));
  // The client's source gives it as if it were good for ever.
  AuthTokenOptions at_client;
  at_client.send = [this] { return give(BearerToken(token_)); };
  make(accepting(), std::move(at_client));
  EXPECT_TRUE(echo().is_ok());
  EXPECT_TRUE(echo().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann"));
  lab_->run_for(expires_ - now() - 20ms);
  EXPECT_TRUE(echo().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ann+"));
  lab_->run_for(20ms);
  EXPECT_EQ(echo().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(echo().code(), StatusCode::kUnauthenticated);
  EXPECT_TRUE(seen_.empty());
}

TEST_F(KeptTokens, AreShownAgainOnAnotherSession) {
  make();
  EXPECT_TRUE(echo().is_ok());
  EXPECT_TRUE(echo().is_ok());
  auto other = lab_->run(lab_->client_node->connect("10.0.0.1:4433"));
  ASSERT_TRUE(other && *other) << other->status();
  EXPECT_TRUE(*lab_->run((*other)->client<lab::v1::Lab>().Echo(text(""))));
  EXPECT_TRUE(echo().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann", "ann+", "ann"));
}

TEST_F(KeptTokens, StandForNobodyOnASessionThatHasShownNone) {
  make();
  EXPECT_TRUE(echo().is_ok());
  // Somebody without a token, beside it.
  NodeOptions options;
  options.trust = Trust::insecure_accept_any();
  Loop& loop = lab_->sim.add_node("stranger", SocketAddress::ipv4({10, 0, 0, 3}, 0));
  lab_->sim.set_link("server", "stranger", LinkOptions());
  Node stranger(loop, std::move(options));
  std::optional<Result<Session>> slot;
  TaskGroup group(loop);
  group.spawn(internal::store(stranger.connect("10.0.0.1:4433"), slot));
  ASSERT_TRUE(lab_->sim.run_until([&] { return slot.has_value(); }, 10s));
  ASSERT_TRUE(*slot) << slot->status();
  std::optional<Result<Text>> reply;
  group.spawn(internal::store((**slot).client<lab::v1::Lab>().Echo(text("")), reply));
  ASSERT_TRUE(lab_->sim.run_until([&] { return reply.has_value(); }, 10s));
  EXPECT_EQ(reply->status().code(), StatusCode::kUnauthenticated);
}

TEST_F(KeptTokens, GiveWayToTheNextOne) {
  make();
  expires_ = now() + 1min;
  EXPECT_TRUE(echo().is_ok());
  EXPECT_TRUE(echo().is_ok());
  token_ = signed_for("ben", now() + 1h);
  expires_ = now() + 1h;
  for (int i = 0; i < 8; ++i) {
    lab_->run_for(5s);
    EXPECT_TRUE(echo().is_ok());
  }
  const auto seen = take_seen();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "ann+"), 1);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "ben+"), 1);
  EXPECT_EQ(seen.back(), "ben");
}

TEST_F(KeptTokens, OfTheProgramItselfAreJudgedAloneAndChangeNothing) {
  make();
  const std::string ben = "Bearer " + signed_for("ben", now() + 1h);
  const auto as_ben = [&] { return CallOptions().metadata("authorization", ben); };
  EXPECT_TRUE(echo(as_ben()).is_ok());
  EXPECT_TRUE(echo().is_ok());
  EXPECT_TRUE(echo(as_ben().metadata("authorization-keep", "9")).is_ok());
  EXPECT_TRUE(echo().is_ok());
  EXPECT_EQ(echo(CallOptions().metadata("authorization", "Bearer bad")).code(),
            StatusCode::kUnauthenticated);
  EXPECT_EQ(echo(CallOptions().metadata("authorization", "")).code(), StatusCode::kUnauthenticated);
  EXPECT_TRUE(echo().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ben+", "ann+", "ben+", "ann", "ann"));
}

TEST_F(KeptTokens, AreShownEachTimeToAServerThatKeepsNone) {
  AuthTokenOptions at_server = accepting();
  at_server.remember_on_session = 0s;
  make(std::move(at_server), {});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(echo().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann+", "ann+"));
  EXPECT_FALSE(lab_->server_handler->last_metadata.find("authorization-keep"))
      << "it is asked once";
}

TEST_F(KeptTokens, AreShownEachTimeByAClientThatDoesNotAsk) {
  AuthTokenOptions off;
  off.remember_on_session = 0s;
  make(accepting(), std::move(off));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(echo().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann+", "ann+"));

  AuthTokenOptions some;
  some.send_for = {"lab.v1.Lab/Echo"};
  make(accepting(), std::move(some));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(echo().is_ok());
  EXPECT_EQ(delay(), StatusCode::kUnauthenticated) << "it was to go without";
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann+", "ann+"));
}

TEST_F(KeptTokens, StandForNobodyWhereThereAreOtherWaysIn) {
  AuthTokenOptions at_server = accepting();
  AuthRule open({"lab.v1.Lab/Echo"});
  open.allow_any_token = open.allow_anyone = true;
  AuthRule rest({"*"});
  rest.allow_any_token = true;
  at_server.rules = {open, rest};
  make(std::move(at_server), {});
  EXPECT_EQ(delay(), StatusCode::kOk);
  EXPECT_EQ(delay(), StatusCode::kOk);
  EXPECT_TRUE(echo().is_ok());
  EXPECT_TRUE(echo().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann", "ann+", "ann+"));
}

TEST_F(KeptTokens, GoWithEventsAndStreamsAlways) {
  make();
  EXPECT_TRUE(echo().is_ok());
  for (int i = 0; i < 2; ++i) {
    (void)lab_->run(lab_->client().Note(text("")));
    lab::v1::Count one;
    one.set_count(1);
    auto reader = lab_->run(lab_->client().CountUp(one));
    while (*lab_->run(reader->next())) {
    }
    EXPECT_TRUE(reader->status().is_ok());
  }
  lab_->run_for(100ms);
  EXPECT_THAT(take_seen(), ::testing::UnorderedElementsAre("ann+", "ann+", "ann+", "ann+", "ann+"));
}

// A call that is late, or moved to another session on its way.
TEST_F(KeptTokens, AreShownAgainWhenTheServerHasForgottenThem) {
  AuthTokenOptions at_server = accepting();
  at_server.remember_on_session = 5s;
  make(std::move(at_server), {});
  EXPECT_EQ(delay(), StatusCode::kOk);
  EXPECT_EQ(delay(), StatusCode::kOk);
  // Longer than the server keeps it.
  lab_->client_node->add_middleware(std::make_shared<Sleeper>(6s, 0s));
  auto late = lab_->run(lab_->client().Delay(text(""), CallOptions().timeout(1h)));
  ASSERT_TRUE(late && *late) << late->status();
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann", "ann+")) << "no handler ran twice";
}

TEST_F(KeptTokens, AreShownAgainToAServerThatWasRestarted) {
  make();
  auto persistent = lab_->client_node->keep_connected("10.0.0.1:4433");
  ASSERT_TRUE(persistent) << persistent.status();
  const auto call = [&] {
    auto reply = lab_->run(persistent->client<lab::v1::Lab>().Delay(text("")));
    return reply ? reply->status() : Status(StatusCode::kInternal, "took too long");
  };
  EXPECT_TRUE(call().is_ok());
  EXPECT_TRUE(call().is_ok());
  restart_server();
  lab_->run_for(1min);
  EXPECT_TRUE(call().is_ok());
  EXPECT_TRUE(call().is_ok());
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann", "ann+", "ann"));
}

// It goes out again on the next session, as it was: without the token.
TEST_F(KeptTokens, AreShownAgainWithACallThatHadToMoveToAnotherSession) {
  make();
  auto persistent = lab_->client_node->keep_connected("10.0.0.1:4433");
  ASSERT_TRUE(persistent) << persistent.status();
  auto client = persistent->client<lab::v1::Lab>();
  EXPECT_TRUE(*lab_->run(client.Echo(text(""))));
  std::optional<Result<Text>> slot;
  TaskGroup group(lab_->client_loop());
  group.spawn(internal::store(client.Echo(text("")), slot));
  lab_->run_for(2ms);
  restart_server();
  ASSERT_TRUE(lab_->sim.run_until([&] { return slot.has_value(); }, 1min));
  EXPECT_TRUE(*slot) << slot->status();
  EXPECT_THAT(take_seen(), ElementsAre("ann+", "ann+"));
}

TEST_F(KeptTokens, GarbageInTheConventionIsNoConvention) {
  AuthTokenOptions others;
  others.send_for = {"lab.v1.Lab/Fail"};
  make(accepting(), std::move(others));
  const std::string ben = "Bearer " + signed_for("ben", now() + 1h);
  for (const char* number : {"", "0", "-1", "x", "99999999999999999999"}) {
    Metadata response;
    EXPECT_TRUE(echo(CallOptions()
                         .metadata("authorization", ben)
                         .metadata("authorization-keep", number)
                         .response_metadata(&response))
                    .is_ok());
    EXPECT_FALSE(response.find("authorization-kept")) << number;
  }
  EXPECT_EQ(echo().code(), StatusCode::kUnauthenticated);
  EXPECT_TRUE(echo(CallOptions().metadata("authorization", ben).metadata("authorization-keep", "1"))
                  .is_ok());
  EXPECT_TRUE(echo().is_ok()) << "the same without the plugin, and without garbage";
}

// Calls of several tokens on the way at once, over a network that loses and reorders: each is made
// for the token that the client had when it sent it, or for one that it had later.
TEST(KeptTokensOnBadNetworks, DoNotMixWhatTheyStandFor) {
  for_each_seed(30, [](std::uint64_t seed) {
    Lab::Options chosen;
    chosen.seed = seed;
    Lab lab(chosen);
    AuthTokenOptions accept;
    accept.keys.push_back(kKey);
    add(*lab.server_node, std::move(accept));
    ASSERT_TRUE(lab.run(lab.server_node->start())->is_ok());
    // The number of the call, and of the token it was made for.
    std::map<std::uint64_t, int> made_for;
    int with_token = 0;
    lab.server_node->add_middleware(std::make_shared<Peeker>([&](InterceptedCall& call) {
      const auto number = call.metadata().find("number");
      ASSERT_TRUE(number);
      with_token += call.metadata().find("authorization").has_value() ? 1 : 0;
      made_for[std::stoull(std::string(*number))] =
          std::stoi(call.state().get<AuthenticatedPeer>()->subject());
    }));
    int latest = 0;
    AuthTokenOptions show;
    show.refresh_before = 1s;
    Loop& loop = lab.client_loop();
    show.send = [&]() -> Task<Result<BearerToken>> {
      // Every other one is replaced after a second, while calls that show it are on their way; the
      // next one is soon relied on.
      const Duration lasts = latest >= 4 ? 1h : Duration(latest % 2 == 0 ? 1050ms : 9s);
      const WallTime expires = loop.wall_time() + lasts;
      BearerToken token(signed_for(std::to_string(++latest), expires + 1h), expires);
      return [](BearerToken given) -> Task<Result<BearerToken>> { co_return given; }(token);
    };
    add(*lab.client_node, std::move(show));
    lab.connect();
    LinkOptions link;
    link.delay = 300ms;
    link.jitter = 800ms;
    link.loss = 0.05;
    lab.sim.set_link("server", "client", link);
    constexpr std::uint64_t kCalls = 1200;
    std::vector<int> sent_at(kCalls);
    std::vector<int> ended_at(kCalls);
    int failed = 0;
    TaskGroup group(loop);
    for (std::uint64_t i = 0; i < kCalls; ++i) {
      sent_at[i] = std::max(latest, 1);
      group.spawn([](Lab& at, std::uint64_t number, int& bad, int& end, int& now) -> Task<void> {
        auto reply = co_await at.client().Delay(
            text(""), CallOptions().metadata("number", std::to_string(number)));
        if (!reply) ++bad;
        end = now;
      }(lab, i, failed, ended_at[i], latest));
      lab.run_for(20ms);
    }
    lab.run_for(20s);
    EXPECT_EQ(failed, 0) << seed;
    ASSERT_EQ(made_for.size(), kCalls) << seed;
    for (std::uint64_t i = 0; i < kCalls; ++i) {
      EXPECT_GE(made_for[i], sent_at[i]) << "call " << i << " at seed " << seed;
      EXPECT_LE(made_for[i], ended_at[i]) << "call " << i << " at seed " << seed;
    }
    EXPECT_GE(latest, 5) << seed;
    EXPECT_LT(with_token, 1150) << seed;
    for (std::uint64_t i = kCalls; i < kCalls + 5; ++i) {
      auto reply = lab.run(
          lab.client().Delay(text(""), CallOptions().metadata("number", std::to_string(i))));
      EXPECT_TRUE(reply && *reply) << seed;
      lab.run_for(1500ms);
    }
    EXPECT_EQ(made_for[kCalls + 4], latest) << seed;
  });
}

}  // namespace
}  // namespace echostream::testing
