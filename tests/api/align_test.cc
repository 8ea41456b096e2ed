#include "echostream/align.h"

#include <gmock/gmock.h>

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Ticks;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

Ticks ticks(std::int64_t count, std::int64_t captured_ms, std::int64_t interval_ms,
            std::int64_t pause_ms = 0) {
  Ticks request;
  request.set_count(count);
  request.set_captured_ms(captured_ms);
  request.set_interval_ms(interval_ms);
  request.set_pause_ms(pause_ms);
  return request;
}

class Align : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void SetUp() override { lab_.connect(); }
  Reader<Count> open(Ticks request) { return *lab_.run(lab_.client().Tick(std::move(request))); }
  LabHandler& server() { return *lab_.server_handler; }

  Lab lab_{options()};
};

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

// The numbers of what belongs together, until the end.
Task<Pairs> read_pairs(Aligned<Count, Count>& aligned) {
  Pairs pairs;
  while (auto frames = co_await aligned.next())
    pairs.emplace_back(frames->first.message.count(), frames->second.message.count());
  co_return pairs;
}

TEST_P(Align, YieldsPairsThatWereCapturedTogether) {
  // Every 20 ms, and every 50 ms, 3 ms later.
  auto aligned = align(open(ticks(11, 1000, 20)), open(ticks(5, 1003, 50)), 8ms);
  auto pairs = lab_.run(read_pairs(aligned));
  // 1000-1003; 1053 lies 7 ms from 1060, 1103 3 ms from 1100, 1153 7 from 1160, 1203 3 from 1200.
  EXPECT_THAT(*pairs, ElementsAre(Pair(0, 0), Pair(3, 1), Pair(5, 2), Pair(8, 3), Pair(10, 4)));
  EXPECT_TRUE(aligned.status().is_ok()) << aligned.status();
  EXPECT_EQ(aligned.unmatched_a(), 6u);
  EXPECT_EQ(aligned.unmatched_b(), 0u);
}

TEST_P(Align, OneThatComesLaterIsWaitedFor) {
  auto early = open(ticks(20, 1000, 20, 20));
  lab_.run_for(300ms);
  auto aligned = align(std::move(early), open(ticks(20, 1001, 20, 20)), 5ms);
  auto pairs = lab_.run(read_pairs(aligned));
  ASSERT_EQ(pairs->size(), 20u);
  for (const auto& [a, b] : *pairs) EXPECT_EQ(a, b);
  EXPECT_EQ(aligned.unmatched_a() + aligned.unmatched_b(), 0u);
}

Task<std::vector<std::array<std::int64_t, 3>>> read_triples(Aligned<Count, Count, Count>& aligned) {
  std::vector<std::array<std::int64_t, 3>> triples;
  while (auto frames = co_await aligned.next()) {
    auto& [a, b, c] = *frames;
    triples.push_back({a.message.count(), b.message.count(), c.message.count()});
  }
  co_return triples;
}

TEST_P(Align, AlignsThree) {
  auto aligned =
      align(open(ticks(100, 1000, 20)), open(ticks(100, 1044, 20)), open(ticks(50, 1042, 40)), 6ms);
  auto triples = lab_.run(read_triples(aligned));
  ASSERT_EQ(triples->size(), 49u);
  for (std::size_t i = 0; i < triples->size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    EXPECT_THAT((*triples)[i], ElementsAre(2 * number + 2, 2 * number, number));
  }
  EXPECT_EQ(aligned.unmatched_a(), 51u);
  EXPECT_EQ(aligned.unmatched_c(), 1u);
}

TEST_P(Align, EndsWithTheShorterStreamAndLetsTheOtherGo) {
  auto aligned = align(open(ticks(5, 1000, 20)), open(ticks(1'000'000, 1000, 20, 20)), 5ms);
  auto pairs = lab_.run(read_pairs(aligned));
  EXPECT_EQ(pairs->size(), 5u);
  EXPECT_TRUE(aligned.status().is_ok()) << aligned.status();
  lab_.run_for(200ms);
  EXPECT_EQ(server().running, 0);
  // And so it stays.
  auto more = lab_.run(aligned.next());
  EXPECT_TRUE(more && !*more);
}

TEST_P(Align, SaysWhyAStreamBroke) {
  auto aligned =
      align(open(ticks(1'000'000, 1000, 20, 20)), open(ticks(1'000'000, 1000, 20, 20)), 5ms);
  EXPECT_TRUE(lab_.run(aligned.next())->has_value());
  lab_.at_server->close("enough");
  (void)lab_.run(read_pairs(aligned));
  EXPECT_EQ(aligned.status().code(), StatusCode::kUnavailable) << aligned.status();
}

TEST_P(Align, AStalledStreamDoesNotMakeTheOtherPileUp) {
  AlignOptions chosen;
  chosen.max_wait = 10s;
  chosen.max_waiting_frames = 16;
  auto fast = open(ticks(100'000'000, 1000, 20));
  auto stalled = open(ticks(2, 1000, 20'000, 3'600'000));
  auto aligned = align(std::move(fast), std::move(stalled), 5ms, chosen);
  EXPECT_TRUE(lab_.run(aligned.next())->has_value());
  std::optional<std::optional<Aligned<Count, Count>::Frames>> second;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(aligned.next(), second));
  lab_.run_for(3s);
  const std::int64_t written = server().ticks;
  lab_.run_for(5s);
  // Nobody reads, so that the sender waits.
  EXPECT_EQ(server().ticks, written);
  EXPECT_EQ(aligned.unmatched_a(), 0u);
  // What has waited for long enough goes, and the stream goes on by as much.
  lab_.run_for(4s);
  EXPECT_EQ(aligned.unmatched_a(), 16u);
  lab_.run_for(10s);
  EXPECT_EQ(aligned.unmatched_a(), 32u);
  EXPECT_FALSE(second.has_value());
}

TEST_P(Align, DroppingItWhileItIsReadDropsTheStreams) {
  std::optional<std::optional<Aligned<Count, Count>::Frames>> never;
  TaskGroup group(lab_.client_loop());
  {
    auto aligned =
        align(open(ticks(2, 1000, 20, 3'600'000)), open(ticks(1'000'000, 5000, 20, 20)), 5ms);
    group.spawn(internal::store(aligned.next(), never));
    lab_.run_for(500ms);
  }
  lab_.run_for(200ms);
  EXPECT_EQ(server().running, 0);
  // Whoever waited gets nothing.
  ASSERT_TRUE(never.has_value());
  EXPECT_FALSE(never->has_value());
}

TEST_P(Align, NothingIsLostWhenATaskThatWaitsIsDropped) {
  auto aligned = align(open(ticks(50, 1000, 20, 20)), open(ticks(50, 1000, 20, 20)), 5ms);
  // Started and given up over and over, at moments that have nothing to do with the frames.
  std::vector<std::int64_t> numbers;
  for (int round = 0; round < 2000 && numbers.size() < 50; ++round) {
    std::optional<std::optional<Aligned<Count, Count>::Frames>> got;
    TaskGroup group(lab_.client_loop());
    group.spawn(internal::store(aligned.next(), got));
    lab_.run_for(round % 2 == 0 ? 3ms : 7ms);
    if (got && *got) numbers.push_back((*got)->first.message.count());
  }
  ASSERT_EQ(numbers.size(), 50u);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(numbers[i], static_cast<std::int64_t>(i));
}

TEST_P(Align, EndsWithTheCallItIsReadFor) {
  CallContext call;
  auto aligned = align(open(ticks(2, 1000, 20, 3'600'000)), open(ticks(9, 5000, 20)), 5ms);
  std::optional<std::optional<Aligned<Count, Count>::Frames>> got;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(aligned.next(), got), &call);
  lab_.run_for(200ms);
  EXPECT_FALSE(got.has_value());
  call.cancel();
  lab_.run_for(1ms);
  ASSERT_TRUE(got && !*got);
  EXPECT_EQ(aligned.status().code(), StatusCode::kCancelled);
  lab_.run_for(200ms);
  EXPECT_EQ(server().running, 0);
}

TEST_P(Align, EndsAtTheDeadlineOfTheCallItIsReadFor) {
  CallContext call(lab_.client_loop().now() + 150ms);
  auto aligned = align(open(ticks(2, 1000, 20, 3'600'000)), open(ticks(9, 5000, 20)), 5ms);
  std::optional<std::optional<Aligned<Count, Count>::Frames>> got;
  TaskGroup group(lab_.client_loop());
  group.spawn(internal::store(aligned.next(), got), &call);
  lab_.run_for(200ms);
  ASSERT_TRUE(got && !*got);
  EXPECT_EQ(aligned.status().code(), StatusCode::kDeadlineExceeded);
}

INSTANTIATE_TEST_SUITE_P(Wires, Align, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& test) {
                           return test.param == Wire::kMemory ? "Memory" : "Quic";
                         });

TEST(AlignAcrossSessions, MatchesByTheLocalClock) {
  Lab::Options chosen;
  chosen.link.delay = 10ms;
  chosen.client_clock_offset = 1234h;
  Lab lab(chosen);
  lab.connect();
  auto second = lab.run(lab.client_node->connect("10.0.0.1:4433"));
  ASSERT_TRUE(second && *second) << second->status();
  EXPECT_TRUE(lab.run(lab.at_client->clock().wait_until_known(50ms))->is_ok());
  EXPECT_TRUE(lab.run((*second)->clock().wait_until_known(50ms))->is_ok());

  const std::int64_t now_ms = lab.server_side->now().time_since_epoch() / 1ms;
  auto a = lab.run(lab.client().Tick(ticks(50, now_ms, 20, 20)));
  auto b = lab.run((*second)->client<lab::v1::Lab>().Tick(ticks(50, now_ms + 4, 20, 20)));
  AlignOptions by_clock;
  by_clock.by = AlignBy::kLocalClock;
  auto aligned = align(std::move(*a), std::move(*b), 8ms, by_clock);
  auto pairs = lab.run(read_pairs(aligned));
  ASSERT_EQ(pairs->size(), 50u);
  for (const auto& [first, other] : *pairs) EXPECT_EQ(first, other);
}

TEST(AlignAcrossSessions, FramesOfAnUnknownClockFindNoPartner) {
  Lab::Options chosen;
  chosen.wire = Wire::kMemory;
  Lab lab(chosen);
  lab.connect();
  // A session in memory has no datagrams, which would measure its clock.
  ASSERT_EQ(lab.at_client->clock().estimate().samples, 0u);
  auto a = lab.run(lab.client().Tick(ticks(7, 1000, 20)));
  auto b = lab.run(lab.client().Tick(ticks(5, 1000, 20)));
  AlignOptions by_clock;
  by_clock.by = AlignBy::kLocalClock;
  auto aligned = align(std::move(*a), std::move(*b), 8ms, by_clock);
  auto pairs = lab.run(read_pairs(aligned));
  EXPECT_TRUE(pairs->empty());
  EXPECT_TRUE(aligned.status().is_ok());
  EXPECT_EQ(aligned.unmatched_b(), 5u);
}

}  // namespace
}  // namespace echostream::testing
