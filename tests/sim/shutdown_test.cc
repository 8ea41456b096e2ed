// L01: going down politely with work under way.
#include <gmock/gmock.h>

#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Piece;

TrafficOptions world() {
  TrafficOptions options;
  LinkOptions link;
  link.delay = 10ms;
  options.set_link(link);
  return options;
}

TEST(Shutdown, L01_LetsEveryCallUnderWayFinish) {
  TrafficPair pair(world());
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<StreamResult> download;
  auto reader = pair.run(pair.client.client().Download(order(300, 5ms, 1000)));
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(
      read_pieces(pair, pair.client, *std::move(reader), Delivery::kReliable), download));
  int answered = 0, refused = 0;
  for (int i = 1; i <= 200; ++i) {
    traffic::v1::Question asked = question(i, 2000);
    asked.set_work_ms(100 + 10 * i);
    then(pair.client.node->tasks(), pair.client.client().Ask(asked),
         [&, i](const Result<Answer>& answer) {
           if (answer) {
             ++answered;
             return;
           }
           // Its request crossed the GOAWAY: it may be asked again elsewhere, for it never ran.
           EXPECT_EQ(answer.error().code(), StatusCode::kUnavailable) << answer.error();
           EXPECT_FALSE(pair.server.handler->asked.contains(i)) << i;
           ++refused;
         });
  }
  pair.sim.run_for(60ms);
  std::optional<bool> stopped;
  TaskGroup stopping(*pair.server.loop);
  stopping.spawn([](Node& node, std::optional<bool>& done) -> Task<void> {
    co_await node.shutdown(10s);
    done = true;
  }(*pair.server.node, stopped));
  pair.sim.run_for(100ms);
  auto late = pair.run(pair.client.client().Ask(question(1000)));
  EXPECT_EQ(late->status().code(), StatusCode::kUnavailable) << late->status();
  // A new session gets no further than its handshake.
  auto late_session = pair.run(pair.client.node->connect("10.0.0.1:4433"));
  pair.sim.run_for(50ms);
  EXPECT_FALSE(*late_session && (*late_session)->is_open());
  ASSERT_TRUE(pair.wait_until([&] { return stopped.has_value(); }, 20s));
  EXPECT_EQ(answered + refused, 200);
  EXPECT_EQ(static_cast<std::size_t>(answered), pair.server.handler->asked.size());
  EXPECT_GT(answered, 20);
  pair.sim.run_for(100ms);
  ASSERT_TRUE(download);
  EXPECT_TRUE(download->status.is_ok()) << download->status;
  EXPECT_EQ(download->received, 300);
  EXPECT_LE(pair.now(), 10s);
  EXPECT_TRUE(pair.server.node->sessions().empty());
  pair.sim.run_for(100ms);
  EXPECT_FALSE(pair.client.session->is_open());
}

TEST(Shutdown, L01_EndsWhatTakesLongerThanTheGrace) {
  TrafficPair pair(world());
  ASSERT_TRUE(pair.connect().is_ok());
  traffic::v1::Question slow = question(1);
  slow.set_work_ms(60'000);
  std::optional<Result<Answer>> answer;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(pair.client.client().Ask(slow), answer));
  pair.sim.run_for(1s);
  const Duration asked_at = pair.now();
  TaskGroup stopping(*pair.server.loop);
  stopping.spawn(pair.server.node->shutdown(2s));
  ASSERT_TRUE(pair.wait_until([&] { return answer.has_value(); }, 20s));
  EXPECT_EQ(answer->status().code(), StatusCode::kUnavailable) << answer->status();
  EXPECT_GE(pair.now() - asked_at, 2s);
  EXPECT_LE(pair.now() - asked_at, 3s);
  ASSERT_TRUE(pair.wait_until([&] { return stopping.size() == 0; }, 5s));
  EXPECT_EQ(pair.server.handler->running, 0);
}

// Without a reset that says so nobody could know that it was not executed.
TEST(Shutdown, L01_CallsThatCrossTheFarewellOfAnIdleNodeAreRefusedUnseen) {
  for (const bool whole_node : {true, false}) {
    TrafficPair pair(world());
    ASSERT_TRUE(pair.connect().is_ok());
    pair.sim.run_for(1s);
    std::optional<Result<Answer>> answer;
    TaskGroup group(*pair.client.loop);
    TaskGroup stopping(*pair.server.loop);
    const Duration begun = pair.now();
    stopping.spawn(whole_node ? pair.server.node->shutdown(10s) : pair.server.session->drain(10s));
    group.spawn(internal::store(pair.client.client().Ask(question(1)), answer));
    ASSERT_TRUE(pair.wait_until([&] { return answer.has_value(); }, 5s));
    EXPECT_EQ(answer->status().code(), StatusCode::kUnavailable) << answer->status();
    EXPECT_THAT(answer->status().to_string(), ::testing::HasSubstr("did not look at the call"));
    EXPECT_FALSE(pair.server.handler->asked.contains(1));
    ASSERT_TRUE(pair.wait_until([&] { return stopping.size() == 0; }, 5s));
    EXPECT_LE(pair.now() - begun, 1s) << "it does not wait for its grace";
  }
}

TEST(Shutdown, StaysNoLongerThanItsGrace) {
  TrafficPair pair(world());
  ASSERT_TRUE(pair.connect().is_ok());
  TaskGroup stopping(*pair.server.loop);
  stopping.spawn(pair.server.node->shutdown(0s));
  pair.sim.run_for(12ms);  // the link takes ten
  EXPECT_FALSE(pair.client.session->is_open());
}

TEST(Shutdown, TasksThatAreAwaitedFirstWhenTheirNodeIsGoneEnd) {
  TrafficPair pair(world());
  Task<Result<Session>> dial = pair.client.node->connect("10.0.0.1:4433");
  Task<void> stop = pair.client.node->shutdown(1s);
  pair.client.node.reset();
  const auto session = pair.run(std::move(dial));
  EXPECT_EQ(session->status().code(), StatusCode::kUnavailable) << session->status();
  EXPECT_THAT(session->status().to_string(), ::testing::HasSubstr("the node was destroyed"));
  TaskGroup group(*pair.client.loop);
  group.spawn(std::move(stop));
  pair.sim.run_for(10ms);
  EXPECT_EQ(group.size(), 0u);
}

TEST(Shutdown, ADrainedSessionFinishesItsOwnCallsAndCloses) {
  TrafficPair pair(world());
  ASSERT_TRUE(pair.connect().is_ok());
  traffic::v1::Question slow = question(1);
  slow.set_work_ms(1000);
  std::optional<Result<Answer>> answer;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(pair.client.client().Ask(slow), answer));
  pair.sim.run_for(100ms);
  group.spawn(pair.client.session->drain(5s));
  ASSERT_TRUE(pair.wait_until([&] { return group.size() == 0; }, 10s));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(*answer) << answer->status();
  pair.sim.run_for(100ms);
  EXPECT_FALSE(pair.server.session->is_open());
}

Task<void> shut_down(Node& node) { co_await node.shutdown(10s); }

TEST(Shutdown, L01_WaitsUntilTheLastBytesOfFinishedCallsHaveArrived) {
  TrafficOptions slow;
  LinkOptions link;
  link.delay = 10ms;
  link.rate_bits_per_s = 1'000'000;
  slow.set_link(link);
  TrafficPair pair(slow);
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<StreamResult> result;
  auto reader = pair.run(pair.client.client().Download(order(200, 1ms, 1000)));
  TaskGroup group(*pair.client.loop);
  TaskGroup stopping(*pair.server.loop);
  group.spawn(internal::store(
      read_pieces(pair, pair.client, *std::move(reader), Delivery::kReliable), result));
  pair.sim.run_for(100ms);
  stopping.spawn(shut_down(*pair.server.node));
  ASSERT_TRUE(pair.wait_until([&] { return result.has_value(); }, 30s));
  EXPECT_TRUE(result->status.is_ok()) << result->status;
  EXPECT_EQ(result->received, 200);
}

TEST(Shutdown, L01_AHandlerUnderWayMayStillAskItsCaller) {
  TrafficPair pair(world());
  ASSERT_TRUE(pair.connect().is_ok());
  traffic::v1::Question asked = question(1);
  asked.set_work_ms(500);
  asked.set_ask_back(true);
  std::optional<Result<Answer>> answer;
  TaskGroup group(*pair.client.loop);
  TaskGroup stopping(*pair.server.loop);
  group.spawn(internal::store(pair.client.client().Ask(asked), answer));
  pair.sim.run_for(100ms);
  stopping.spawn(shut_down(*pair.server.node));
  ASSERT_TRUE(pair.wait_until([&] { return answer.has_value(); }, 30s));
  EXPECT_TRUE(*answer) << answer->status();
}

}  // namespace
}  // namespace echostream::testing
