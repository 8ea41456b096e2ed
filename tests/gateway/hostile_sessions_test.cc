// Whether a client is let in, as whom, and until when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/middleware.h"
#include "echostream/plugin.h"
#include "echostream/plugins/auth_token.h"

#include "tests/gateway/hostile_lab.h"

namespace echostream::testing {
namespace {

using http3::Fields;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(HostileSessions, H04_RequestsBehindAGoawayAreRefusedAndThoseUnderWayEnd) {
  HostileLab lab;
  auto client = lab.attacker();
  const StreamId under_way = client->request(json_post("Delay", R"({"number": "1000"})"));
  lab.run_for(100ms);
  TaskGroup closing(*lab.server_side);
  closing.spawn(lab.server_node->shutdown(5s));
  lab.run_for(100ms);
  std::vector<StreamId> late;
  for (int i = 0; i < 50; ++i) late.push_back(client->request(json_post("Echo", "{}")));
  lab.run_for(100ms);
  for (const StreamId id : late) EXPECT_EQ(client->answer(id).reset_code, 0x10bu) << id.value;
  EXPECT_FALSE(client->is_closed());
  lab.run_for(1s);
  EXPECT_EQ(client->answer(under_way).status(), "200");
  EXPECT_EQ(lab.server_handler->calls, 1);
  EXPECT_TRUE(lab.wait([&] { return client->is_closed(); }));
}

// ---- Early data.

// Answers to requests that were sent before the handshake was complete.
class EarlyHttp {
 public:
  EarlyHttp() {
    auto first = lab.attacker();
    EXPECT_TRUE(lab.wait([&] { return first->ticket().has_value(); }));
    ticket_ = first->ticket().value_or("");
  }
  std::unique_ptr<RawHttpClient> dial() {
    RawHttpOptions options;
    options.ticket = ticket_;
    auto client = lab.start_attacker(std::move(options));
    EXPECT_TRUE(client->quic()->can_send_early());
    return client;
  }

  HostileLab lab;

 private:
  std::string ticket_;
};

TEST(HostileSessions, C04_EarlyRequestsThatAreIdempotentAreServedAtOnce) {
  EarlyHttp early;
  auto client = early.dial();
  const StreamId id = client->request(json_post("Echo", R"({"text": "early"})"));
  ASSERT_TRUE(early.lab.wait_answer(*client, id));
  EXPECT_EQ(client->answer(id).status(), "200") << client->close_reason();
  EXPECT_TRUE(early.lab.server_handler->was_early);
}

TEST(HostileSessions, C04_EarlyPostsWithSideEffectsWaitForTheHandshake) {
  EarlyHttp early;
  auto client = early.dial();
  const StreamId id = client->request(json_post("Delay", R"({"number": "1"})"));
  const StreamId event = client->request(json_post("Note", R"({"text": "early"})"));
  ASSERT_TRUE(early.lab.wait_answer(*client, id));
  EXPECT_EQ(client->answer(id).status(), "200");
  EXPECT_FALSE(early.lab.server_handler->was_early);
  EXPECT_EQ(client->answer(event).status(), "425") << "RFC 8470 5.2";
  EXPECT_TRUE(early.lab.server_handler->notes.empty());
  const StreamId again = client->request(json_post("Note", R"({"text": "again"})"));
  ASSERT_TRUE(early.lab.wait_answer(*client, again));
  EXPECT_EQ(client->answer(again).status(), "200");
  early.lab.run_for(10ms);
  EXPECT_THAT(early.lab.server_handler->notes, ::testing::ElementsAre("again"));
}

// ---- Plugins that look at sessions.

class Doorkeeper final : public Plugin {
 public:
  std::string_view name() const override { return "doorkeeper"; }
  Task<Status> on_session_opening(Node&, Session) override {
    ++asked;
    Duration patience = wait;
    const WaitResult result = co_await sleep_for(patience);
    if (result == WaitResult::kCancelled) co_return Status(StatusCode::kCancelled, "gone");
    Status answer = verdict;
    co_return answer;
  }
  Duration wait{};
  Status verdict = Status::ok();
  int asked = 0;
};

std::string get_of(const std::string& path) {
  return h3::frame(h3::kHeaders, h3::section({{":method", "GET"},
                                              {":scheme", "https"},
                                              {":authority", "10.0.0.1:4433"},
                                              {":path", path}}));
}

// The lab's own clients are let in at once.
struct GuardedLab {
  HttpOptions http{};
  std::shared_ptr<Doorkeeper> doorkeeper = std::make_shared<Doorkeeper>();
  HostileLab lab{
      {}, http, [this](Node& node) { EXPECT_TRUE(node.add_plugin(doorkeeper).is_ok()); }};
};

TEST(HostileSessions, NothingOfASessionThatIsHeldIsLookedAtAndLittleIsKept) {
  GuardedLab guarded;
  HostileLab& lab = guarded.lab;
  lab.run_for(10ms);  // its own sessions are let in
  guarded.doorkeeper->wait = 2s;
  auto client = lab.attacker();
  const StreamId first = client->request(json_post("Echo", R"({"text": "first"})"));
  const StreamId event = client->request(json_post("Note", R"({"text": "noted"})"));
  const std::size_t before = live_bytes();
  const std::string text(100'000, 'x');
  std::vector<StreamId> large;
  for (int i = 0; i < 200; ++i) {
    large.push_back(client->request(json_post("Echo", R"({"text": ")" + text + R"("})")));
  }
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    lab.run_for(15ms);
    most = std::max(most, live_bytes());
  }
  EXPECT_EQ(lab.server_handler->calls, 0);
  EXPECT_TRUE(lab.server_handler->notes.empty());
  // The client's own 20 MB are in it.
  EXPECT_LT(most, before + 45'000'000);
  lab.run_for(3s);
  EXPECT_EQ(client->answer(first).status(), "200");
  EXPECT_EQ(client->answer(event).status(), "200");
  EXPECT_FALSE(client->is_closed());
  guarded.doorkeeper->wait = {};
  lab.dial();
  EXPECT_TRUE(lab.serves_others());
}

// Each in the words of its protocol, whether it came before the verdict or after it.
TEST(HostileSessions, OneThatIsRefusedHearsWhyIsClosedAndNothingRan) {
  HttpOptions with_console;
  with_console.console = true;
  GuardedLab guarded{.http = with_console};
  HostileLab& lab = guarded.lab;
  lab.run_for(10ms);  // its own sessions are let in
  guarded.doorkeeper->wait = 100ms;
  guarded.doorkeeper->verdict = Status(StatusCode::kPermissionDenied, "not you");
  auto client = lab.attacker();
  std::vector<StreamId> unary = {
      client->request(json_post("Echo", "{}")),
      client->request(json_post("Echo", "{").substr(0, 20), false),
  };
  client->request(json_post("Note", R"({"text": "noted"})"));  // answered as it comes
  const std::string stream =
      h3::post("/lab.v1.Lab/CountUp", "application/connect+json") + h3::data(envelope("{}"));
  const std::string grpc = h3::post("/lab.v1.Lab/Sum", "application/grpc");
  const StreamId early_stream = client->request(stream);
  const StreamId early_grpc = client->request(grpc, false);
  lab.run_for(200ms);
  unary.push_back(client->request(json_post("Echo", "{}")));
  unary.push_back(client->request(get_of("/")));
  const StreamId late_stream = client->request(stream);
  const StreamId late_grpc = client->request(grpc, false);
  client->write(unary[1], json_post("Echo", "{").substr(20));
  lab.run_for(200ms);
  EXPECT_FALSE(client->is_closed()) << client->close_reason();
  for (const StreamId id : unary) {
    EXPECT_EQ(client->answer(id).status(), "403") << id.value;
    EXPECT_THAT(client->answer(id).body,
                AllOf(HasSubstr("permission_denied"), HasSubstr("not you")));
  }
  for (const StreamId id : {early_stream, late_stream}) {
    EXPECT_EQ(client->answer(id).status(), "200") << id.value;
    EXPECT_THAT(client->answer(id).body, HasSubstr("permission_denied"));
  }
  for (const StreamId id : {early_grpc, late_grpc}) {
    EXPECT_EQ(client->answer(id).head.get("grpc-status"), "7") << id.value;
    EXPECT_EQ(client->answer(id).head.get("grpc-message"), "not you") << id.value;
  }
  ASSERT_TRUE(lab.wait([&] { return client->is_closed(); }, 2s));
  EXPECT_EQ(client->close_code(), 0x100u) << "H3_NO_ERROR";
  EXPECT_THAT(client->close_reason(), HasSubstr("not you"));
  EXPECT_EQ(guarded.doorkeeper->asked, 3) << "of the lab's two sessions as well";
  EXPECT_EQ(lab.server_handler->calls, 0);
  EXPECT_TRUE(lab.server_handler->notes.empty());
  EXPECT_TRUE(lab.serves_others()) << "who was in before stays";
}

// ---- Bearer tokens.

constexpr char kToken[] = "0123456789abcdef-token";

// Says who calls.
class Whoever final : public Middleware {
 public:
  std::string_view name() const override { return "whoever"; }
  Task<Status> serve(InterceptedCall& call, Next next) override {
    subject.clear();
    const auto* peer = call.state().get<AuthenticatedPeer>();
    if (peer != nullptr) subject = peer->subject();
    return next();
  }
  std::string subject;
};

struct TokenLab {
  // Inside the plugin's own layer, which is added when the node starts.
  TokenLab() { lab.server_node->add_middleware(whoever); }
  static void prepare(Node& node) {
    AuthTokenOptions options;
    options.static_tokens = {StaticToken::of(kToken, "alice").value()};
    auto plugin = make_auth_token_plugin(std::move(options));
    ASSERT_TRUE(plugin) << plugin.status();
    EXPECT_TRUE(node.add_plugin(*plugin).is_ok());
  }
  std::string post(const Fields& more) {
    return lab.outcome(*client, json_post("Echo", "{}", more));
  }

  std::shared_ptr<Whoever> whoever = std::make_shared<Whoever>();
  HostileLab lab{{}, {}, prepare};
  std::unique_ptr<RawHttpClient> client = lab.attacker();
  const std::string bearer = std::string("Bearer ") + kToken;
};

TEST(HostileSessions, BearerTokensSayWhoCallsAndWithoutOneNobodyDoes) {
  TokenLab token;
  EXPECT_EQ(token.post({}), "401");
  EXPECT_EQ(token.post({{"authorization", "Bearer wrong-wrong-wrong-wrong"}}), "401");
  EXPECT_EQ(token.post({{"authorization", kToken}}), "401") << "no scheme";
  EXPECT_EQ(token.post({{"authorization", "Basic YWxpY2U6YWxpY2U="}}), "401");
  EXPECT_EQ(token.post({{"authorization", "Bearer " + std::string(6000, 'x')}}), "401");
  EXPECT_EQ(token.lab.server_handler->calls, 0);
  EXPECT_EQ(token.post({{"authorization", token.bearer}}), "200");
  EXPECT_EQ(token.whoever->subject, "alice");
  EXPECT_EQ(token.post({}), "401");
  EXPECT_EQ(token.lab.server_handler->calls, 1);
}

// With "authorization-keep" a peer of our own protocol asks to be remembered. Other pages, and
// other people behind a proxy, use the same HTTP connection: there it stands for nobody.
TEST(HostileSessions, ATokenIsNotRememberedForOthersOfAnHttpConnection) {
  TokenLab token;
  EXPECT_EQ(token.post({{"authorization", token.bearer}, {"authorization-keep", "1"}}), "200");
  EXPECT_EQ(token.post({}), "401");
}

}  // namespace
}  // namespace echostream::testing
