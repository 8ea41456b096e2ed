#include "echostream/plugins/auth_token.h"

#include <gmock/gmock.h>

#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"
#include "tests/support/layers.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Filter;
using lab::v1::Text;
using lab::v1::Ticks;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

const TokenKey kKey("", std::string(32, 'k'));
constexpr const char* kCamera = "0123456789abcdef-camera";

class AuthTokens : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options(std::vector<std::string>& log) {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    const auto keep = [&log](LogLevel, std::string_view line) { log.emplace_back(line); };
    chosen.tune_server = [keep](NodeOptions& server) { server.log = keep; };
    chosen.tune_client = [keep](NodeOptions& client) { client.log = keep; };
    return chosen;
  }
  static AuthTokenOptions accepting() {
    AuthTokenOptions options;
    options.keys.push_back(kKey);
    options.leeway = 0s;
    options.static_tokens.push_back(*StaticToken::of(kCamera, "camera", {"see"}));
    return options;
  }
  void add(Node& node, AuthTokenOptions options) {
    auto plugin = make_auth_token_plugin(std::move(options));
    ASSERT_TRUE(plugin) << plugin.status();
    ASSERT_TRUE(node.add_plugin(*plugin).is_ok());
  }
  void connect_with(AuthTokenOptions at_server) {
    add(*lab_.server_node, std::move(at_server));
    EXPECT_TRUE(lab_.run(lab_.server_node->start())->is_ok());
    lab_.connect();
    // Inside of the plugin's layer: it sees whom handlers see.
    lab_.server_node->add_middleware(std::make_shared<Peeker>([this](InterceptedCall& call) {
      const auto* peer = call.state().get<AuthenticatedPeer>();
      seen_ = peer != nullptr ? *peer : std::optional<AuthenticatedPeer>();
    }));
  }
  std::string token_of(const std::string& subject, Duration good_for,
                       std::vector<std::string> scopes = {}) {
    TokenClaims claims(subject, lab_.server_node->loop().wall_time() + good_for);
    claims.scopes = std::move(scopes);
    auto token = sign_token(kKey, claims);
    EXPECT_TRUE(token) << token.status();
    return *token;
  }
  static CallOptions with(const std::string& token) {
    return CallOptions().metadata("authorization", "Bearer " + token);
  }
  Status echo(CallOptions options = {}) {
    auto reply = lab_.run(lab_.client().Echo(text("hello"), std::move(options)));
    return reply ? reply->status() : Status(StatusCode::kInternal, "took too long");
  }

  std::vector<std::string> log_;
  Lab lab_{options(log_)};
  std::optional<AuthenticatedPeer> seen_;
};

TEST_P(AuthTokens, LetThroughWhoHasAGoodOneAndNobodyElse) {
  connect_with(accepting());
  const std::string good = token_of("ann", 1h, {"move"});
  const std::string expired = token_of("ann", -1s);
  std::vector<CallOptions> bad;
  bad.push_back(CallOptions());
  bad.push_back(with("wrong"));
  bad.push_back(with(expired));
  bad.push_back(with(good + "A"));
  bad.push_back(with(good).metadata("authorization", "Bearer " + good));
  bad.push_back(CallOptions().metadata("authorization", good));
  bad.push_back(CallOptions().metadata("authorization", "Basic " + good));
  bad.push_back(CallOptions().metadata("authorization", "Bearer  " + good));
  bad.push_back(CallOptions().metadata("authorization", ""));
  bad.push_back(CallOptions().metadata("authorization", "Bearer "));
  std::optional<Status> first;
  for (CallOptions& options : bad) {
    const Status status = echo(std::move(options));
    EXPECT_EQ(status.code(), StatusCode::kUnauthenticated);
    if (!first) first = status;
    EXPECT_EQ(status, *first) << "the same words, whatever was wrong";
  }
  EXPECT_EQ(lab_.server_handler->calls, 0);

  EXPECT_TRUE(echo(with(good)).is_ok());
  ASSERT_TRUE(seen_);
  EXPECT_EQ(seen_->subject(), "ann");
  EXPECT_TRUE(seen_->has_scope("move"));
  EXPECT_FALSE(seen_->has_scope("mov"));
  EXPECT_EQ(seen_->proof(), AuthenticatedPeer::Proof::kSignedToken);
  EXPECT_TRUE(echo(CallOptions().metadata("authorization", "bEARER " + good)).is_ok());
  EXPECT_TRUE(echo(with(kCamera)).is_ok());
  EXPECT_EQ(seen_->subject(), "camera");
}

TEST_P(AuthTokens, RulesDecideByMethod) {
  AuthTokenOptions options = accepting();
  AuthRule echo_rule({"lab.v1.Lab/Echo"});
  echo_rule.allow_anyone = true;
  AuthRule sum({"lab.v1.Lab/Sum", "lab.v1.Lab/Fail"});
  sum.allow_scopes = {"see"};
  options.rules = {echo_rule, sum};
  connect_with(std::move(options));
  EXPECT_TRUE(echo().is_ok());
  EXPECT_FALSE(seen_);
  EXPECT_TRUE(echo(with(kCamera)).is_ok());
  EXPECT_TRUE(seen_) << "known although it need not be";
  EXPECT_TRUE(echo(with("wrong")).is_ok());
  const auto fail = [&](CallOptions chosen) {
    return lab_.run(lab_.client().Fail(text(""), std::move(chosen)))->status().code();
  };
  EXPECT_EQ(fail({}), StatusCode::kUnauthenticated);
  EXPECT_EQ(fail(with(token_of("ann", 1h, {"move"}))), StatusCode::kPermissionDenied);
  auto delayed = lab_.run(lab_.client().Delay(text(""), with(kCamera)));
  EXPECT_EQ(delayed->status().code(), StatusCode::kPermissionDenied) << "no rule names it";
}

TEST_P(AuthTokens, GuardEventsStreamsAndSubscriptionsToo) {
  connect_with(accepting());
  (void)lab_.run(lab_.client().Note(text("unproved")));
  (void)lab_.run(lab_.client().Note(text("proved"), with(kCamera)));
  lab_.run_for(100ms);
  EXPECT_THAT(lab_.server_handler->notes, ::testing::ElementsAre("proved"));

  const auto end_of = [&](CallOptions options) {
    Count ten;
    ten.set_count(10);
    auto reader = lab_.run(lab_.client().CountUp(ten, std::move(options)));
    int frames = 0;
    while (*lab_.run(reader->next())) ++frames;
    return std::pair(frames, reader->status().code());
  };
  EXPECT_EQ(end_of({}), std::pair(0, StatusCode::kUnauthenticated));
  EXPECT_EQ(end_of(with(kCamera)), std::pair(10, StatusCode::kOk));

  auto news = lab_.run(lab_.client().News(Filter()));
  lab_.run_for(50ms);
  lab_.server_handler->PublishNews(text("secret"));
  EXPECT_FALSE(*lab_.run(news->next()));
  EXPECT_EQ(news->status().code(), StatusCode::kUnauthenticated);
}

TEST_P(AuthTokens, EndAStreamWhenTheyExpire) {
  AuthTokenOptions options = accepting();
  options.leeway = 5s;
  connect_with(std::move(options));
  // Whole seconds count in tokens.
  Loop& server = lab_.server_node->loop();
  const auto part = server.wall_time().time_since_epoch() % 1s;
  lab_.run_for(1s - part);
  const std::string token = token_of("ann", 90s);
  const WallTime expires = server.wall_time() + 95s;
  Ticks forever;
  forever.set_count(2000);
  forever.set_pause_ms(100);
  auto reader = lab_.run(lab_.client().Tick(forever, with(token)));
  std::int64_t frames = 0;
  while (*lab_.run(reader->next())) ++frames;
  EXPECT_EQ(reader->status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(reader->status().message(), "the token has expired");
  EXPECT_NEAR(static_cast<double>(frames), 950, 3);
  const Duration late = server.wall_time() - expires;
  EXPECT_GE(late, 0ms);
  EXPECT_LE(late, 20ms) << "the way back";
  EXPECT_EQ(lab_.server_handler->running, 0) << "its handler is gone";
  EXPECT_EQ(echo(with(token)).code(), StatusCode::kUnauthenticated);
}

TEST_P(AuthTokens, EndASubscriptionThatNothingIsPublishedTo) {
  connect_with(accepting());
  auto news = lab_.run(lab_.client().News(Filter(), with(token_of("ann", 20s))));
  EXPECT_FALSE(*lab_.run(news->next(), 30s));
  EXPECT_EQ(news->status().code(), StatusCode::kUnauthenticated);
}

TEST_P(AuthTokens, LetStreamsOutliveThemWhenToldTo) {
  AuthTokenOptions options = accepting();
  options.end_streams_at_expiry = false;
  connect_with(std::move(options));
  Ticks some;
  some.set_count(300);
  some.set_pause_ms(100);
  auto reader = lab_.run(lab_.client().Tick(some, with(token_of("ann", 5s))));
  int frames = 0;
  while (*lab_.run(reader->next())) ++frames;
  EXPECT_EQ(frames, 300);
  EXPECT_TRUE(reader->status().is_ok());
}

TEST_P(AuthTokens, AStreamThatEndsOrIsDroppedBeforeLeavesNothing) {
  connect_with(accepting());
  const std::string token = token_of("ann", 1h);
  {
    auto writer_and_reader = lab_.run(lab_.client().Mirror(with(token)));
    lab_.run_for(50ms);
    EXPECT_EQ(lab_.server_handler->running, 1);
  }
  lab_.run_for(50ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
  Count ten;
  ten.set_count(10);
  auto reader = lab_.run(lab_.client().CountUp(ten, with(token)));
  while (*lab_.run(reader->next())) {
  }
  EXPECT_TRUE(reader->status().is_ok());
  lab_.run_for(2h);
}

TEST_P(AuthTokens, C07_AreNeverLogged) {
  connect_with(accepting());
  const std::string good = token_of("ann", 1h);
  (void)echo(with("SeCrEtSeCrEtSeCrEt"));
  (void)echo(with(good.substr(0, good.size() - 1)));
  (void)echo(with(token_of("ann", -1h)));
  (void)echo(with(good));
  EXPECT_THAT(log_, Contains(HasSubstr("auth_token: refused a token for lab.v1.Lab/Echo")));
  EXPECT_THAT(log_, Contains(HasSubstr("it has expired")));
  EXPECT_THAT(log_, Each(Not(HasSubstr("SeCrEt"))));
  EXPECT_THAT(log_, Each(Not(HasSubstr(good.substr(good.size() - 20, 19)))));
  EXPECT_THAT(log_, Each(Not(HasSubstr("eyJ")))) << "how every JWT begins";
}

TEST_P(AuthTokens, O01_AFloodOfBadOnesLogsAFewLines) {
  connect_with(accepting());
  for (int i = 0; i < 200; ++i) (void)echo(with("bad" + std::to_string(i)));
  EXPECT_LE(log_.size(), 20u);
  EXPECT_GE(log_.size(), 10u);
}

// The server keeps time whatever the network does: its handler is gone at the expiry, and the
// client hears of it when something gets through.
TEST(AuthTokensOnBadNetworks, EndTheirStreamsInTime) {
  for_each_seed(20, [](std::uint64_t seed) {
    Lab::Options chosen;
    chosen.seed = seed;
    chosen.link.delay = 20ms;
    chosen.link.jitter = 30ms;
    chosen.link.loss = 0.1;
    Lab lab(chosen);
    AuthTokenOptions accept;
    accept.keys.push_back(kKey);
    accept.leeway = 0s;
    auto plugin = make_auth_token_plugin(std::move(accept));
    ASSERT_TRUE(plugin && lab.server_node->add_plugin(*plugin).is_ok());
    lab.connect();
    Loop& server = lab.server_node->loop();
    const WallTime expires(
        std::chrono::ceil<std::chrono::seconds>((server.wall_time() + 10s).time_since_epoch()));
    const auto token = sign_token(kKey, TokenClaims("ann", expires));
    ASSERT_TRUE(token) << token.status();
    Ticks forever;
    forever.set_count(2000);
    forever.set_pause_ms(37);
    auto reader = lab.run(
        lab.client().Tick(forever, CallOptions().metadata("authorization", "Bearer " + *token)));
    lab.run_for(expires - server.wall_time() - 1ms);
    EXPECT_EQ(lab.server_handler->running, 1) << seed;
    lab.run_for(2ms);
    EXPECT_EQ(lab.server_handler->running, 0) << seed;
    const std::int64_t written = lab.server_handler->ticks;
    std::int64_t read = 0;
    while (*lab.run(reader->next())) ++read;
    EXPECT_EQ(reader->status().code(), StatusCode::kUnauthenticated) << seed;
    EXPECT_LE(read, written) << seed;
    EXPECT_LE(server.wall_time() - expires, 5s) << seed;
  });
}

INSTANTIATE_TEST_SUITE_P(Wires, AuthTokens, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

TEST(AuthTokenOnRealSockets, LetsThroughWhoHasAGoodToken) {
  RealNodes nodes;
  AuthTokenOptions accept;
  accept.keys.push_back(kKey);
  ASSERT_TRUE(nodes.server->add_plugin(*make_auth_token_plugin(std::move(accept))).is_ok());
  AuthTokenOptions show;
  auto token = sign_token(kKey, TokenClaims("ann", nodes.loop->wall_time() + 1h));
  ASSERT_TRUE(token) << token.status();
  show.send = fixed_token(*token);
  show.send_for = {"lab.v1.Lab/Echo"};
  ASSERT_TRUE(nodes.client_node->add_plugin(*make_auth_token_plugin(std::move(show))).is_ok());
  nodes.connect();
  EXPECT_TRUE(nodes.run(nodes.client().Echo(text("hello"))));
  EXPECT_EQ(nodes.run(nodes.client().WhoAmI(text(""))).status().code(),
            StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace echostream::testing
