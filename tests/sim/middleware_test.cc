// Middleware around calls whose sessions come and go, and around streams that lose frames.
#include <gmock/gmock.h>

#include "tests/sim/station.h"
#include "tests/support/imp.h"
#include "tests/support/layers.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using reconnect::v1::Item;
using reconnect::v1::Job;
using reconnect::v1::Topic;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Topic every(std::int64_t interval_ms) {
  Topic topic;
  topic.set_interval_ms(interval_ms);
  return topic;
}

Task<void> follow_position(Station& station, Topic topic, Received& received) {
  auto client = station.client();
  auto reader = co_await client.Position(topic);
  co_await collect(std::move(reader), received);
}

class MiddlewareOverTime : public ::testing::Test {
 protected:
  void start_server() {
    station_.start_server();
    for (const auto& layer : server_layers_) station_.server->add_middleware(layer);
  }
  void at_client(std::shared_ptr<Middleware> layer) {
    station_.client_node->add_middleware(std::move(layer));
  }
  void at_both(std::shared_ptr<Middleware> layer) {
    server_layers_.push_back(layer);
    at_client(std::move(layer));
  }

  Station station_{Station::defaults()};
  std::vector<std::shared_ptr<Middleware>> server_layers_;
  std::vector<std::string> trace_;
};

TEST_F(MiddlewareOverTime, ACallThatIsSentAgainOnANewSessionPassesTheLayersOnce) {
  int filtered = 0;
  at_client(std::make_shared<Tracer>("c", trace_));
  at_client(std::make_shared<Filterer>([&](CallMessage&) { return ++filtered, Status::ok(); }));
  at_both(std::make_shared<Filterer>(marked_with("mark:"), FilterPlace::kWire));
  start_server();
  station_.keep_connected();
  ASSERT_TRUE(station_.wait_for(ConnectionState::kConnected));
  TaskGroup group(*station_.client_loop);
  std::optional<StationOutcome> outcome;
  group.spawn(internal::store(look(station_, job(1, 200)), outcome));
  station_.sim.run_for(100ms);
  station_.stop_server();
  start_server();
  ASSERT_TRUE(station_.wait_until([&] { return outcome.has_value(); }));
  EXPECT_TRUE(outcome->status.is_ok()) << outcome->status;
  EXPECT_EQ(outcome->server, 2);
  EXPECT_EQ(station_.record.executed[1], 2);
  EXPECT_THAT(trace_, ElementsAre("c>", "c<OK"));
  EXPECT_EQ(filtered, 2) << "the request once, and the reply";
}

TEST_F(MiddlewareOverTime, AReaderResumesInsideItsLayersAndEndsWithWhatTheyReturn) {
  at_client(std::make_shared<Tracer>("c", trace_));
  at_client(std::make_shared<Peeker>(nullptr, [](InterceptedCall&, Status& status) {
    status = status.with_context("seen by a layer");
  }));
  at_both(std::make_shared<Filterer>(marked_with("mark:"), FilterPlace::kWire));
  start_server();
  station_.keep_connected();
  Received position;
  TaskGroup group(*station_.client_loop);
  group.spawn(follow_position(station_, every(50), position));
  for (int restart = 0; restart < 3; ++restart) {
    station_.sim.run_for(45s);
    restart == 1 ? station_.crash_server() : station_.stop_server();
    start_server();
  }
  station_.sim.run_for(45s);
  EXPECT_EQ(station_.record.streams, 4);
  EXPECT_EQ(position.frames.back().message.server(), 4);
  EXPECT_FALSE(position.end);
  EXPECT_THAT(trace_, ElementsAre("c>"));
  station_.persistent->close();
  ASSERT_TRUE(station_.wait_until([&] { return position.end.has_value(); }));
  EXPECT_EQ(position.end->code(), StatusCode::kUnavailable);
}

class Waiter final : public Layer {
 public:
  Task<Status> around(InterceptedCall& call, Next next) override {
    EXPECT_FALSE(call.session());
    auto session = co_await call.wait_session();
    if (!session) co_return session.error().with_context("waiter");
    EXPECT_TRUE(session->is_open());
    sessions.push_back(*session);
    Status status = co_await next();
    co_return status;
  }
  std::vector<Session> sessions;
};

TEST_F(MiddlewareOverTime, ALayerWaitsForTheSessionAsTheCallDoes) {
  const auto waiter = std::make_shared<Waiter>();
  at_client(waiter);
  station_.keep_connected();
  auto late = station_.run(look(station_, job(1), CallOptions().timeout(200ms)));
  EXPECT_EQ(late->status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(waiter->sessions, IsEmpty());
  auto impatient = station_.run(look(station_, job(2), CallOptions().fail_fast()));
  EXPECT_EQ(impatient->status.code(), StatusCode::kUnavailable);
  TaskGroup group(*station_.client_loop);
  std::optional<StationOutcome> outcome;
  group.spawn(internal::store(look(station_, job(3)), outcome));
  Received position;
  group.spawn(follow_position(station_, every(50), position));
  station_.sim.run_for(1s);
  start_server();
  ASSERT_TRUE(station_.wait_until([&] { return outcome && !position.frames.empty(); }));
  EXPECT_TRUE(outcome->status.is_ok()) << outcome->status;
  EXPECT_EQ(waiter->sessions.size(), 2u);
}

TEST_F(MiddlewareOverTime, AStreamCanBeDroppedInEveryStateOfItsSession) {
  at_client(std::make_shared<Sleeper>(20ms, 20ms));
  at_client(std::make_shared<Tracer>("c", trace_));
  station_.keep_connected();
  for (int step = 0; step < 40; ++step) {
    if (step % 10 == 3) start_server();
    if (step % 10 == 8) station_.stop_server();
    Received position;
    TaskGroup group(*station_.client_loop);
    group.spawn(follow_position(station_, every(10), position));
    station_.sim.run_for(std::chrono::milliseconds(7 * step));
    group.clear();
    station_.sim.run_for(37ms);
    EXPECT_FALSE(position.end) << step;
  }
  int entered = 0;
  for (const std::string& line : trace_) entered += line == "c>" ? 1 : -1;
  EXPECT_EQ(entered, 0) << "every layer that was entered was left or destroyed";
}

Task<void> play(Station& station, std::vector<std::uint64_t>& read, int& gaps) {
  auto client = station.client();
  auto reader = co_await client.Sound(every(20));
  while (auto playout = co_await reader.next_playout()) {
    if (!playout->frame) {
      ++gaps;
    } else {
      read.push_back(playout->frame->sequence);
    }
  }
}

TEST(MiddlewareUnderLoss, FiltersSeeTheFramesThatAreReadAndNoGaps) {
  int all_gaps = 0;
  for_each_seed(10, [&](std::uint64_t seed) {
    StationOptions options = Station::defaults(seed);
    options.link.loss = 0.05;
    options.link.jitter = 10ms;
    Station station(options);
    std::vector<std::uint64_t> sent, received, read;
    std::uint64_t lost = 0;
    const auto watch = [&](CallMessage& message) {
      if (!message.is_frame) return Status::ok();
      const bool is_sent = message.direction == CallMessage::Direction::kSent;
      (is_sent ? sent : received).push_back(message.sequence);
      if (!is_sent) {
        lost += message.lost_before;
        EXPECT_GT(message.duration, Duration::zero());
        EXPECT_GE(message.playout_time, message.time);
      }
      return Status::ok();
    };
    station.start_server();
    for (Node* node : {station.server.get(), station.client_node.get()}) {
      node->add_middleware(std::make_shared<Filterer>(watch));
      node->add_middleware(std::make_shared<Filterer>(marked_with("mark:"), FilterPlace::kWire));
    }
    station.keep_connected();
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    int gaps = 0;
    TaskGroup group(*station.client_loop);
    group.spawn(play(station, read, gaps));
    station.sim.run_for(20s);
    EXPECT_EQ(received, read);
    ASSERT_GT(read.size(), 800u);
    EXPECT_EQ(read.back() + 1, read.front() + read.size() + lost);
    EXPECT_GE(sent.size(), read.size() + lost);
    all_gaps += gaps;
  });
  EXPECT_GT(all_gaps, 0);
}

// ---- Everything at once

Task<void> ask(Station& station, Job what, bool idempotent, CallOptions options) {
  auto asking =
      idempotent ? look(station, what, std::move(options)) : act(station, what, std::move(options));
  (void)co_await std::move(asking);
}
Task<void> tell(Station& station, Job what, CallOptions options) {
  auto client = station.client();
  (void)co_await client.Tell(what, std::move(options));
}
Task<void> read(Station& station, int kind, CallOptions options) {
  auto client = station.client();
  const Topic topic = every(20);
  auto opening = kind == 0   ? client.Position(topic, std::move(options))
                 : kind == 1 ? client.News(topic, std::move(options))
                             : client.File(topic, std::move(options));
  auto reader = co_await std::move(opening);
  for (;;) {
    auto frame = co_await reader.next();
    if (!frame) co_return;
  }
}
Task<void> listen_to(Station& station, CallOptions options) {
  auto client = station.client();
  auto reader = co_await client.Sound(every(20), std::move(options));
  for (;;) {
    auto playout = co_await reader.next_playout();
    if (!playout) co_return;
  }
}
Task<void> upload(Station& station, CallOptions options) {
  auto client = station.client();
  auto stream = co_await client.Upload(std::move(options));
  for (int i = 0; i < 5; ++i) {
    Status written = co_await stream.write(Item());
    if (!written.is_ok()) break;
    (void)co_await sleep_for(20ms);
  }
  (void)co_await stream.finish();
}

Task<void> make_call(Station& station, Dice& dice, std::int64_t id) {
  // Those that resume would go on for ever.
  CallOptions options = CallOptions().timeout(1ms + dice.ms_below(6000));
  switch (const int kind = dice.below(7)) {
    case 0:
    case 1:
    case 2:
      return read(station, kind, std::move(options));
    case 3:
      return listen_to(station, std::move(options));
    case 4:
      return upload(station, std::move(options));
    case 5:
      return tell(station, job(id), std::move(options));
    default:
      return ask(station, job(id, dice.below(500)), dice.one_in(2), std::move(options));
  }
}

// Sessions come and go while layers do what they like: no call hangs, no layer stays.
TEST(MiddlewareAtRandom, L04_NoCallHangsAndNoLayerStaysOverPersistentSessions) {
  for_each_seed(40, [](std::uint64_t seed) {
    Dice dice(seed);
    int inside = 0;
    StationOptions options = Station::defaults(seed);
    options.link.loss = 0.02;
    options.tune_server = options.tune_client = [](NodeOptions& node) {
      node.log = [](LogLevel, std::string_view) {};
    };
    Station station(options);
    const auto start_server = [&] {
      station.start_server();
      for (int i = 0; i < 2; ++i) {
        station.server->add_middleware(std::make_shared<Imp>(dice, inside));
      }
    };
    for (int i = 0; i < 2; ++i) {
      station.client_node->add_middleware(std::make_shared<Imp>(dice, inside));
    }
    start_server();
    station.keep_connected();
    std::vector<std::unique_ptr<TaskGroup>> calls;
    for (int i = 0; i < 60; ++i) {
      calls.push_back(std::make_unique<TaskGroup>(*station.client_loop));
      calls.back()->spawn(make_call(station, dice, i));
      if (dice.one_in(5)) calls[static_cast<std::size_t>(dice.below(i + 1))]->clear();
      if (dice.one_in(3) && station.handler) station.handler->publish(i);
      station.sim.run_for(dice.ms_below(200));
      if (dice.one_in(8)) {
        dice.one_in(2) ? station.stop_server() : station.crash_server();
        station.sim.run_for(dice.ms_below(1000));
        start_server();
      }
    }
    if (dice.one_in(3)) station.persistent->close();
    if (dice.one_in(3)) station.client_node.reset();
    EXPECT_TRUE(station.wait_until(
        [&] {
          return std::all_of(calls.begin(), calls.end(),
                             [](const auto& call) { return call->size() == 0; });
        },
        120s))
        << "a call hangs";
    calls.clear();
    station.client_node.reset();
    station.sim.run_for(60s);
    EXPECT_EQ(inside, 0);
  });
}

}  // namespace
}  // namespace echostream::testing
