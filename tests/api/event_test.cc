#include <gmock/gmock.h>

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using lab::v1::Filter;
using lab::v1::Text;
using namespace std::chrono_literals;

class Events : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void SetUp() override { lab_.connect(); }

  static Filter prefix(std::string value) {
    Filter filter;
    filter.set_prefix(std::move(value));
    return filter;
  }
  static Task<void> collect(Reader<Text> reader, std::vector<std::string>& out,
                            std::vector<std::uint64_t>& lost, Status& end) {
    while (auto frame = co_await reader.next()) {
      out.push_back(frame->message.text());
      lost.push_back(frame->lost_before);
    }
    end = reader.status();
  }

  Lab lab_{options()};
};

TEST_P(Events, ReachTheHandlerInOrder) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(lab_.run(lab_.client().Note(text(std::to_string(i))))->is_ok());
  }
  ASSERT_TRUE(lab_.sim.run_until([&] { return lab_.server_handler->notes.size() == 200; }, 5s));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(lab_.server_handler->notes[static_cast<std::size_t>(i)], std::to_string(i));
  }
}

TEST_P(Events, SlowHandlersAreBoundedAndNothingIsLost) {
  for (int i = 0; i < 300; ++i) {
    Text event = text(std::to_string(i));
    event.set_number(50);
    ASSERT_TRUE(lab_.run(lab_.client().Note(event))->is_ok());
    EXPECT_LE(lab_.server_handler->running, 64);
  }
  EXPECT_TRUE(lab_.sim.run_until([&] { return lab_.server_handler->notes.size() == 300; }, 60s));
}

TEST_P(Events, PublishedOnesReachThoseWhoseFilterLetsThemPass) {
  auto a = lab_.run(lab_.client().News(prefix("a")));
  auto all = lab_.run(lab_.client().News(prefix("")));
  lab_.run_for(50ms);
  std::vector<std::string> got_a, got_all;
  std::vector<std::uint64_t> lost;
  Status end;
  TaskGroup group(lab_.client_loop());
  group.spawn(collect(std::move(*a), got_a, lost, end));
  group.spawn(collect(std::move(*all), got_all, lost, end));
  for (const char* news : {"a1", "b1", "a2"}) lab_.server_handler->PublishNews(text(news));
  lab_.run_for(50ms);
  EXPECT_THAT(got_a, ::testing::ElementsAre("a1", "a2"));
  EXPECT_THAT(got_all, ::testing::ElementsAre("a1", "b1", "a2"));
}

TEST_P(Events, ALateSubscriberGetsTheLastOnes) {
  for (const char* news : {"1", "2", "3"}) lab_.server_handler->PublishNews(text(news));
  auto reader = lab_.run(lab_.client().News(prefix("")));
  std::vector<std::string> got;
  std::vector<std::uint64_t> lost;
  Status end;
  TaskGroup group(lab_.client_loop());
  group.spawn(collect(std::move(*reader), got, lost, end));
  lab_.run_for(100ms);
  EXPECT_THAT(got, ::testing::ElementsAre("2", "3"));
}

// A subscriber that does not read: its inbox and the flow-control window fill, then the queue.
TEST_P(Events, ASlowSubscriberLosesTheOldestAndLearnsHowMany) {
  auto reader = lab_.run(lab_.client().News(prefix("")));
  lab_.run_for(50ms);
  Text big;
  big.set_payload(std::string(100'000, 'x'));
  constexpr int kEvents = 100;
  for (int i = 0; i < kEvents; ++i) {
    big.set_text(std::to_string(i));
    lab_.server_handler->PublishNews(big);
    lab_.run_for(20ms);
  }
  std::vector<std::string> got;
  std::vector<std::uint64_t> lost;
  Status end;
  TaskGroup group(lab_.client_loop());
  group.spawn(collect(std::move(*reader), got, lost, end));
  lab_.run_for(2s);
  std::uint64_t total_lost = 0;
  for (const std::uint64_t count : lost) total_lost += count;
  EXPECT_GT(total_lost, 0u);
  EXPECT_EQ(got.size() + total_lost, static_cast<std::size_t>(kEvents));
  EXPECT_EQ(got.back(), std::to_string(kEvents - 1));
}

TEST_P(Events, ASlowSubscriberIsDisconnectedWhenThePolicySaysSo) {
  auto reader = lab_.run(lab_.client().Fragile(prefix("")));
  lab_.run_for(50ms);
  Text big;
  big.set_payload(std::string(100'000, 'x'));
  for (int i = 0; i < 100; ++i) {
    lab_.server_handler->PublishFragile(big);
    lab_.run_for(20ms);
  }
  std::vector<std::string> got;
  std::vector<std::uint64_t> lost;
  Status end;
  TaskGroup group(lab_.client_loop());
  group.spawn(collect(std::move(*reader), got, lost, end));
  lab_.run_for(2s);
  EXPECT_EQ(end.code(), StatusCode::kResourceExhausted) << end;
}

TEST_P(Events, MoreSubscriptionsThanAllowedAreRefused) {
  std::vector<Reader<Text>> kept;
  for (int i = 0; i < 128; ++i)
    kept.push_back(std::move(*lab_.run(lab_.client().News(prefix("")))));
  lab_.run_for(50ms);
  auto one_more = lab_.run(lab_.client().News(prefix("")));
  std::vector<std::string> got;
  std::vector<std::uint64_t> lost;
  Status end;
  TaskGroup group(lab_.client_loop());
  group.spawn(collect(std::move(*one_more), got, lost, end));
  lab_.run_for(200ms);
  EXPECT_EQ(end.code(), StatusCode::kResourceExhausted) << end;
  kept.clear();
  lab_.run_for(200ms);
  auto again = lab_.run(lab_.client().News(prefix("")));
  lab_.run_for(50ms);
  lab_.server_handler->PublishNews(text("free again"));
  Status end_again;
  group.spawn(collect(std::move(*again), got, lost, end_again));
  lab_.run_for(200ms);
  EXPECT_THAT(got, ::testing::Contains("free again"));
}

TEST_P(Events, AFilterThatThrowsEndsItsOwnSubscriptionOnly) {
  std::vector<std::string> bad, good;
  std::vector<std::uint64_t> lost;
  Status bad_end, good_end;
  TaskGroup group(lab_.client_loop());
  auto throws = lab_.run(lab_.client().News(prefix("throw")));
  auto behind = lab_.run(lab_.client().News(prefix("")));
  group.spawn(collect(std::move(*throws), bad, lost, bad_end));
  group.spawn(collect(std::move(*behind), good, lost, good_end));
  lab_.run_for(50ms);
  lab_.server_handler->PublishNews(text("one"));
  lab_.server_handler->PublishNews(text("two"));
  lab_.run_for(200ms);
  EXPECT_THAT(good, ::testing::ElementsAre("one", "two"));
  EXPECT_TRUE(bad.empty());
  EXPECT_EQ(bad_end.code(), StatusCode::kInternal) << bad_end;
}

TEST_P(Events, ShutdownDoesNotWaitForSubscriptions) {
  auto reader = lab_.run(lab_.client().News(prefix("")));
  lab_.run_for(50ms);
  bool stopped = false;
  TaskGroup stopping(lab_.server_node->loop());
  stopping.spawn([](Node& node, bool& done) -> Task<void> {
    co_await node.shutdown(60s);
    done = true;
  }(*lab_.server_node, stopped));
  EXPECT_TRUE(lab_.sim.run_until([&] { return stopped; }, 2s));
}

INSTANTIATE_TEST_SUITE_P(Wires, Events, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

}  // namespace
}  // namespace echostream::testing
