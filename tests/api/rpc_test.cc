#include <gmock/gmock.h>

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;

class Rpc : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void SetUp() override { lab_.connect(); }
  Lab lab_{options()};
};

TEST_P(Rpc, ReturnsTheReply) {
  auto reply = lab_.run(lab_.client().Echo(text("hello")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "hello");
}

TEST_P(Rpc, RunsManyCallsAtOnceAndEachGetsItsOwnReply) {
  constexpr int kCalls = 3000;  // more than the peer allows at once
  int done = 0;
  for (int i = 0; i < kCalls; ++i) {
    then(lab_.client_node->tasks(), lab_.client().Echo(text(std::to_string(i))),
         [&done, i](Result<Text> reply) {
           ASSERT_TRUE(reply) << reply.status();
           EXPECT_EQ(reply->text(), std::to_string(i));
           ++done;
         });
  }
  EXPECT_TRUE(lab_.sim.run_until([&] { return done == kCalls; }, 60s)) << done;
}

TEST_P(Rpc, EitherEndCallsTheOther) {
  Text request = text("round");
  request.set_number(41);
  auto reply = lab_.run(lab_.client().CallBack(request));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->number(), 42);
  auto from_server = lab_.at_server->client<lab::v1::Lab>().Echo(text("other way"));
  std::optional<Result<Text>> slot;
  TaskGroup group(lab_.server_node->loop());
  group.spawn(internal::store(std::move(from_server), slot));
  ASSERT_TRUE(lab_.sim.run_until([&] { return slot.has_value(); }, 5s));
  EXPECT_EQ((*slot)->text(), "other way");
}

TEST_P(Rpc, CarriesStatusMessageAndDetails) {
  Text request = text("no such robot");
  request.set_number(static_cast<int>(StatusCode::kNotFound));
  request.set_payload("which one");
  auto reply = lab_.run(lab_.client().Fail(request));
  ASSERT_TRUE(reply && !*reply);
  EXPECT_EQ(reply->error().code(), StatusCode::kNotFound);
  EXPECT_EQ(reply->error().message(), "no such robot");
  ASSERT_EQ(reply->error().details().size(), 1u);
  EXPECT_EQ(reply->error().details()[0].value, "which one");
}

TEST_P(Rpc, TurnsAHandlersExceptionIntoInternalAndLivesOn) {
  auto reply = lab_.run(lab_.client().Throw(text("")));
  ASSERT_TRUE(reply && !*reply);
  EXPECT_EQ(reply->error().code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(reply->error().message()),
              ::testing::Not(::testing::HasSubstr("mistake")));
  EXPECT_TRUE(*lab_.run(lab_.client().Echo(text("still there"))));
}

TEST_P(Rpc, CarriesMetadataBothWays) {
  Metadata response;
  auto reply = lab_.run(lab_.client().Echo(
      text("m"), CallOptions().metadata("x-echo", "42").response_metadata(&response)));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ(lab_.server_handler->last_metadata.find("x-echo"), "42");
  EXPECT_EQ(response.find("x-echo"), "42");
}

TEST_P(Rpc, EndsWithDeadlineExceededOnBothSides) {
  Text request;
  request.set_number(10'000);
  const LocalTime before = lab_.client_loop().now();
  auto reply = lab_.run(lab_.client().Delay(request, CallOptions().timeout(200ms)));
  ASSERT_TRUE(reply && !*reply);
  EXPECT_EQ(reply->error().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(lab_.client_loop().now() - before, 200ms);
  lab_.run_for(100ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
  EXPECT_EQ(lab_.server_handler->cancelled, 1);
}

TEST_P(Rpc, TakesTheDeadlineFromTheIdl) {
  Text request;
  request.set_number(1);
  ASSERT_TRUE(*lab_.run(lab_.client().Delay(request)));
  EXPECT_NE(lab_.server_handler->last_deadline, kNever);
  EXPECT_LE(lab_.server_handler->last_deadline - lab_.server_node->loop().now(), 60s);
}

TEST_P(Rpc, DroppingTheTaskCancelsTheHandler) {
  {
    TaskGroup group(lab_.client_loop());
    Text request;
    request.set_number(60'000);
    std::optional<Result<Text>> slot;
    group.spawn(internal::store(lab_.client().Delay(request), slot));
    lab_.run_for(50ms);
    EXPECT_EQ(lab_.server_handler->running, 1);
  }
  lab_.run_for(50ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
  EXPECT_EQ(lab_.server_handler->cancelled, 1);
}

TEST_P(Rpc, NestedCallsInheritTheDeadline) {
  ASSERT_TRUE(*lab_.run(lab_.client().CallBack(text("n"), CallOptions().timeout(2s))));
  const Duration left = lab_.client_handler->last_deadline - lab_.client_loop().now();
  EXPECT_LE(left, 2s);
  EXPECT_GT(left, 1s);
}

TEST_P(Rpc, RefusesAMessageAboveThePeersLimitWithoutSendingIt) {
  lab_.run_for(50ms);  // the peer's settings arrive
  Text at_limit;
  at_limit.set_payload(std::string(1024 * 1024 - 8, 'x'));
  ASSERT_LE(at_limit.ByteSizeLong(), 1024u * 1024u);
  EXPECT_TRUE(*lab_.run(lab_.client().Echo(at_limit)));
  Text above;
  above.set_payload(std::string(1024 * 1024 + 1, 'x'));
  auto reply = lab_.run(lab_.client().Echo(above));
  ASSERT_TRUE(reply && !*reply);
  EXPECT_EQ(reply->error().code(), StatusCode::kResourceExhausted);
}

TEST_P(Rpc, RefusesBadMetadataKeys) {
  auto reply = lab_.run(lab_.client().Echo(text(""), CallOptions().metadata("Upper\r\n", "x")));
  ASSERT_TRUE(reply && !*reply);
  EXPECT_EQ(reply->error().code(), StatusCode::kInvalidArgument);
}

TEST_P(Rpc, EndsWithUnavailableWhenTheSessionCloses) {
  Text request;
  request.set_number(60'000);
  std::optional<Result<Text>> slot;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Delay(request), slot));
  lab_.run_for(50ms);
  lab_.at_server->close("maintenance");
  ASSERT_TRUE(lab_.sim.run_until([&] { return slot.has_value(); }, 5s));
  EXPECT_EQ(slot->error().code(), StatusCode::kUnavailable) << slot->error();
  auto later = lab_.run(lab_.client().Echo(text("")));
  EXPECT_EQ(later->error().code(), StatusCode::kUnavailable);
}

TEST_P(Rpc, ShutdownLetsRunningCallsFinishAndRefusesNewOnes) {
  Text request;
  request.set_number(500);
  std::optional<Result<Text>> slow;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Delay(request), slow));
  lab_.run_for(50ms);
  TaskGroup stopping(lab_.server_node->loop());
  stopping.spawn(lab_.server_node->shutdown(5s));
  lab_.run_for(100ms);
  auto refused = lab_.run(lab_.client().Echo(text("late")));
  EXPECT_EQ(refused->error().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(lab_.sim.run_until([&] { return slow.has_value(); }, 5s));
  EXPECT_TRUE(*slow) << slow->status();
  lab_.run_for(1s);
  EXPECT_FALSE(lab_.at_client->is_open());
}

Task<void> call_until(Lab& lab, const bool& stop) {
  auto client = lab.client();
  while (!stop) (void)co_await client.Echo(text("again"));
}

TEST_P(Rpc, CallingAClosedSessionInALoopLeavesOthersTheirTurn) {
  lab_.at_client->close("done");
  lab_.run_for(50ms);
  bool stop = false;
  int turns = 0;
  TaskGroup group(lab_.client_loop());
  group.spawn(call_until(lab_, stop));
  group.spawn([](bool& done, int& count) -> Task<void> {
    for (; count < 100; ++count) co_await yield_now();
    done = true;
  }(stop, turns));
  lab_.run_for(1ms);
  EXPECT_EQ(turns, 100);
}

TEST_P(Rpc, ShutdownLetsItsOwnCallsFinish) {
  Text request;
  request.set_number(300);
  std::optional<Result<Text>> slot;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Delay(request), slot));
  lab_.run_for(50ms);
  group.spawn([](Node& node) -> Task<void> { co_await node.shutdown(5s); }(*lab_.client_node));
  ASSERT_TRUE(lab_.sim.run_until([&] { return slot.has_value(); }, 5s));
  EXPECT_TRUE(*slot) << slot->status();
}

TEST_P(Rpc, ANodeMayBeDestroyedWhileOthersWaitInItsShutdownOrConnect) {
  Text request;
  request.set_number(60'000);
  std::optional<Result<Text>> slot;
  std::optional<Result<Session>> dialled;
  bool stopped = false;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(lab_.client().Delay(request), slot));
  group.spawn(internal::store(lab_.client_node->connect("10.0.0.99:1"), dialled));
  group.spawn([](Node& node, bool& done) -> Task<void> {
    co_await node.shutdown(50s);
    done = true;
  }(*lab_.client_node, stopped));
  lab_.run_for(100ms);
  lab_.client_node.reset();
  ASSERT_TRUE(lab_.sim.run_until([&] { return slot && dialled && stopped; }, 1s));
  EXPECT_FALSE(*slot);
  EXPECT_FALSE(*dialled);
}

INSTANTIATE_TEST_SUITE_P(Wires, Rpc, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

}  // namespace
}  // namespace echostream::testing
