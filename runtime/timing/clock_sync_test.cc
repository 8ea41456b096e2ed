#include "runtime/timing/clock_sync.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "tests/support/seeds.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

// A ClockSync that asks, one that answers, and a link between them on virtual time.
class Pair {
 public:
  explicit Pair(std::uint64_t seed) : random_(seed) {}

  void run_until(LocalTime end) {
    while (true) {
      const LocalTime due = std::max(asker.next_deadline(), now);
      const LocalTime first = events_.empty() ? due : std::min(due, events_.begin()->first);
      if (first > end) break;
      now = std::max(now, first);
      if (!events_.empty() && events_.begin()->first <= now) {
        const auto event = events_.begin()->second;
        events_.erase(events_.begin());
        event();
      } else {
        ask();
      }
    }
    now = end;
  }
  RemoteTime remote(LocalTime time) const { return RemoteTime((time + offset).time_since_epoch()); }
  // The answerer's own clock, in its terms.
  LocalTime theirs(LocalTime time) const { return time + offset; }
  Duration error() const { return asker.clock().estimate(now).offset - offset; }
  Duration random_up_to(Duration most) {
    return Duration(
        static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count() + 1)));
  }

  ClockSync asker{100};
  ClockSync answerer{500};
  LocalTime now{50s};
  Duration offset = 7h;
  Duration delay = 4ms;
  Duration request_queue{}, reply_queue{};  // before a datagram leaves, at most
  bool replies_are_lost = false;
  int requests = 0;
  int answers = 0;
  std::vector<ClockReply> replies;
  std::vector<LocalTime> asked;

 private:
  void ask() {
    const double chance = static_cast<double>(random_() >> 11) * 0x1p-53;
    const auto request = asker.poll(now, chance);
    if (!request) return;
    ++requests;
    asked.push_back(now);
    at(now + random_up_to(request_queue), [this, id = request->id] {
      asker.handle_request_sent(id, now);
      at(now + delay, [this, id] { answer(id); });
    });
  }
  void answer(std::uint64_t id) {
    const auto reply = answerer.handle_request(theirs(now), theirs(now), {id});
    if (!reply) return;
    ++answers;
    at(now + random_up_to(reply_queue), [this, reply] {
      answerer.handle_reply_sent(reply->id, theirs(now));
      if (replies_are_lost) return;
      at(now + delay, [this, reply] {
        replies.push_back(*reply);
        asker.handle_reply(now, *reply);
      });
    });
  }
  void at(LocalTime time, std::function<void()> what) { events_.emplace(time, std::move(what)); }

  std::multimap<LocalTime, std::function<void()>> events_;
  std::mt19937_64 random_;
};

TEST(ClockSync, AsksTwentyTimesInTheFirstSecondAndThenOnceASecond) {
  Pair pair(1);
  pair.run_until(pair.now + 1s);
  EXPECT_NEAR(pair.requests, 20, 2);
  const int first = pair.requests;
  pair.run_until(pair.now + 60s);
  EXPECT_NEAR(pair.requests - first, 60, 8);
}

TEST(ClockSync, AsksFiveTimesASecondWhileMediaFlow) {
  Pair pair(2);
  pair.run_until(pair.now + 5s);
  pair.asker.set_busy(true);
  EXPECT_LE(pair.asker.next_deadline(), pair.now + 250ms);
  int before = pair.requests;
  pair.run_until(pair.now + 60s);
  EXPECT_NEAR(pair.requests - before, 300, 20);
  pair.asker.set_busy(false);
  before = pair.requests;
  pair.run_until(pair.now + 60s);
  EXPECT_NEAR(pair.requests - before, 60, 10);
}

TEST(ClockSync, RequestsHaveNoFixedPhase) {
  Pair pair(3);
  pair.run_until(pair.now + 100s);
  std::array<int, 10> tenths{};
  for (const LocalTime at : pair.asked) ++tenths[(at.time_since_epoch() / 100ms) % 10];
  for (const int count : tenths) EXPECT_GT(count, 2);
}

TEST(ClockSync, LearnsTheOffsetAndTheRoundTrip) {
  Pair pair(4);
  pair.run_until(pair.now + 10s);
  EXPECT_LT(std::chrono::abs(pair.error()), 10us);
  EXPECT_NEAR(static_cast<double>(pair.asker.clock().estimate(pair.now).least_rtt.count()), 8e6,
              1e5);
  EXPECT_EQ(pair.asker.clock().estimate(pair.now).samples, pair.replies.size());
  EXPECT_FALSE(pair.answerer.clock().is_known());
}

// Without the true T3 a queue at the replier would look like a longer way back: 1 ms of error.
TEST(ClockSync, QueuesBeforeTheSendCallAreNoAsymmetry) {
  testing::for_each_seed(5, [](std::uint64_t seed) {
    Pair pair(seed);
    pair.request_queue = 3ms;
    pair.reply_queue = 4ms;
    pair.asker.set_busy(true);
    pair.run_until(pair.now + 60s);
    EXPECT_LT(std::chrono::abs(pair.error()), 60us);
    EXPECT_NEAR(static_cast<double>(pair.asker.clock().estimate(pair.now).least_rtt.count()), 8e6,
                3e5);
  });
}

TEST(ClockSync, ARepliesTrueTimeIsToldInTheNext) {
  ClockSync sync(1);
  const auto first = sync.handle_request(LocalTime(1s), LocalTime(1s + 10us), {77});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, 77u);
  EXPECT_EQ(first->received, RemoteTime(1s));
  EXPECT_EQ(first->sent, RemoteTime(1s + 10us));
  EXPECT_EQ(first->previous_id, 0u);
  sync.handle_reply_sent(77, LocalTime(1s + 2ms));
  const auto second = sync.handle_request(LocalTime(2s), LocalTime(2s), {78});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->previous_id, 77u);
  EXPECT_EQ(second->previous_sent, RemoteTime(1s + 2ms));
  // The one that never left says nothing new.
  const auto third = sync.handle_request(LocalTime(3s), LocalTime(3s), {79});
  EXPECT_EQ(third->previous_id, 77u);
}

TEST(ClockSync, RepliesToWhatWasNotAskedOrNotSentHaveNoEffect) {
  ClockSync sync(10);
  const auto request = sync.poll(LocalTime(1s), 0.5);
  ASSERT_TRUE(request);
  const ClockReply reply{request->id, RemoteTime(9s), RemoteTime(9s), 0, {}};
  sync.handle_reply(LocalTime(2s), reply);
  sync.handle_request_sent(request->id, LocalTime(1s));
  for (const std::uint64_t id :
       {std::uint64_t{0}, request->id + 1, request->id + 32, ~std::uint64_t{0}})
    sync.handle_reply(LocalTime(2s), {id, RemoteTime(9s), RemoteTime(9s), 0, {}});
  sync.handle_reply(LocalTime(1s - 1ns), reply);  // before it was sent
  EXPECT_FALSE(sync.clock().is_known());
  sync.handle_reply(LocalTime(1s + 1ms), reply);
  EXPECT_TRUE(sync.clock().is_known());
}

TEST(ClockSync, ARepeatedReplyCountsOnce) {
  Pair pair(5);
  pair.run_until(pair.now + 5s);
  const ClockEstimate before = pair.asker.clock().estimate(pair.now);
  for (int i = 0; i < 3; ++i)
    for (ClockReply reply : pair.replies) {
      reply.received += 1h;
      pair.asker.handle_reply(pair.now, reply);
    }
  const ClockEstimate after = pair.asker.clock().estimate(pair.now);
  EXPECT_EQ(after.samples, before.samples);
  EXPECT_EQ(after.offset, before.offset);
  EXPECT_EQ(pair.asker.clock().contradictions(), 0u);
}

TEST(ClockSync, RepliesThatNeverComeLeaveItUnknownAndAsking) {
  Pair pair(6);
  pair.replies_are_lost = true;
  pair.run_until(pair.now + 60s);
  EXPECT_FALSE(pair.asker.clock().is_known());
  EXPECT_NEAR(pair.requests, 20 + 59, 10);
}

TEST(ClockSync, RepliesThatAreAsLateAsAQueueAreIgnored) {
  Pair pair(7);
  pair.asker.set_busy(true);
  pair.delay = 5s;  // a round trip longer than 32 requests take
  pair.run_until(pair.now + 60s);
  EXPECT_FALSE(pair.asker.clock().is_known());
}

TEST(ClockSync, AnswersNoMoreThanFiftyASecond) {
  ClockSync sync(1);
  int answered = 0;
  LocalTime now(100s);
  for (std::uint64_t id = 1; id <= 100000; ++id, now += 100us)
    answered += sync.handle_request(now, now, {id}).has_value();
  EXPECT_NEAR(answered, 10 * 50 + 40, 2);
  now += 5s;
  EXPECT_TRUE(sync.handle_request(now, now, {1}));
}

TEST(ClockSync, AnswersEveryHonestPeer) {
  Pair pair(8);
  pair.asker.set_busy(true);
  for (int i = 0; i < 10; ++i) {
    pair.run_until(pair.now + 7s);
    pair.asker.handle_path_change(pair.now);
  }
  EXPECT_EQ(pair.answers, pair.requests);
}

TEST(ClockSync, AsksQuicklyAfterAPathChangeButNotForever) {
  Pair pair(9);
  pair.run_until(pair.now + 20s);
  int before = pair.requests;
  pair.asker.handle_path_change(pair.now);
  EXPECT_LE(pair.asker.next_deadline(), pair.now + 50ms);
  EXPECT_EQ(pair.asker.clock().estimate(pair.now).state, ClockState::kPathChanged);
  pair.run_until(pair.now + 1s);
  EXPECT_NEAR(pair.requests - before, 11, 2);
  before = pair.requests;
  for (int i = 0; i < 80; ++i) {
    pair.asker.handle_path_change(pair.now);
    pair.run_until(pair.now + 100ms);
  }
  EXPECT_LT(pair.requests - before, 15);
}

TEST(ClockSync, AfterASuspendItIsRightWithinHalfASecondOfTheNextExchange) {
  Pair pair(10);
  pair.run_until(pair.now + 20s);
  pair.offset += 30min;
  pair.run_until(pair.now + 2s);
  EXPECT_EQ(pair.asker.clock().contradictions(), 1u);
  EXPECT_LT(std::chrono::abs(pair.error()), 100us);
  pair.run_until(pair.now + 10s);
  EXPECT_EQ(pair.asker.clock().estimate(pair.now).state, ClockState::kTracking);
}

TEST(ClockSync, APeerWhoseClockJumpsAllTheTimeIsAskedNoMoreThanTwiceASecond) {
  Pair pair(11);
  pair.run_until(pair.now + 10s);
  const int before = pair.requests;
  for (int i = 0; i < 300; ++i) {
    pair.offset = Duration((i % 7) * 24h * 36500 / 7) * (i % 2 == 0 ? 1 : -1);
    pair.run_until(pair.now + 200ms);
  }
  EXPECT_LT(pair.requests - before, 120 + 10);
  EXPECT_EQ(pair.asker.clock().estimate(pair.now).state, ClockState::kUnreliable);
}

// A true time before the early one has no effect; one later than can be contradicts the requests.
TEST(ClockSync, ALyingTrueTimeOfAReplyDoesNotMoveTheOutput) {
  for (const Duration lie : {Duration(0), Duration(-1h), Duration(1h)}) {
    ClockSync sync(1);
    LocalTime now(10s);
    RemoteTime left{};
    for (int i = 0; i < 60; ++i, now += 1s) {
      const auto request = sync.poll(now, 0);
      ASSERT_TRUE(request);
      sync.handle_request_sent(request->id, now);
      const RemoteTime received((now + 1ms).time_since_epoch());
      sync.handle_reply(now + 2ms, {request->id, received, received - 10us, request->id - 1,
                                    left + (i % 30 == 29 ? lie : 0s)});
      left = received;
    }
    EXPECT_LT(std::chrono::abs(sync.clock().estimate(now).offset), 20us) << lie.count();
    EXPECT_EQ(sync.clock().contradictions() > 0, lie > 0s);
  }
}

}  // namespace
}  // namespace echostream::timing
