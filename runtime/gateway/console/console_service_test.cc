#include "runtime/gateway/console/console_service.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "echostream/console.echostream.h"

#include "tests/support/lab.h"

namespace echostream::gateway {
namespace {

using console::v1::Snapshot;
using console::v1::WatchRequest;
using testing::Lab;
using testing::Wire;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

using ConsoleClient = console::v1::Console::Client;

/// What a watch has told, and how it ended.
struct Told {
  std::vector<Snapshot> snapshots;
  std::optional<Status> end;
  const Snapshot& last() const { return snapshots.back(); }
};

Task<void> watch(ConsoleClient client, std::uint32_t interval_ms, Told& told) {
  WatchRequest request;
  request.set_interval_ms(interval_ms);
  auto reader = co_await client.Watch(request);
  while (auto frame = co_await reader.next()) told.snapshots.push_back(frame->message);
  told.end = reader.status();
}

Task<void> take_ticks(lab::v1::Lab::Client client, lab::v1::Ticks request) {
  auto reader = co_await client.Tick(request);
  JitterBufferOptions buffer;
  buffer.enabled = true;
  (void)reader.set_jitter_buffer(buffer);
  while (auto frame = co_await reader.next()) {
  }
}

Task<void> take_news(lab::v1::Lab::Client client) {
  const lab::v1::Filter all;
  auto reader = co_await client.News(all);
  while (auto frame = co_await reader.next()) {
  }
}

class ConsoleOfNodes : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options lab_options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    chosen.server_limits.max_running_handlers = 1000;
    chosen.server_limits.max_subscriptions = 1000;
    return chosen;
  }
  void SetUp() override {
    for (Node* node : {lab_.server_node.get(), lab_.client_node.get()}) {
      const Status served = serve_console(*node);
      ASSERT_TRUE(served.is_ok()) << served;
    }
    lab_.connect();
  }
  ConsoleClient client() { return lab_.at_client->client<console::v1::Console>(); }
  void start_watch(std::uint32_t interval_ms, Told& told) {
    tasks_->spawn(watch(client(), interval_ms, told));
    lab_.run_for(100ms);
  }
  /// What the server says now.
  Snapshot look() {
    Told told;
    TaskGroup group(lab_.client_loop());
    group.spawn(watch(client(), 60'000, told));
    lab_.run_for(100ms);
    return told.snapshots.empty() ? Snapshot() : told.last();
  }
  void start_ticks() {
    lab::v1::Ticks request;
    request.set_count(100'000);
    request.set_interval_ms(20);
    request.set_pause_ms(20);
    request.set_captured_ms(
        (lab_.server_side->now().time_since_epoch() / std::chrono::milliseconds(1)));
    tasks_->spawn(take_ticks(lab_.client(), request));
  }

  Lab lab_{lab_options()};
  std::optional<TaskGroup> tasks_{std::in_place, lab_.client_loop()};
};

TEST_P(ConsoleOfNodes, TellsOfSessionsAndTheirClocks) {
  lab_.run_for(5s);
  const Snapshot now = look();
  EXPECT_EQ(now.sessions_open(), 1u);
  ASSERT_EQ(now.sessions_size(), 1);
  const console::v1::Session& session = now.sessions(0);
  EXPECT_GT(session.id(), 0u);
  EXPECT_EQ(session.protocol(), console::v1::Session::ECHOSTREAM);
  EXPECT_NEAR(session.open_for_ms(), 5000, 300);
  EXPECT_EQ(session.calls_running(), 1u);  // the watch
  if (GetParam() == Wire::kMemory) return;
  EXPECT_FALSE(session.peer_address().empty());
  EXPECT_NEAR(session.rtt_ms(), 10, 2);
  EXPECT_GT(session.bytes_received(), 0u);
  ASSERT_TRUE(session.has_clock());
  EXPECT_EQ(session.clock().state(), console::v1::Clock::TRACKING);
  EXPECT_LT(session.clock().bound_ms(), 20);
}

TEST_P(ConsoleOfNodes, CountsWhatStreamsSendWhileTheyRun) {
  start_ticks();
  lab_.run_for(3s);
  const Snapshot now = look();
  EXPECT_EQ(now.streams_running(), 1u);
  ASSERT_EQ(now.streams_size(), 1);
  const console::v1::Stream& stream = now.streams(0);
  EXPECT_EQ(stream.method(), "lab.v1.Lab/Tick");
  EXPECT_TRUE(stream.is_served());
  EXPECT_EQ(stream.session(), now.sessions(0).id());
  EXPECT_NEAR(stream.sent().messages_per_s(), 50, 5);
  EXPECT_GT(stream.sent().bytes(), 0u);
  EXPECT_FALSE(stream.has_jitter_buffer());
  tasks_.reset();
  lab_.run_for(1s);
  EXPECT_EQ(look().streams_running(), 0u);
}

TEST_P(ConsoleOfNodes, TellsOfTheJitterBufferOfWhatIsReceived) {
  start_ticks();
  lab_.run_for(3s);
  Told told;
  TaskGroup group(*lab_.server_side);
  group.spawn(watch(lab_.at_server->client<console::v1::Console>(), 200, told));
  lab_.run_for(500ms);
  ASSERT_FALSE(told.snapshots.empty());
  ASSERT_EQ(told.last().streams_size(), 1);
  const console::v1::Stream& stream = told.last().streams(0);
  EXPECT_FALSE(stream.is_served());
  EXPECT_NEAR(stream.received().messages_per_s(), 50, 5);
  ASSERT_TRUE(stream.has_jitter_buffer());
  EXPECT_GT(stream.jitter_buffer().frames_emitted(), 100u);
  EXPECT_GT(stream.jitter_buffer().target_delay_ms(), 0);
  if (GetParam() == Wire::kMemory) return;
  EXPECT_NEAR(stream.latency_ms(), 10, 2);  // the request had a way to go, too
}

TEST_P(ConsoleOfNodes, SubscriptionsAreStreamsToo) {
  tasks_->spawn(take_news(lab_.client()));
  lab_.run_for(100ms);
  const Snapshot now = look();
  ASSERT_EQ(now.streams_size(), 1);
  EXPECT_EQ(now.streams(0).method(), "lab.v1.Lab/News");
  EXPECT_EQ(now.streams(0).sent().messages(), 0u);
}

TEST_P(ConsoleOfNodes, WatchesAreNotAmongWhatTheyTell) {
  Told told;
  start_watch(200, told);
  EXPECT_EQ(look().streams_running(), 0u);
}

TEST_P(ConsoleOfNodes, NumbersStayAndAreNotUsedAgain) {
  tasks_->spawn(take_news(lab_.client()));
  lab_.run_for(100ms);
  const std::uint64_t session = look().sessions(0).id();
  const std::uint64_t first = look().streams(0).id();
  EXPECT_EQ(look().sessions(0).id(), session);
  EXPECT_EQ(look().streams(0).id(), first);
  tasks_.reset();
  lab_.run_for(100ms);
  TaskGroup more(lab_.client_loop());
  more.spawn(take_news(lab_.client()));
  lab_.run_for(100ms);
  EXPECT_NE(look().streams(0).id(), first);
}

TEST_P(ConsoleOfNodes, TheIntervalIsThatAskedForWithinItsBounds) {
  Told usual;
  start_watch(0, usual);
  Told often;
  start_watch(1, often);
  Told rarely;
  start_watch(4'000'000'000u, rarely);
  lab_.run_for(10s);
  EXPECT_NEAR(static_cast<double>(usual.snapshots.size()), 11, 1);
  EXPECT_NEAR(static_cast<double>(often.snapshots.size()), 51, 2);
  EXPECT_EQ(rarely.snapshots.size(), 1u);
  lab_.run_for(60s);
  EXPECT_EQ(rarely.snapshots.size(), 2u);
}

TEST_P(ConsoleOfNodes, ASessionThatWatchesTooMuchIsRefused) {
  std::vector<Told> told(kMostWatchesPerSession + 1);
  for (Told& one : told) start_watch(1000, one);
  for (std::size_t i = 0; i < kMostWatchesPerSession; ++i) EXPECT_FALSE(told[i].end);
  ASSERT_TRUE(told.back().end);
  EXPECT_EQ(told.back().end->code(), StatusCode::kResourceExhausted);
  tasks_.reset();
  lab_.run_for(500ms);
  EXPECT_EQ(look().sessions_size(), 1);
}

TEST_P(ConsoleOfNodes, TellsOfTheOldestWhenThereAreTooManyStreams) {
  for (std::size_t i = 0; i < kMostStreamsTold + 5; ++i) tasks_->spawn(take_news(lab_.client()));
  lab_.run_for(1s);
  const Snapshot now = look();
  EXPECT_EQ(now.streams_running(), kMostStreamsTold + 5);
  EXPECT_EQ(static_cast<std::size_t>(now.streams_size()), kMostStreamsTold);
  EXPECT_EQ(now.streams(0).id(), 1u);
}

TEST_P(ConsoleOfNodes, AWatchEndsSoonWhenTheNodeShutsDown) {
  Told told;
  start_watch(60'000, told);
  TaskGroup group(*lab_.server_side);
  group.spawn(lab_.server_node->shutdown(5s));
  lab_.run_for(1s);
  ASSERT_TRUE(told.end);
  EXPECT_EQ(told.end->code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(told.end->message()), HasSubstr("shutting down"));
}

TEST_P(ConsoleOfNodes, IsServedOnce) {
  EXPECT_EQ(serve_console(*lab_.server_node).code(), StatusCode::kAlreadyExists);
}

INSTANTIATE_TEST_SUITE_P(Wires, ConsoleOfNodes, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& tested) {
                           return tested.param == Wire::kMemory ? "InMemory" : "OverQuic";
                         });

}  // namespace
}  // namespace echostream::gateway
