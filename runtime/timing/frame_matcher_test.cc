#include "echostream/internal/frame_matcher.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;

using Action = FrameMatcher::Action;
using Times = std::vector<std::int64_t>;  // milliseconds
using Match = std::vector<std::int64_t>;

constexpr LocalTime kStart{1000s};

Duration ms(std::int64_t value) { return std::chrono::milliseconds(value); }

// A matcher and the frames it speaks of.
class Bench {
 public:
  Bench(std::size_t streams, Duration tolerance, Duration max_wait = 2s,
        std::size_t capacity = 1024)
      : matcher_(streams, tolerance, max_wait, capacity), held_(streams) {}

  void add(std::size_t stream, std::int64_t at_ms) {
    ASSERT_TRUE(matcher_.has_room(stream));
    matcher_.add(stream, ms(at_ms), now_);
    held_[stream].push_back(at_ms);
  }
  // Polls until nothing more is to be said.
  Action drain() {
    for (;;) {
      const FrameMatcher::Step step = matcher_.poll(now_);
      if (step.action == Action::kDrop) {
        held_[step.stream].erase(held_[step.stream].begin());
      } else if (step.action == Action::kMatch) {
        Match match;
        for (Times& held : held_) {
          match.push_back(held.front());
          held.erase(held.begin());
        }
        matches.push_back(match);
      } else {
        return step.action;
      }
    }
  }
  void advance(Duration time) { now_ += time; }
  FrameMatcher& matcher() { return matcher_; }
  LocalTime now() const { return now_; }
  std::size_t held(std::size_t stream) const { return held_[stream].size(); }

  std::vector<Match> matches;

 private:
  FrameMatcher matcher_;
  std::vector<Times> held_;
  LocalTime now_ = kStart;
};

// All frames are there from the beginning.
std::vector<Match> match_all(const std::vector<Times>& streams, Duration tolerance) {
  Bench bench(streams.size(), tolerance);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    for (const std::int64_t time : streams[i]) bench.add(i, time);
    bench.matcher().finish(i);
  }
  EXPECT_EQ(bench.drain(), Action::kEnd);
  return bench.matches;
}

TEST(FrameMatcher, MatchesOnlyWithinTheTolerance) {
  EXPECT_EQ(match_all({{0, 100, 200}, {10, 111, 190}}, 10ms),
            (std::vector<Match>{{0, 10}, {200, 190}}));
}

TEST(FrameMatcher, TakesTheNearestPartner) {
  EXPECT_EQ(match_all({{100}, {95, 101}}, 10ms), (std::vector<Match>{{100, 101}}));
  EXPECT_EQ(match_all({{100}, {99, 105}}, 10ms), (std::vector<Match>{{100, 99}}));
  EXPECT_EQ(match_all({{0, 10, 20}, {6, 16}}, 8ms), (std::vector<Match>{{10, 6}, {20, 16}}));
}

TEST(FrameMatcher, CountsWhatFindsNoPartner) {
  Bench bench(2, 5ms);
  for (const std::int64_t time : {0, 20, 40, 60}) bench.add(0, time);
  for (const std::int64_t time : {19, 30, 61}) bench.add(1, time);
  bench.matcher().finish(0);
  bench.matcher().finish(1);
  EXPECT_EQ(bench.drain(), Action::kEnd);
  EXPECT_EQ(bench.matches, (std::vector<Match>{{20, 19}, {60, 61}}));
  EXPECT_EQ(bench.matcher().unmatched(0), 2u);
  EXPECT_EQ(bench.matcher().unmatched(1), 1u);
}

TEST(FrameMatcher, AlignsThreeStreamsByTheLeastSpread) {
  EXPECT_EQ(match_all({{0, 10}, {0, 10}, {9}}, 10ms), (std::vector<Match>{{10, 10, 9}}));
  EXPECT_EQ(match_all({{0, 40, 80}, {3, 42, 79}, {-2, 39, 120}}, 8ms),
            (std::vector<Match>{{0, 3, -2}, {40, 42, 39}}));
  // Each two of them are near, but not all three.
  EXPECT_TRUE(match_all({{0}, {6}, {12}}, 8ms).empty());
}

TEST(FrameMatcher, HandsOutEqualStampsAtOnce) {
  Bench bench(2, 10ms);
  bench.add(0, 100);
  EXPECT_EQ(bench.drain(), Action::kWait);
  bench.add(1, 100);
  EXPECT_EQ(bench.drain(), Action::kWait);
  EXPECT_EQ(bench.matches.size(), 1u);
}

TEST(FrameMatcher, WaitsForACloserFrameAtMostTwiceTheDistance) {
  Bench bench(2, 10ms);
  bench.add(0, 100);
  bench.add(1, 104);
  EXPECT_EQ(bench.drain(), Action::kWait);
  EXPECT_TRUE(bench.matches.empty());
  EXPECT_EQ(bench.matcher().next_deadline(), bench.now() + 8ms);
  bench.advance(8ms);
  EXPECT_EQ(bench.drain(), Action::kWait);
  EXPECT_EQ(bench.matches, (std::vector<Match>{{100, 104}}));
}

TEST(FrameMatcher, NeverWaitsForASuccessorOfTheLaterFrame) {
  // Only stream 0 could bring something closer to 104, and it has: 111 is further.
  Bench bench(2, 10ms);
  bench.add(0, 100);
  bench.add(0, 111);
  bench.add(1, 104);
  EXPECT_EQ(bench.drain(), Action::kWait);
  EXPECT_EQ(bench.matches, (std::vector<Match>{{100, 104}}));
}

TEST(FrameMatcher, GivesUpAFrameThatWaitsTooLong) {
  Bench bench(2, 10ms, 500ms);
  bench.add(0, 100);
  bench.advance(300ms);
  bench.add(0, 400);
  EXPECT_EQ(bench.drain(), Action::kWait);
  EXPECT_EQ(bench.matcher().next_deadline(), kStart + 500ms);
  bench.advance(200ms);
  EXPECT_EQ(bench.drain(), Action::kWait);
  EXPECT_EQ(bench.held(0), 1u);
  EXPECT_EQ(bench.matcher().unmatched(0), 1u);
}

TEST(FrameMatcher, HoldsNoMoreThanItsCapacity) {
  Bench bench(2, 10ms, 2s, 4);
  for (int i = 0; i < 4; ++i) bench.add(0, i * 20);
  EXPECT_FALSE(bench.matcher().has_room(0));
  EXPECT_EQ(bench.drain(), Action::kWait);
  bench.add(1, 60);
  EXPECT_EQ(bench.drain(), Action::kWait);
  EXPECT_EQ(bench.matches, (std::vector<Match>{{60, 60}}));
  EXPECT_TRUE(bench.matcher().has_room(0));
}

TEST(FrameMatcher, EndsWithTheFirstStreamAndCountsTheRest) {
  Bench bench(2, 10ms);
  bench.add(0, 100);
  bench.add(1, 100);
  bench.add(1, 120);
  bench.matcher().finish(0);
  EXPECT_EQ(bench.drain(), Action::kEnd);
  EXPECT_EQ(bench.matches.size(), 1u);
  EXPECT_EQ(bench.matcher().unmatched(1), 1u);
}

TEST(FrameMatcher, KeepsPartnersOfStreamsHalfAFrameApartInSpiteOfUnsteadyStamps) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> tremor(-1, 1);
  std::vector<Times> streams(2);
  for (std::int64_t i = 0; i < 1000; ++i) {
    streams[0].push_back(i * 34);
    streams[1].push_back(i * 34 + 17 + tremor(random));
  }
  // Two of a thousand may go at the beginning, before the streams are in step.
  EXPECT_GE(match_all(streams, 20ms).size(), 995u);
}

TEST(FrameMatcher, SurvivesStampsFromAnywhere) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    const std::size_t streams = 2 + random() % 2;
    FrameMatcher matcher(streams, round % 2 == 0 ? Duration::max() : Duration(10ms), 100ms, 8);
    LocalTime now = kStart;
    std::size_t taken = 0;
    std::size_t added = 0;
    for (int i = 0; i < 500; ++i) {
      const std::size_t stream = random() % streams;
      if (matcher.has_room(stream)) {
        const std::int64_t extremes[] = {INT64_MIN, INT64_MAX, 0,
                                         static_cast<std::int64_t>(random())};
        matcher.add(stream, Duration(extremes[random() % 4]), now);
        ++added;
      }
      for (;;) {
        const FrameMatcher::Step step = matcher.poll(now);
        if (step.action == Action::kWait) break;
        taken += step.action == Action::kMatch ? streams : 1;
        ASSERT_LE(taken, added);
      }
      now += 10ms;
    }
    for (std::size_t i = 0; i < streams; ++i) matcher.finish(i);
    FrameMatcher::Step step = matcher.poll(now);
    for (; step.action != Action::kEnd; step = matcher.poll(now + 1h))
      if (step.action != Action::kWait) taken += step.action == Action::kMatch ? streams : 1;
    EXPECT_EQ(taken, added);
  }
}

// Any streams, arriving in any order: what holds always.

Times random_stream(std::mt19937_64& random, std::int64_t interval) {
  Times times;
  std::int64_t at = static_cast<std::int64_t>(random() % 50);
  for (int i = 0; i < 200; ++i) {
    at += interval + static_cast<std::int64_t>(random() % 9) - 4;
    if (random() % 10 != 0) times.push_back(at);
  }
  return times;
}

bool could_change(const std::vector<Times>& streams, const Match& match, std::int64_t margin_ms) {
  // A free neighbour that is later and closer to the others by more than the margin.
  const auto spread_of = [](const Match& frames) {
    return *std::max_element(frames.begin(), frames.end()) -
           *std::min_element(frames.begin(), frames.end());
  };
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto next = std::upper_bound(streams[i].begin(), streams[i].end(), match[i]);
    if (next == streams[i].end()) continue;
    Match changed = match;
    changed[i] = *next;
    if (spread_of(changed) + margin_ms < spread_of(match)) return true;
  }
  return false;
}

TEST(FrameMatcher, KeepsItsPromisesOnRandomStreams) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::size_t count = 2 + seed % 2;
    std::vector<Times> streams;
    for (std::size_t i = 0; i < count; ++i)
      streams.push_back(random_stream(random, static_cast<std::int64_t>(10 + random() % 30)));
    const auto tolerance_ms = static_cast<std::int64_t>(4 + random() % 20);
    const std::vector<Match> matches = match_all(streams, ms(tolerance_ms));

    Match last(count, INT64_MIN);
    for (const Match& match : matches) {
      const auto [least, most] = std::minmax_element(match.begin(), match.end());
      ASSERT_LE(*most - *least, tolerance_ms);
      for (std::size_t i = 0; i < count; ++i) ASSERT_GT(match[i], last[i]);
      ASSERT_FALSE(could_change(streams, match, tolerance_ms / 8 + 1));
      last = match;
    }

    // In any order of arrival the result is the same, as long as nobody waits in vain.
    Bench bench(count, ms(tolerance_ms));
    std::vector<std::size_t> next(count, 0);
    for (;;) {
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < count; ++i)
        if (next[i] < streams[i].size()) open.push_back(i);
      if (open.empty()) break;
      const std::size_t stream = open[random() % open.size()];
      bench.add(stream, streams[stream][next[stream]++]);
      bench.drain();
      if (next[stream] == streams[stream].size()) bench.matcher().finish(stream);
    }
    EXPECT_EQ(bench.drain(), Action::kEnd);
    EXPECT_EQ(bench.matches, matches);
  }
}

}  // namespace
}  // namespace echostream::internal
