#include "echostream/plugins/retry.h"

#include <gmock/gmock.h>

#include <deque>

#include "echostream/middleware.h"

#include "tests/plugins/real_nodes.h"
#include "tests/sim/station.h"
#include "tests/support/lab.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers in place of the handler, as it is told to.
class Flaky final : public Middleware {
 public:
  struct Failure {
    StatusCode code = StatusCode::kUnavailable;
    std::string retry_after;
    Duration delay{};
  };
  std::deque<Failure> failures;
  bool always_fails = false;
  /// Of all requests, those that failed too: 1, and what came in `echostream-attempt`.
  std::vector<std::string> attempts;

  std::string_view name() const override { return "flaky"; }
  Task<Status> serve(InterceptedCall& call, Next next) override {
    attempts.emplace_back(call.metadata().find("echostream-attempt").value_or("1"));
    if (always_fails) co_return Status(StatusCode::kUnavailable, "out of order");
    if (failures.empty()) {
      Status status = co_await next();
      co_return status;
    }
    const Failure failure = failures.front();
    failures.pop_front();
    if (failure.delay > Duration::zero()) (void)co_await sleep_for(failure.delay);
    if (!failure.retry_after.empty()) {
      call.trailing_metadata().add("retry-after-ms", failure.retry_after);
    }
    co_return Status(failure.code, "out of order");
  }
};

std::shared_ptr<RetryPlugin> retries(const std::function<void(RetryPolicy&)>& change) {
  RetryOptions options;
  change(options.policies[0]);
  auto plugin = make_retry_plugin(std::move(options));
  EXPECT_TRUE(plugin) << plugin.status();
  return *plugin;
}

class Retries : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void start(const std::function<void(RetryPolicy&)>& change = [](RetryPolicy&) {}) {
    plugin_ = retries(change);
    ASSERT_TRUE(lab_.client_node->add_plugin(plugin_).is_ok());
    lab_.server_node->add_middleware(flaky_);
    lab_.connect();
  }
  Result<Text> echo(CallOptions options = {}) {
    return *lab_.run(lab_.client().Echo(text("again"), std::move(options)));
  }
  void fail(int times, Flaky::Failure failure = {}) {
    for (int i = 0; i < times; ++i) flaky_->failures.push_back(failure);
  }

  std::shared_ptr<Flaky> flaky_ = std::make_shared<Flaky>();
  std::shared_ptr<RetryPlugin> plugin_;
  Lab lab_{options()};
};

TEST_P(Retries, SaveACallFromFailuresThatPass) {
  start();
  fail(2);
  auto reply = echo(CallOptions().metadata("x-echo", "kept"));
  ASSERT_TRUE(reply) << reply.status();
  EXPECT_EQ(reply->text(), "again");
  EXPECT_THAT(flaky_->attempts, ElementsAre("1", "2", "3"));
  EXPECT_EQ(lab_.server_handler->last_metadata.find("x-echo"), "kept");
  EXPECT_EQ(plugin_->stats().calls, 1U);
  EXPECT_EQ(plugin_->stats().retries, 2U);
  EXPECT_EQ(plugin_->stats().recovered, 1U);
}

TEST_P(Retries, EndWithTheLastFailureAndSayHowManyThereWere) {
  start();
  fail(3);
  const Status status = echo().status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("after 3 attempts: out of order"));
  EXPECT_EQ(plugin_->stats().stopped_by_attempts, 1U);
}

TEST_P(Retries, LeaveOtherFailuresAlone) {
  start();
  for (const StatusCode code : {StatusCode::kNotFound, StatusCode::kInternal,
                                StatusCode::kResourceExhausted, StatusCode::kDeadlineExceeded}) {
    fail(1, {code, "", {}});
    EXPECT_EQ(echo().status().message(), "out of order");
  }
  EXPECT_EQ(flaky_->attempts.size(), 4U);
}

TEST_P(Retries, NeverRepeatWhatIsNotIdempotent) {
  start();
  flaky_->always_fails = true;
  EXPECT_FALSE(*lab_.run(lab_.client().Throw(text(""))));
  EXPECT_FALSE(*lab_.run(lab_.client().Delay(text(""))));
  EXPECT_EQ(flaky_->attempts.size(), 2U);
  EXPECT_EQ(plugin_->stats().calls, 0U);
}

TEST_P(Retries, GiveUpAnAttemptThatTakesTooLong) {
  start([](RetryPolicy& policy) {
    policy.attempt_timeout = 200ms;
    policy.initial_backoff = 10ms;
  });
  fail(1, {StatusCode::kInternal, "", 10s});
  const Duration before = lab_.sim.elapsed();
  EXPECT_TRUE(echo());
  EXPECT_LT(lab_.sim.elapsed() - before, 250ms);
  EXPECT_THAT(flaky_->attempts, ElementsAre("1", "2"));
}

TEST_P(Retries, KeepTheCallsOwnDeadlineOverAllAttempts) {
  start([](RetryPolicy& policy) {
    policy.max_attempts = 10;
    policy.attempt_timeout = 200ms;
    policy.initial_backoff = 1ms;
    policy.max_backoff = 1ms;
  });
  fail(10, {StatusCode::kInternal, "", 10s});
  const Duration before = lab_.sim.elapsed();
  const Status status = echo(CallOptions().timeout(500ms)).status();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded) << status;
  EXPECT_GE(lab_.sim.elapsed() - before, 500ms);
  EXPECT_LE(lab_.sim.elapsed() - before, 510ms);
  EXPECT_EQ(flaky_->attempts.size(), 3U);
}

TEST_P(Retries, DoNotWaitForAnAttemptThatWouldComeTooLate) {
  start();
  fail(1, {StatusCode::kUnavailable, "5000", {}});
  const Duration before = lab_.sim.elapsed();
  EXPECT_EQ(echo(CallOptions().timeout(1s)).status().code(), StatusCode::kUnavailable);
  EXPECT_LT(lab_.sim.elapsed() - before, 50ms);
  EXPECT_EQ(plugin_->stats().stopped_by_deadline, 1U);
}

TEST_P(Retries, ComeAgainWhenTheServerSays) {
  start();
  fail(1, {StatusCode::kResourceExhausted, "700", {}});
  const Duration before = lab_.sim.elapsed();
  EXPECT_TRUE(echo());
  EXPECT_GE(lab_.sim.elapsed() - before, 700ms);
  EXPECT_LT(lab_.sim.elapsed() - before, 800ms);
  fail(1, {StatusCode::kUnavailable, "-1", {}});
  EXPECT_FALSE(echo()) << "not at all, it said";
  EXPECT_EQ(plugin_->stats().stopped_by_peer, 1U);
}

TEST_P(Retries, StopWithTheSession) {
  start([](RetryPolicy& policy) { policy.max_attempts = 10; });
  fail(1, {StatusCode::kUnavailable, "", 100ms});
  std::optional<Result<Text>> reply;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Echo(text("a")), reply));
  lab_.run_for(50ms);
  const Duration before = lab_.sim.elapsed();
  lab_.at_client->close("enough");
  ASSERT_TRUE(lab_.sim.run_until([&] { return reply.has_value(); }, 10s));
  EXPECT_EQ(reply->status().code(), StatusCode::kUnavailable);
  EXPECT_LT(lab_.sim.elapsed() - before, 10ms) << "nothing is waited for";
  EXPECT_EQ(plugin_->stats().retries, 0U);
}

TEST_P(Retries, EndWithACallThatIsDroppedBetweenAttempts) {
  start([](RetryPolicy& policy) { policy.initial_backoff = 2s; });
  flaky_->always_fails = true;
  std::optional<Result<Text>> reply;
  {
    TaskGroup group(lab_.client_loop());
    group.spawn(internal::store(lab_.client().Echo(text("a")), reply));
    lab_.run_for(20ms);
  }
  lab_.run_for(10s);
  EXPECT_FALSE(reply);
  EXPECT_LE(flaky_->attempts.size(), 2U);
}

Task<void> call_often(Lab& lab, int calls, int& failed) {
  for (int i = 0; i < calls; ++i) {
    auto reply = co_await lab.client().Echo(text("a"));
    if (!reply) ++failed;
  }
}

TEST_P(Retries, R11_AddATenthOfTheLoadAtMostWhileNothingWorks) {
  start([](RetryPolicy& policy) {
    policy.max_attempts = 5;
    policy.initial_backoff = 1ms;
  });
  flaky_->always_fails = true;
  int failed = 0;
  TaskGroup group(lab_.client_loop());
  for (int i = 0; i < 20; ++i) group.spawn(call_often(lab_, 100, failed));
  ASSERT_TRUE(lab_.sim.run_until([&] { return failed == 2000; }, 60s));
  EXPECT_LE(flaky_->attempts.size(), 2000U * 11 / 10 + 10);
  EXPECT_GE(flaky_->attempts.size(), 2000U * 11 / 10) << "but it uses what it has";
  EXPECT_EQ(plugin_->stats().retries + 2000, flaky_->attempts.size());
  EXPECT_GT(plugin_->stats().stopped_by_budget, 0U);
  // Once it works again there is a budget again.
  flaky_->always_fails = false;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(echo());
  fail(1);
  EXPECT_TRUE(echo());
}

TEST_P(Retries, GoByTheFirstPolicyThatNamesTheMethod) {
  RetryOptions options;
  options.policies.resize(2);
  options.policies[0].methods = {"lab.v1.Lab/Echo"};
  options.policies[0].max_attempts = 2;
  options.policies[1].max_attempts = 5;
  auto plugin = make_retry_plugin(options);
  ASSERT_TRUE(plugin) << plugin.status();
  ASSERT_TRUE(lab_.client_node->add_plugin(*plugin).is_ok());
  lab_.server_node->add_middleware(flaky_);
  lab_.connect();
  flaky_->always_fails = true;
  EXPECT_FALSE(echo());
  EXPECT_EQ(flaky_->attempts.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Wires, Retries, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& each) {
                           return each.param == Wire::kMemory ? "Memory" : "Quic";
                         });

// A server that is started again and again, for callers who do not want to wait for a session.
TEST(RetriesOfPersistentSessions, CarryIdempotentCallsOverRestartsAndNothingTwice) {
  for_each_seed(20, [](std::uint64_t seed) {
    StationOptions options = Station::defaults(seed);
    options.reconnect.fail_fast = true;
    options.reconnect.attempt_timeout = 300ms;
    options.reconnect.max_delay = 300ms;
    options.reconnect.retry_share = 0;
    options.reconnect.retry_burst = 0;
    options.link.loss = 0.02;
    Station station(options);
    auto plugin = retries([](RetryPolicy& policy) {
      policy.max_attempts = 10;
      policy.initial_backoff = 200ms;
      policy.retry_share = 1;
      policy.retry_burst = 1000;
    });
    ASSERT_TRUE(station.client_node->add_plugin(plugin).is_ok());
    station.start_server();
    station.keep_connected();
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    std::vector<std::optional<StationOutcome>> looks(60), acts(60);
    TaskGroup group(*station.client_loop);
    for (std::size_t i = 0; i < looks.size(); ++i) {
      const auto id = static_cast<std::int64_t>(i);
      group.spawn(internal::store(look(station, job(id, 20)), looks[i]));
      group.spawn(internal::store(act(station, job(1000 + id, 20)), acts[i]));
      station.sim.run_for(50ms);
      if (i % 20 == 10) station.stop_server();
      if (i % 20 == 15) station.start_server();
    }
    ASSERT_TRUE(station.wait_until([&] { return group.size() == 0; }));
    int failed_acts = 0;
    for (std::size_t i = 0; i < looks.size(); ++i) {
      EXPECT_TRUE(looks[i]->status.is_ok()) << i << ": " << looks[i]->status;
      if (!acts[i]->status.is_ok()) ++failed_acts;
    }
    EXPECT_GT(failed_acts, 0) << "the server was away while these were made";
    for (const auto& [id, times] : station.record.executed) {
      if (id >= 1000) {
        EXPECT_EQ(times, 1) << id;
      }
    }
    EXPECT_GT(plugin->stats().recovered, 0U);
  });
}

// Early data goes out while the session is not open yet; then the network is gone.
TEST(RetriesOfEarlyCalls, KeepTheCallsOwnDeadlineWhileTheSessionOpens) {
  Lab::Options options;
  options.link.delay = 10ms;
  Lab lab(options);
  auto plugin = retries([](RetryPolicy& policy) { policy.attempt_timeout = 200ms; });
  ASSERT_TRUE(lab.client_node->add_plugin(plugin).is_ok());
  lab.connect();
  lab.run_for(1s);
  lab.at_client->close();
  lab.run_for(2s);
  ConnectOptions early;
  early.early_data = true;
  auto session = lab.run(lab.client_node->connect("10.0.0.1:4433", early));
  ASSERT_TRUE(session && *session) << session->status();
  ASSERT_FALSE((*session)->is_open());
  LinkOptions cut = options.link;
  cut.cut = true;
  lab.sim.set_link("server", "client", cut);
  const Duration before = lab.sim.elapsed();
  auto reply =
      lab.run((*session)->client<lab::v1::Lab>().Echo(text("a"), CallOptions().timeout(1s)));
  EXPECT_EQ(reply->status().code(), StatusCode::kDeadlineExceeded) << reply->status();
  EXPECT_LE(lab.sim.elapsed() - before, 1010ms);
  EXPECT_EQ(plugin->stats().stopped_by_deadline, 1U);
}

TEST(RetriesOverTheLoopback, SaveACall) {
  RealNodes nodes;
  auto plugin = retries([](RetryPolicy& policy) { policy.initial_backoff = 1ms; });
  auto flaky = std::make_shared<Flaky>();
  flaky->failures = {{}, {}};
  ASSERT_TRUE(nodes.client_node->add_plugin(plugin).is_ok());
  nodes.server->add_middleware(flaky);
  nodes.connect();
  auto reply = nodes.run(nodes.client().Echo(text("again")));
  EXPECT_TRUE(reply) << reply.status();
  EXPECT_EQ(plugin->stats().recovered, 1U);
}

}  // namespace
}  // namespace echostream::testing
