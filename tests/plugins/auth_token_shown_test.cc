// What auth_token shows to whom.
#include <gmock/gmock.h>

#include "echostream/plugins/auth_token.h"

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// Certificates are there over QUIC only.
class ShownTokens : public ::testing::Test {
 protected:
  struct World {
    bool client_has_certificate = false;
    bool client_trusts_anybody = false;
    Duration delay = 5ms;
  };
  void make(const World& world) {
    Lab::Options options;
    options.link.delay = world.delay;
    const auto keep = [this](LogLevel, std::string_view line) { log_.emplace_back(line); };
    options.tune_client = [&](NodeOptions& client) {
      client.log = keep;
      if (world.client_trusts_anybody) client.trust = Trust::insecure_accept_any();
      if (world.client_has_certificate) client.identity = client_identity_;
    };
    options.tune_server = [&](NodeOptions& server) {
      server.log = keep;
      server_fingerprint_ = server.identity->fingerprint();
      if (world.client_has_certificate) {
        server.client_trust = Trust::pinned({client_identity_.fingerprint()});
      }
    };
    lab_ = std::make_unique<Lab>(options);
  }
  void add(Node& node, AuthTokenOptions options) {
    auto plugin = make_auth_token_plugin(std::move(options));
    ASSERT_TRUE(plugin) << plugin.status();
    ASSERT_TRUE(node.add_plugin(*plugin).is_ok());
  }
  static AuthTokenOptions showing(const std::string& token) {
    AuthTokenOptions options;
    options.send = fixed_token(token);
    return options;
  }
  std::string named(const Fingerprint& fingerprint) { return "sha256:" + fingerprint.to_string(); }
  std::optional<std::string> shown() {
    auto reply = lab_->run(lab_->client().Echo(text("")));
    EXPECT_TRUE(reply && *reply) << reply->status();
    const auto value = lab_->server_handler->last_metadata.find("authorization");
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }

  std::vector<std::string> log_;
  Identity client_identity_ = *Identity::self_signed("client", WallTime(946'684'800s), 876'000h);
  std::optional<Fingerprint> server_fingerprint_;
  std::unique_ptr<Lab> lab_;
};

TEST_F(ShownTokens, GoToAVerifiedPeer) {
  make({});
  add(*lab_->client_node, showing("abc"));
  lab_->connect();
  EXPECT_EQ(shown(), "Bearer abc");
  EXPECT_EQ(shown(), "Bearer abc");
}

TEST_F(ShownTokens, LeaveThoseOfTheProgramAlone) {
  make({});
  add(*lab_->client_node, showing("abc"));
  lab_->connect();
  auto reply = lab_->run(
      lab_->client().Echo(text(""), CallOptions().metadata("authorization", "Bearer other")));
  ASSERT_TRUE(reply && *reply);
  EXPECT_EQ(lab_->server_handler->last_metadata.find("authorization"), "Bearer other");
}

TEST_F(ShownTokens, DoNotGoToAPeerThatNobodyHasVerified) {
  make({.client_trusts_anybody = true});
  int fetched = 0;
  AuthTokenOptions options;
  options.send = [&fetched] {
    ++fetched;
    return fixed_token("abc")();
  };
  add(*lab_->client_node, std::move(options));
  lab_->connect();
  EXPECT_EQ(shown(), std::nullopt);
  EXPECT_EQ(fetched, 0);
  EXPECT_THAT(log_, Contains(HasSubstr("no token is shown to 10.0.0.1:4433")));
}

TEST_F(ShownTokens, GoToItWhenThatIsAskedFor) {
  make({.client_trusts_anybody = true});
  AuthTokenOptions options = showing("abc");
  options.send_to_unverified_peers = true;
  add(*lab_->client_node, std::move(options));
  lab_->connect();
  EXPECT_EQ(shown(), "Bearer abc");
}

TEST_F(ShownTokens, GoToThoseThatAreNamedOnly) {
  for (const bool is_named : {true, false}) {
    make({});
    AuthTokenOptions options = showing("abc");
    options.send_to = {named(is_named ? *server_fingerprint_ : client_identity_.fingerprint())};
    add(*lab_->client_node, std::move(options));
    lab_->connect();
    EXPECT_EQ(shown().has_value(), is_named);
  }
}

TEST_F(ShownTokens, GoWithTheMethodsThatAreNamedOnly) {
  make({});
  AuthTokenOptions options = showing("abc");
  options.send_for = {"lab.v1.Lab/Sum"};
  add(*lab_->client_node, std::move(options));
  lab_->connect();
  EXPECT_EQ(shown(), std::nullopt);
}

TEST_F(ShownTokens, OfAServerDoNotGoToClientsWithoutACertificate) {
  for (const bool has_certificate : {false, true}) {
    make({.client_has_certificate = has_certificate});
    add(*lab_->server_node, showing("abc"));
    lab_->connect();
    auto reply = lab_->run(lab_->client().CallBack(text("")));
    ASSERT_TRUE(reply && *reply) << reply->status();
    EXPECT_EQ(lab_->client_handler->last_metadata.find("authorization").has_value(),
              has_certificate);
  }
}

TEST_F(ShownTokens, WaitForTheHandshakeOfASessionWithEarlyData) {
  make({});
  add(*lab_->client_node, showing("abc"));
  lab_->connect();
  lab_->run_for(500ms);
  lab_->at_client->close();
  lab_->run_for(500ms);
  ConnectOptions early;
  early.early_data = true;
  auto session = lab_->run(lab_->client_node->connect("10.0.0.1:4433", early));
  ASSERT_TRUE(session && *session);
  ASSERT_FALSE((*session)->is_open());
  auto reply = lab_->run((*session)->client<lab::v1::Lab>().Echo(text("")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ(lab_->server_handler->last_metadata.find("authorization"), "Bearer abc");
  EXPECT_FALSE(lab_->server_handler->was_early);
}

TEST_F(ShownTokens, OfAPersistentSessionWaitUntilItsPeerIsKnown) {
  make({});
  add(*lab_->client_node, showing("abc"));
  EXPECT_TRUE(lab_->run(lab_->client_node->start())->is_ok());
  auto persistent = lab_->client_node->keep_connected("10.0.0.1:4433");
  ASSERT_TRUE(persistent) << persistent.status();
  std::optional<Result<Text>> slot;
  TaskGroup group(lab_->client_loop());
  group.spawn(internal::store(persistent->client<lab::v1::Lab>().Echo(text("")), slot));
  lab_->run_for(100ms);
  EXPECT_FALSE(slot);
  ASSERT_TRUE(lab_->server_node->listen("10.0.0.1:4433"));
  ASSERT_TRUE(lab_->sim.run_until([&] { return slot.has_value(); }, 1min));
  EXPECT_TRUE(*slot) << slot->status();
  EXPECT_EQ(lab_->server_handler->last_metadata.find("authorization"), "Bearer abc");
  // One that must not wait says so.
  lab_->server_node.reset();
  lab_->run_for(1min);
  auto reply =
      lab_->run(persistent->client<lab::v1::Lab>().Echo(text(""), CallOptions().fail_fast()));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status().code(), StatusCode::kUnavailable);
}

// Tokens that last ten seconds, over an hour of virtual time; the first key is replaced meanwhile.
TEST_F(ShownTokens, AreRenewedWithoutACallThatFails) {
  make({});
  AuthTokenOptions accept;
  accept.keys = {TokenKey("old", std::string(32, 'o')), TokenKey("new", std::string(32, 'n'))};
  accept.leeway = 0s;
  add(*lab_->server_node, accept);
  AuthTokenOptions show;
  Loop& loop = lab_->client_loop();
  int signed_tokens = 0;
  show.refresh_before = 3s;
  show.send = [&]() -> Task<Result<BearerToken>> {
    return [](Loop& clock, int& count, std::vector<TokenKey> keys) -> Task<Result<BearerToken>> {
      (void)co_await sleep_for(150ms);
      const WallTime expires = clock.wall_time() + 10s;
      auto token = sign_token(keys[++count > 200 ? 1 : 0], TokenClaims("ann", expires));
      if (!token) co_return std::move(token).error();
      BearerToken made(*std::move(token), expires);
      co_return made;
    }(loop, signed_tokens, accept.keys);
  };
  add(*lab_->client_node, std::move(show));
  lab_->connect();
  int failed = 0;
  for (int i = 0; i < 3600; ++i) {
    auto reply = lab_->run(lab_->client().Echo(text("")));
    if (!reply || !*reply) ++failed;
    lab_->run_for(1s);
  }
  EXPECT_EQ(failed, 0);
  EXPECT_GT(signed_tokens, 400);
  EXPECT_LT(signed_tokens, 600);
}

TEST_F(ShownTokens, ThatAPeerDoesNotTakeAreFetchedAnew) {
  make({});
  AuthTokenOptions accept;
  accept.static_tokens.push_back(*StaticToken::of("0123456789abcdef", "ann"));
  add(*lab_->server_node, std::move(accept));
  AuthTokenOptions show;
  std::string current = "the-token-of-yesterday";
  show.send = [&current] { return fixed_token(current)(); };
  add(*lab_->client_node, std::move(show));
  lab_->connect();
  EXPECT_EQ(lab_->run(lab_->client().Echo(text("")))->status().code(),
            StatusCode::kUnauthenticated);
  current = "0123456789abcdef";
  lab_->run_for(1s);
  EXPECT_TRUE(*lab_->run(lab_->client().Echo(text(""))));
}

TEST_F(ShownTokens, WhoseSourceFailsFailTheCallWithItsReason) {
  make({});
  AuthTokenOptions show;
  show.send = file_token("/nonexistent/token");
  add(*lab_->client_node, std::move(show));
  lab_->connect();
  auto reply = lab_->run(lab_->client().Echo(text("")));
  ASSERT_TRUE(reply && !*reply);
  EXPECT_THAT(std::string(reply->error().message()),
              HasSubstr("no token: cannot read the secret '/nonexistent/token'"));
  EXPECT_EQ(lab_->server_handler->calls, 0);
}

TEST_F(ShownTokens, AreNotNeededByWhomACertificateLetsIn) {
  make({.client_has_certificate = true});
  AuthTokenOptions accept;
  AuthRule rule({"*"});
  rule.allow_peers = {named(client_identity_.fingerprint())};
  accept.rules = {rule};
  add(*lab_->server_node, std::move(accept));
  lab_->connect();
  EXPECT_TRUE(*lab_->run(lab_->client().Echo(text(""))));

  make({.client_has_certificate = true});
  rule.allow_peers = {named(*server_fingerprint_), "dns:client"};
  AuthTokenOptions other;
  other.rules = {rule};
  add(*lab_->server_node, std::move(other));
  lab_->connect();
  EXPECT_EQ(lab_->run(lab_->client().Echo(text("")))->status().code(),
            StatusCode::kPermissionDenied)
      << "pinned: its name counts for nothing";
}

TEST_F(ShownTokens, RulesForMethodsThatNobodyServesAreWarnedOf) {
  make({});
  AuthTokenOptions accept;
  AuthRule rule({"lab.v1.Lab/Echo", "lab.v1.Lab/Ecko", "lab.v2.*", "*"});
  rule.allow_anyone = true;
  accept.rules = {rule};
  add(*lab_->server_node, std::move(accept));
  lab_->connect();
  EXPECT_THAT(log_, Contains(HasSubstr("a rule names 'lab.v1.Lab/Ecko', but no service here")));
  EXPECT_THAT(log_, Contains(HasSubstr("a rule names 'lab.v2.*'")));
  EXPECT_THAT(log_, Not(Contains(HasSubstr("a rule names 'lab.v1.Lab/Echo'"))));
  EXPECT_THAT(log_, Not(Contains(HasSubstr("a rule names '*'"))));
}

}  // namespace
}  // namespace echostream::testing
