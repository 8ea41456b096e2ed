// What becomes of subscriptions and streams when the session under them is lost.
#include <gmock/gmock.h>

#include "tests/sim/station.h"
#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using reconnect::v1::Item;
using reconnect::v1::Topic;

Topic every(std::int64_t interval_ms) {
  Topic topic;
  topic.set_interval_ms(interval_ms);
  return topic;
}

Task<void> follow_news(Station& station, Received& received) {
  auto client = station.client();
  auto reader = co_await client.News({});
  co_await collect(std::move(reader), received);
}
Task<void> follow_news_of_one_session(Station& station, Received& received) {
  auto client = station.client();
  auto reader = co_await client.NewsOfOneSession({});
  co_await collect(std::move(reader), received);
}
Task<void> follow_position(Station& station, Topic topic, Received& received,
                           CallOptions options = {}) {
  auto client = station.client();
  auto reader = co_await client.Position(topic, options);
  co_await collect(std::move(reader), received);
}
Task<void> download(Station& station, Topic topic, Received& received) {
  auto client = station.client();
  auto reader = co_await client.File(topic);
  co_await collect(std::move(reader), received);
}

TEST(PersistentStreams, ASubscriptionGoesOnAfterARestartWithTheKeptEventsFirst) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  Received news;
  TaskGroup group(*station.client_loop);
  group.spawn(follow_news(station, news));
  station.sim.run_for(1s);
  for (std::int64_t number = 1; number <= 3; ++number) station.handler->publish(number);
  station.sim.run_for(1s);
  ASSERT_EQ(news.frames.size(), 3u);
  for (const auto& frame : news.frames) EXPECT_FALSE(frame.resumed);

  station.stop_server();
  station.sim.run_for(500ms);
  station.start_server();
  // While nobody is subscribed: of these the last two are kept.
  for (std::int64_t number = 10; number <= 13; ++number) station.handler->publish(number);
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  station.sim.run_for(1s);
  station.handler->publish(14);
  station.sim.run_for(1s);
  ASSERT_EQ(news.frames.size(), 6u);
  EXPECT_EQ(news.frames[3].message.number(), 12);
  EXPECT_EQ(news.frames[3].message.server(), 2);
  EXPECT_EQ(news.frames[3].sequence, 0u);
  EXPECT_EQ(news.frames[3].lost_before, 0u);
  ASSERT_TRUE(news.frames[3].resumed);
  EXPECT_EQ(news.frames[3].resumed->losses, 1u);
  EXPECT_GE(news.frames[3].resumed->away, 450ms);
  EXPECT_LE(news.frames[3].resumed->away, 8s);
  EXPECT_EQ(news.frames[4].message.number(), 13);
  EXPECT_FALSE(news.frames[4].resumed);
  EXPECT_EQ(news.frames[5].message.number(), 14);
  EXPECT_FALSE(news.end);

  station.persistent->close();
  ASSERT_TRUE(station.wait_until([&] { return news.end.has_value(); }));
  EXPECT_EQ(news.end->code(), StatusCode::kUnavailable);
}

TEST(PersistentStreams, SeveralLossesWithoutAFrameInBetweenAreToldTogether) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  Received news;
  TaskGroup group(*station.client_loop);
  group.spawn(follow_news(station, news));
  station.sim.run_for(1s);
  for (int round = 0; round < 3; ++round) {
    station.stop_server();
    ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
    station.start_server();
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    station.sim.run_for(100ms);
  }
  station.handler->publish(1);
  station.sim.run_for(100ms);
  ASSERT_EQ(news.frames.size(), 1u);
  ASSERT_TRUE(news.frames[0].resumed);
  EXPECT_EQ(news.frames[0].resumed->losses, 3u);
}

// What had arrived before the loss is handed out before anything of the next session.
TEST(PersistentStreams, NothingThatHasArrivedIsLostToAReaderThatIsLate) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  auto reader = station.run([](Station& at) -> Task<Reader<Item>> {
    auto client = at.client();
    auto news = co_await client.News({});
    co_return std::move(news);
  }(station));
  station.sim.run_for(100ms);
  for (std::int64_t number = 1; number <= 5; ++number) station.handler->publish(number);
  station.sim.run_for(100ms);
  station.stop_server();
  station.start_server();
  ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  station.handler->publish(6);
  Received received;
  TaskGroup group(*station.client_loop);
  group.spawn(collect(*std::move(reader), received));
  station.sim.run_for(1s);
  ASSERT_EQ(received.frames.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(received.frames[i].message.number(), static_cast<std::int64_t>(i) + 1);
    EXPECT_EQ(received.frames[i].resumed.has_value(), i == 5);
  }
}

TEST(PersistentStreams, OthersEndWithUnavailable) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  Received news, file;
  TaskGroup group(*station.client_loop);
  group.spawn(follow_news_of_one_session(station, news));
  group.spawn(download(station, every(10), file));
  std::optional<Status> uploaded;
  group.spawn([](Station& at, std::optional<Status>& out) -> Task<void> {
    auto client = at.client();
    auto upload = co_await client.Upload();
    for (;;) {
      Status status = co_await upload.write({});
      if (!status.is_ok()) {
        out = status;
        co_return;
      }
      (void)co_await sleep_for(10ms);
    }
  }(station, uploaded));
  station.sim.run_for(1s);
  EXPECT_FALSE(news.end || file.end || uploaded);
  EXPECT_GT(file.frames.size(), 50u);
  station.stop_server();
  station.start_server();
  ASSERT_TRUE(station.wait_until([&] { return news.end && file.end && uploaded; }, 1s));
  for (const Status& status : {*news.end, *file.end, *uploaded}) {
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status;
  }
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  station.sim.run_for(1s);
  EXPECT_EQ(station.record.streams, 1);
}

TEST(PersistentStreams, N06_AStreamGoesOnAfterAPartitionLongerThanTheIdleTimeout) {
  Station station(Station::defaults(4));
  station.start_server();
  station.keep_connected();
  Received position;
  TaskGroup group(*station.client_loop);
  group.spawn(follow_position(station, every(100), position));
  station.sim.run_for(5s);
  const std::size_t before = position.frames.size();
  EXPECT_GE(before, 45u);
  station.set_cut(true);
  const Duration cut_at = station.now();
  ASSERT_TRUE(station.wait_for(ConnectionState::kWaiting));
  const Duration noticed = station.now() - cut_at;
  EXPECT_GE(noticed, 19s);
  EXPECT_LE(noticed, 41s);
  station.sim.run_for(40s - noticed);
  station.set_cut(false);
  ASSERT_TRUE(station.wait_until([&] { return position.frames.size() > before + 20; }, 30s));
  // Some were on their way when the link was cut.
  std::vector<const Frame<Item>*> resumed;
  for (const auto& frame : position.frames) {
    if (frame.resumed) resumed.push_back(&frame);
  }
  ASSERT_EQ(resumed.size(), 1u);
  EXPECT_EQ(resumed[0]->message.number(), 0);
  EXPECT_EQ(resumed[0]->message.server(), 1);
  EXPECT_EQ(resumed[0]->resumed->losses, 1u);
  EXPECT_EQ(station.record.streams, 2);
  // The old session of the server is gone as well.
  station.sim.run_for(30s);
  EXPECT_EQ(station.server->sessions().size(), 1u);
}

TEST(PersistentStreams, TheDeadlineOfAStreamHoldsThroughLosses) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  const Duration before = station.now();
  Received position;
  TaskGroup group(*station.client_loop);
  group.spawn(follow_position(station, every(100), position, CallOptions().timeout(10s)));
  station.sim.run_for(2s);
  station.stop_server();
  station.start_server();
  station.sim.run_for(2s);
  EXPECT_EQ(station.record.streams, 2);
  station.stop_server();  // and stays away
  ASSERT_TRUE(station.wait_until([&] { return position.end.has_value(); }, 10s));
  EXPECT_EQ(position.end->code(), StatusCode::kDeadlineExceeded) << *position.end;
  EXPECT_EQ(station.now() - before, 10s);
}

TEST(PersistentStreams, AJitterBufferThatWasChosenHoldsOnTheNextSession) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
  Received sound;
  TaskGroup group(*station.client_loop);
  group.spawn([](Station& at, Received& received) -> Task<void> {
    auto client = at.client();
    auto reader = co_await client.Sound(every(20));
    JitterBufferOptions options;
    options.enabled = true;
    options.min_delay = 300ms;
    options.initial_delay = 300ms;
    Status set = reader.set_jitter_buffer(options);
    EXPECT_TRUE(set.is_ok()) << set;
    co_await collect(std::move(reader), received);
  }(station, sound));
  station.sim.run_for(3s);
  station.stop_server();
  station.start_server();
  station.sim.run_for(3s);
  EXPECT_EQ(station.record.streams, 2);
  bool resumed = false;
  int after = 0;
  for (const auto& frame : sound.frames) {
    resumed |= frame.resumed.has_value();
    if (!resumed) continue;
    ++after;
    EXPECT_GE(frame.playout_time - frame.arrival_time, 290ms);
  }
  EXPECT_GT(after, 50);
}

TEST(PersistentStreams, AReaderMayBeCancelledOrDroppedWhileItIsAway) {
  for (const bool drop : {false, true}) {
    Station station(Station::defaults());
    station.start_server();
    station.keep_connected();
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    auto reader = station.run([](Station& at) -> Task<Reader<Item>> {
      auto client = at.client();
      auto news = co_await client.News({});
      co_return std::move(news);
    }(station));
    std::optional<std::optional<Frame<Item>>> next;
    TaskGroup group(*station.client_loop);
    group.spawn(internal::store(reader->next(), next));
    station.sim.run_for(100ms);
    station.stop_server();
    station.sim.run_for(1s);
    EXPECT_FALSE(next);
    if (drop) {
      group.clear();
      reader.reset();
    } else {
      reader->cancel();
      ASSERT_TRUE(station.wait_until([&] { return next.has_value(); }, 1ms));
      EXPECT_FALSE(*next);
      EXPECT_EQ(reader->status().code(), StatusCode::kCancelled) << reader->status();
    }
    station.start_server();
    ASSERT_TRUE(station.wait_for(ConnectionState::kConnected));
    station.sim.run_for(1s);
    // Nobody asked again.
    EXPECT_EQ(station.persistent->session()->stats().calls_started, 0u);
  }
}

// The handler that serves it now has another opinion of the caller.
TEST(PersistentStreams, AnErrorOfTheNextServerEndsTheReader) {
  Station station(Station::defaults());
  station.start_server();
  station.keep_connected();
  Received position;
  TaskGroup group(*station.client_loop);
  group.spawn(follow_position(station, every(100), position));
  station.sim.run_for(1s);
  station.stop_server();
  NodeOptions options;
  options.identity = fixed_size_identity();
  Node empty(*station.server_loop, std::move(options));
  ASSERT_TRUE(empty.listen("10.0.0.1:4433"));
  ASSERT_TRUE(station.wait_until([&] { return position.end.has_value(); }));
  EXPECT_EQ(position.end->code(), StatusCode::kUnimplemented) << *position.end;
}

}  // namespace
}  // namespace echostream::testing
