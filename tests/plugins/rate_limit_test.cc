#include "echostream/plugins/rate_limit.h"

#include <gmock/gmock.h>

#include "echostream/plugins/auth_token.h"

#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"
#include "tests/support/layers.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Text;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

using Per = RateRule::Per;
using What = RateRule::What;

class RateLimits : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options(std::vector<std::string>& log) {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    chosen.tune_server = [&log](NodeOptions& server) {
      server.log = [&log](LogLevel, std::string_view line) { log.emplace_back(line); };
    };
    return chosen;
  }
  std::shared_ptr<RateLimitPlugin> add(Node& node, std::vector<RateRule> rules) {
    RateLimitOptions options;
    options.rules = std::move(rules);
    auto plugin = make_rate_limit_plugin(std::move(options));
    EXPECT_TRUE(plugin) << plugin.status();
    EXPECT_TRUE(node.add_plugin(*plugin).is_ok());
    EXPECT_TRUE(lab_.run(node.start())->is_ok());
    return *plugin;
  }
  static RateRule rule(double per_second, double burst, std::string methods = "*") {
    return RateRule({std::move(methods)}, per_second, burst);
  }
  Status echo(CallOptions options = {}) {
    auto reply = lab_.run(lab_.client().Echo(text("hello"), std::move(options)));
    return reply ? reply->status() : Status(StatusCode::kInternal, "took too long");
  }
  // Many at once; how each ended, and when.
  struct End {
    StatusCode code;
    Duration after;
  };
  std::vector<End> echo_at_once(int count, CallOptions options = {}) {
    std::vector<End> ends;
    const LocalTime begin = lab_.client_loop().now();
    for (int i = 0; i < count; ++i) {
      CallOptions copy = options;
      then(lab_.client_node->tasks(), lab_.client().Echo(text(""), std::move(copy)),
           [&, begin](const Result<Text>& reply) {
             ends.push_back({reply.status().code(), lab_.client_loop().now() - begin});
           });
    }
    const auto all = static_cast<std::size_t>(count);
    EXPECT_TRUE(lab_.sim.run_until([&] { return ends.size() == all; }, 2min));
    return ends;
  }

  std::vector<std::string> log_;
  Lab lab_{options(log_)};
};

TEST_P(RateLimits, RefuseWhatIsTooMuchAndSayWhenToComeBack) {
  auto plugin = add(*lab_.server_node, {rule(2, 3)});
  lab_.connect();
  std::string retry_after;
  lab_.client_node->add_middleware(
      std::make_shared<Peeker>(Peeker::Look(), [&](InterceptedCall& call, Status&) {
        retry_after = call.trailing_metadata().find("retry-after-ms").value_or("");
      }));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(echo().is_ok()) << i;
  const Status refused = echo();
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("too many calls; try again in "));
  ASSERT_FALSE(retry_after.empty());
  const int wait = std::stoi(retry_after);
  EXPECT_GT(wait, 400);
  EXPECT_LE(wait, 500);
  lab_.run_for(std::chrono::milliseconds(wait));
  EXPECT_TRUE(echo().is_ok()) << "the time that was told is enough";
  EXPECT_EQ(lab_.server_handler->calls, 4);
  EXPECT_EQ(plugin->stats().passed, 4u);
  EXPECT_EQ(plugin->stats().refused, 1u);
  EXPECT_EQ(plugin->stats().entries, 1u);
  EXPECT_THAT(log_, Contains(HasSubstr("rate_limit: refused lab.v1.Lab/Echo")));
}

TEST_P(RateLimits, KeepTheRateOverAMinute) {
  add(*lab_.server_node, {rule(10, 5)});
  lab_.connect();
  int passed = 0;
  const Duration begin = lab_.sim.elapsed();
  while (lab_.sim.elapsed() - begin < 60s) {
    if (echo().is_ok()) ++passed;
    lab_.run_for(7ms);
  }
  EXPECT_GE(passed, 595);
  EXPECT_LE(passed, 606);
}

TEST_P(RateLimits, CountEachMethodByItselfOrAllTogether) {
  RateRule apart = rule(0.001, 1), together = rule(0.001, 3);
  together.each_method = false;
  add(*lab_.server_node, {together, apart});
  lab_.connect();
  const auto delay = [&] { return lab_.run(lab_.client().Delay(text("")))->status().code(); };
  EXPECT_TRUE(echo().is_ok());
  EXPECT_EQ(echo().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(delay(), StatusCode::kOk);
  EXPECT_EQ(delay(), StatusCode::kResourceExhausted);
  // What one rule refused has taken nothing from the other.
  EXPECT_EQ(lab_.run(lab_.client().CallBack(text("")))->status().code(), StatusCode::kOk);
  EXPECT_EQ(lab_.run(lab_.client().WhoAmI(text("")))->status().code(),
            StatusCode::kResourceExhausted);
}

TEST_P(RateLimits, LetCallsWaitForTheirTurn) {
  RateRule patient = rule(10, 2);
  patient.max_wait = 1s;
  auto plugin = add(*lab_.server_node, {patient});
  lab_.connect();
  const auto ends = echo_at_once(20);
  int passed = 0;
  Duration last{};
  for (const End& end : ends) {
    if (end.code != StatusCode::kOk) {
      EXPECT_EQ(end.code, StatusCode::kResourceExhausted);
      EXPECT_LT(end.after, 50ms) << "refused at once";
      continue;
    }
    ++passed;
    last = std::max(last, end.after);
  }
  EXPECT_EQ(passed, 12) << "the burst, and those whose turn comes within a second";
  EXPECT_GE(last, 1s);
  EXPECT_LE(last, 1s + 30ms);
  EXPECT_EQ(plugin->stats().waited, 10u);
  EXPECT_EQ(plugin->stats().waiting, 0u);
}

TEST_P(RateLimits, BoundHowManyWait) {
  RateRule patient = rule(10, 1);
  patient.max_wait = 1min;
  patient.max_waiting = 5;
  auto plugin = add(*lab_.server_node, {patient});
  lab_.connect();
  int passed = 0;
  for (const End& end : echo_at_once(100)) passed += end.code == StatusCode::kOk ? 1 : 0;
  EXPECT_EQ(passed, 6);
  EXPECT_EQ(plugin->stats().refused, 94u);
}

TEST_P(RateLimits, ACallThatIsGivenUpWhileItWaitsGivesItsPlaceBack) {
  RateRule patient = rule(1, 1);
  patient.max_wait = 10s;
  auto plugin = add(*lab_.server_node, {patient});
  lab_.connect();
  EXPECT_TRUE(echo().is_ok());
  {
    TaskGroup group(lab_.client_loop());
    std::vector<std::optional<Result<Text>>> slots(9);
    for (auto& slot : slots) group.spawn(internal::store(lab_.client().Echo(text("")), slot));
    lab_.run_for(50ms);
    EXPECT_EQ(plugin->stats().waiting, 9u);
  }
  lab_.run_for(50ms);
  EXPECT_EQ(plugin->stats().waiting, 0u);
  const LocalTime begin = lab_.client_loop().now();
  EXPECT_TRUE(echo().is_ok());
  EXPECT_LE(lab_.client_loop().now() - begin, 1s);
  EXPECT_EQ(lab_.server_handler->calls, 2);
}

TEST_P(RateLimits, ACallWhoseDeadlineComesFirstIsRefusedAtOnce) {
  RateRule patient = rule(1, 1);
  patient.max_wait = 10s;
  auto plugin = add(*lab_.server_node, {patient});
  lab_.connect();
  EXPECT_TRUE(echo().is_ok());
  const LocalTime begin = lab_.client_loop().now();
  EXPECT_EQ(echo(CallOptions().timeout(500ms)).code(), StatusCode::kResourceExhausted);
  EXPECT_LE(lab_.client_loop().now() - begin, 20ms);
  EXPECT_EQ(plugin->stats().waiting, 0u);
}

TEST_P(RateLimits, CountEachPrincipalByItself) {
  AuthTokenOptions accept;
  AuthRule anyone({"*"});
  anyone.allow_anyone = true;
  accept.rules = {anyone};
  for (const char* name : {"ann", "bob"}) {
    accept.static_tokens.push_back(*StaticToken::of(std::string(16, '0') + name, name));
  }
  auto auth = make_auth_token_plugin(std::move(accept));
  ASSERT_TRUE(auth) << auth.status();
  ASSERT_TRUE(lab_.server_node->add_plugin(*auth).is_ok());
  RateRule each = rule(0.001, 2);
  each.per = Per::kPrincipal;
  add(*lab_.server_node, {each});
  lab_.connect();
  const auto as = [](const std::string& name) {
    return CallOptions().metadata("authorization", "Bearer " + std::string(16, '0') + name);
  };
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(echo(as("ann")).is_ok());
    EXPECT_TRUE(echo(as("bob")).is_ok());
    EXPECT_TRUE(echo().is_ok()) << "by address";
  }
  EXPECT_EQ(echo(as("ann")).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(echo(as("bob")).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(echo().code(), StatusCode::kResourceExhausted);
}

TEST_P(RateLimits, DropEventsThatAreTooMany) {
  add(*lab_.server_node, {rule(0.001, 3, "lab.v1.Lab/Note")});
  lab_.connect();
  for (int i = 0; i < 10; ++i) (void)lab_.run(lab_.client().Note(text(std::to_string(i))));
  lab_.run_for(100ms);
  EXPECT_THAT(lab_.server_handler->notes, ::testing::ElementsAre("0", "1", "2"));
  EXPECT_TRUE(echo().is_ok());
}

TEST_P(RateLimits, EndAStreamWhoseMessagesAreTooMany) {
  RateRule messages = rule(10, 20, "lab.v1.Lab/Mirror");
  messages.what = What::kMessages;
  add(*lab_.server_node, {messages});
  lab_.connect();
  // A tenth of a second apart they pass; at once they do not.
  auto stream = lab_.run(lab_.client().Mirror());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(lab_.run(stream->writer.write(text("a")))->is_ok()) << i;
    ASSERT_TRUE(*lab_.run(stream->reader.next())) << i;
    lab_.run_for(100ms);
  }
  for (int i = 0; i < 50; ++i) (void)lab_.run(stream->writer.write(text("a")));
  while (*lab_.run(stream->reader.next())) {
  }
  EXPECT_EQ(stream->reader.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(stream->reader.status().message()), HasSubstr("too many messages"));
  EXPECT_TRUE(stream->reader.trailing_metadata().find("retry-after-ms"));
}

TEST_P(RateLimits, RefuseRequestsThatAreTooLargeForTheirRate) {
  RateRule bytes = rule(1000, 4000, "lab.v1.Lab/Echo");
  bytes.what = What::kBytes;
  add(*lab_.server_node, {bytes});
  lab_.connect();
  const auto send = [&](std::size_t size) {
    Text request;
    request.set_payload(std::string(size, 'x'));
    return lab_.run(lab_.client().Echo(request))->status().code();
  };
  EXPECT_EQ(send(3000), StatusCode::kOk);
  EXPECT_EQ(send(3000), StatusCode::kResourceExhausted);
  lab_.run_for(3s);
  EXPECT_EQ(send(3000), StatusCode::kOk);
  lab_.run_for(4s);
  EXPECT_EQ(send(9000), StatusCode::kOk) << "more than the burst, from a full bucket";
  lab_.run_for(4s);
  EXPECT_EQ(send(100), StatusCode::kResourceExhausted) << "which it has to pay for";
  lab_.run_for(6s);
  EXPECT_EQ(send(100), StatusCode::kOk);
}

TEST_P(RateLimits, SmoothTheCallsThatThisNodeMakes) {
  RateRule own = rule(10, 1);
  own.side = RateRule::Side::kCaller;
  own.per = Per::kNode;
  own.max_wait = 1min;
  auto plugin = add(*lab_.client_node, {own});
  lab_.connect();
  const auto ends = echo_at_once(51);
  for (const End& end : ends) EXPECT_EQ(end.code, StatusCode::kOk);
  EXPECT_GE(ends.back().after, 5s);
  EXPECT_LE(ends.back().after, 5s + 50ms);
  EXPECT_EQ(plugin->stats().waited, 50u);
}

INSTANTIATE_TEST_SUITE_P(Wires, RateLimits, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

TEST(RateLimitsPerSession, CountEachSessionByItself) {
  for (const Per per : {Per::kSession, Per::kPeerAddress, Per::kNode}) {
    Lab::Options quiet;
    quiet.tune_server = [](NodeOptions& server) { server.log = [](LogLevel, std::string_view) {}; };
    Lab lab(quiet);
    RateRule rule({"*"}, 0.001, 1);
    rule.per = per;
    RateLimitOptions options;
    options.rules = {rule};
    auto plugin = make_rate_limit_plugin(std::move(options));
    ASSERT_TRUE(plugin && lab.server_node->add_plugin(*plugin).is_ok());
    lab.connect();
    const auto echo = [&](const Session& session) {
      return lab.run(session.client<lab::v1::Lab>().Echo(text("")))->status().code();
    };
    EXPECT_EQ(echo(*lab.at_client), StatusCode::kOk);
    EXPECT_EQ(echo(*lab.at_client), StatusCode::kResourceExhausted);
    auto second = lab.run(lab.client_node->connect("10.0.0.1:4433"));
    ASSERT_TRUE(second && *second);
    EXPECT_EQ(echo(**second),
              per == Per::kSession ? StatusCode::kOk : StatusCode::kResourceExhausted);
  }
}

TEST(RateLimitRules, ThatCannotBeMeantAreRefusedByTheirNumber) {
  const auto refusal = [](const std::function<void(RateRule&)>& spoil) {
    RateLimitOptions options;
    options.rules.resize(2);
    spoil(options.rules[1]);
    const auto plugin = make_rate_limit_plugin(std::move(options));
    EXPECT_FALSE(plugin);
    return plugin ? "" : std::string(plugin.error().message());
  };
  EXPECT_THAT(refusal([](RateRule& rule) { rule.methods = {}; }),
              HasSubstr("rate rule 2: names no methods"));
  EXPECT_THAT(refusal([](RateRule& rule) { rule.methods = {"lab"}; }), HasSubstr("'lab'"));
  EXPECT_THAT(refusal([](RateRule& rule) { rule.per_second = 0; }), HasSubstr("per_second"));
  EXPECT_THAT(refusal([](RateRule& rule) { rule.per_second = NAN; }), HasSubstr("per_second"));
  EXPECT_THAT(refusal([](RateRule& rule) { rule.burst = 0.5; }), HasSubstr("burst must be 1"));
  EXPECT_THAT(refusal([](RateRule& rule) {
                rule.per_second = 1e-6;
                rule.burst = 1000;
              }),
              HasSubstr("years"));
  EXPECT_THAT(refusal([](RateRule& rule) { rule.max_wait = 2min; }), HasSubstr("max_wait"));
  EXPECT_THAT(refusal([](RateRule& rule) {
                rule.max_wait = 1s;
                rule.what = What::kBytes;
              }),
              HasSubstr("cannot wait"));
  EXPECT_THAT(refusal([](RateRule& rule) {
                rule.side = RateRule::Side::kCaller;
                rule.per = Per::kPrincipal;
              }),
              HasSubstr("principal"));
  RateLimitOptions options;
  options.max_entries = 1;
  EXPECT_FALSE(make_rate_limit_plugin(std::move(options)));
}

TEST(RateLimitOnRealSockets, RefusesWhatIsTooMuch) {
  RealNodes nodes;
  RateLimitOptions options;
  options.rules.emplace_back(std::vector<std::string>{"*"}, 0.001, 5);
  auto plugin = make_rate_limit_plugin(std::move(options));
  ASSERT_TRUE(plugin && nodes.server->add_plugin(*plugin).is_ok());
  nodes.connect();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(nodes.run(nodes.client().Echo(text(""))));
  EXPECT_EQ(nodes.run(nodes.client().Echo(text(""))).status().code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace echostream::testing
