#include "runtime/timing/peer_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <type_traits>

#include "runtime/timing/clock_arithmetic.h"
#include "tests/support/clock_world.h"
#include "tests/support/seeds.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;
using testing::ClockWorld;
using testing::ClockWorldOptions;
using Path = ClockWorldOptions::Path;

// Beside the points of the envelope, at most 96 of 16 bytes a side, everything lies within the
// object.
static_assert(sizeof(PeerClock) < 8192);

// Clocks without wander or noise, for what is to be followed exactly.
struct Exact {
  LocalTime now{1000s};
  Duration offset = 5h;
  Duration delay = 1ms;

  void exchange(PeerClock& clock) const {
    clock.add_forward(now, RemoteTime((now + delay + offset).time_since_epoch()));
    clock.add_backward(RemoteTime((now + delay + offset).time_since_epoch()), now + 2 * delay);
  }
  void exchange(PeerClock& clock, int count, Duration interval = 200ms) {
    for (int i = 0; i < count; ++i) {
      exchange(clock);
      now += interval;
    }
  }
  Duration error(const PeerClock& clock) const { return clock.estimate(now).offset - offset; }
  ClockState state(const PeerClock& clock) const { return clock.estimate(now).state; }
};

TEST(PeerClock, IsUnknownBeforeBothDirectionsWereHeard) {
  PeerClock clock;
  EXPECT_FALSE(clock.is_known());
  EXPECT_EQ(clock.estimate(LocalTime(1s)).samples, 0u);
  EXPECT_EQ(clock.estimate(LocalTime(1s)).bound, Duration::max());
  clock.add_forward(LocalTime(1s), RemoteTime(5s));
  EXPECT_FALSE(clock.is_known());
  clock.add_backward(RemoteTime(5s), LocalTime(1s + 2ms));
  EXPECT_TRUE(clock.is_known());
}

TEST(PeerClock, TheFirstExchangeGivesAnEstimateAndABound) {
  PeerClock clock;
  Exact world;
  world.exchange(clock);
  const ClockEstimate estimate = clock.estimate(world.now + 2ms);
  EXPECT_EQ(estimate.samples, 1u);
  EXPECT_EQ(estimate.state, ClockState::kAcquiring);
  EXPECT_LE(std::chrono::abs(estimate.offset - world.offset), estimate.bound);
  EXPECT_GE(estimate.bound, 1ms);
  EXPECT_LT(estimate.bound, 1100us);
}

TEST(PeerClock, TracksAfterTheFirstSeconds) {
  PeerClock clock;
  Exact world;
  world.exchange(clock, 20, 50ms);
  EXPECT_EQ(world.state(clock), ClockState::kAcquiring);
  world.exchange(clock, 20);
  EXPECT_EQ(world.state(clock), ClockState::kTracking);
  EXPECT_LT(std::chrono::abs(world.error(clock)), 5us);
  EXPECT_NEAR(clock.estimate(world.now).skew_ppm, 0, 2);
  EXPECT_NEAR(static_cast<double>(clock.estimate(world.now).least_rtt.count()), 2e6, 1e5);
}

// ---- States

TEST(PeerClock, InHoldoverItGoesOnAndTheBoundGrows) {
  ClockWorldOptions options;
  options.outage_from = 60;
  options.outage_to = 200;
  const ClockWorld world(7, options);
  PeerClock clock;
  testing::score_clock(world, clock, 62);
  EXPECT_EQ(clock.estimate(world.local(62)).state, ClockState::kTracking);
  Duration bound{};
  for (double at = 70; at < 119; at += 5) {
    const ClockEstimate estimate = clock.estimate(world.local(at));
    EXPECT_EQ(estimate.state, ClockState::kHoldover);
    EXPECT_GT(estimate.bound, bound);
    EXPECT_LE(std::abs(testing::error_us(world, clock, at)) * 1e3,
              static_cast<double>(estimate.bound.count()));
    bound = estimate.bound;
  }
}

TEST(PeerClock, APathChangeWidensTheBoundAtOnceAndForTenSeconds) {
  PeerClock clock;
  Exact world;
  world.exchange(clock, 60);
  const ClockEstimate before = clock.estimate(world.now);
  clock.handle_path_change(world.now);
  const ClockEstimate after = clock.estimate(world.now);
  EXPECT_EQ(before.state, ClockState::kTracking);
  EXPECT_EQ(after.state, ClockState::kPathChanged);
  EXPECT_GT(after.bound, before.bound * 5 / 4);
  EXPECT_GT(after.estimated_error, before.estimated_error);
  EXPECT_EQ(after.offset, before.offset);
  world.delay = 9ms;
  world.exchange(clock, 60);
  EXPECT_EQ(world.state(clock), ClockState::kTracking);
  EXPECT_LT(std::chrono::abs(world.error(clock)), 20us);
  EXPECT_NEAR(static_cast<double>(clock.estimate(world.now).least_rtt.count()), 18e6, 1e5);
}

TEST(PeerClock, ALongerPathIsNoticedWithoutBeingTold) {
  ClockWorldOptions options;
  options.path = Path::kWan;
  options.rate = 5;
  options.delay_change_us = 15000;
  const ClockWorld world(11, options);
  PeerClock clock;
  testing::score_clock(world, clock, 63);
  EXPECT_EQ(clock.estimate(world.local(63)).state, ClockState::kPathChanged);
  EXPECT_LT(std::abs(testing::error_us(world, clock, 63)), 300);
  PeerClock again;
  testing::score_clock(world, again, 115);
  EXPECT_EQ(again.estimate(world.local(115)).state, ClockState::kTracking);
  EXPECT_LT(std::abs(testing::error_us(world, again, 115)), 300);
}

// ---- Jumps and lies

TEST(PeerClock, ASuspendOfThisEndIsFollowedForward) {
  PeerClock clock;
  Exact world;
  world.exchange(clock, 60);
  world.offset += 1h;  // the peer went on while we slept
  world.exchange(clock);
  EXPECT_EQ(world.state(clock), ClockState::kUnreliable);
  world.exchange(clock, 5, 50ms);
  EXPECT_EQ(clock.contradictions(), 1u);
  EXPECT_LT(std::chrono::abs(world.error(clock)), 100us);
  world.exchange(clock, 60);
  EXPECT_EQ(world.state(clock), ClockState::kTracking);
  EXPECT_LT(std::chrono::abs(world.error(clock)), 10us);
}

TEST(PeerClock, AShortSuspendOfThePeerStopsTheOutputUntilItIsRightAgain) {
  PeerClock clock;
  Exact world;
  world.exchange(clock, 60);
  world.offset -= 800ms;
  RemoteTime held{};
  for (int i = 0; i < 100; ++i, world.now += 50ms) {
    world.exchange(clock);
    const LocalTime answered = world.now + 2 * world.delay;
    const RemoteTime shown = clock.to_remote(answered);
    EXPECT_GE(shown, held);
    held = shown;
    const ClockEstimate estimate = clock.estimate(answered);
    EXPECT_LE(std::chrono::abs(estimate.offset - world.offset), estimate.bound);
    if (i > 5 && i < 14) {
      EXPECT_EQ(estimate.state, ClockState::kUnreliable);
    }
  }
  EXPECT_LT(std::chrono::abs(world.error(clock)), 100us);
}

TEST(PeerClock, ALongSuspendOfThePeerIsFollowedByOneStepBack) {
  PeerClock clock;
  Exact world;
  world.exchange(clock, 60);
  world.offset -= 1h;
  RemoteTime shown = clock.to_remote(world.now);
  int steps_back = 0;
  for (int i = 0; i < 100; ++i) {
    world.exchange(clock, 1, 50ms);
    const RemoteTime next = clock.to_remote(world.now);
    if (next < shown) ++steps_back;
    shown = next;
    const ClockEstimate estimate = clock.estimate(world.now);
    EXPECT_LE(std::chrono::abs(estimate.offset - world.offset), estimate.bound);
  }
  EXPECT_EQ(steps_back, 1);
  EXPECT_LT(std::chrono::abs(world.error(clock)), 100us);
}

TEST(PeerClock, WhileItStandsStillTheRecentPastIsMappedByTheTruth) {
  PeerClock clock;
  Exact world;
  world.exchange(clock, 60);
  world.offset -= 900ms;
  world.exchange(clock, 6, 50ms);
  // A frame that was captured a moment ago, by the peer's clock as it is now.
  const LocalTime captured = world.now - 30ms;
  const RemoteTime stamp((captured + world.offset).time_since_epoch());
  EXPECT_LT(std::chrono::abs(clock.to_local(stamp) - captured), 1ms);
}

TEST(PeerClock, OneWrongStampDoesNotMoveTheOutput) {
  for (const Duration lie : {Duration(-1h), Duration(24h * 36500), Duration(-24h * 36500)}) {
    PeerClock clock;
    Exact world;
    world.exchange(clock, 60);
    Exact wrong = world;
    wrong.offset += lie;
    wrong.exchange(clock);
    const RemoteTime shown = clock.to_remote(world.now);
    world.exchange(clock, 60);
    EXPECT_LT(std::chrono::abs(world.error(clock)), 10us);
    EXPECT_GE(clock.to_remote(world.now), shown);
    EXPECT_EQ(world.state(clock), ClockState::kTracking);
  }
}

TEST(PeerClock, StampsThatKeepContradictingEachOtherAreNotFollowed) {
  PeerClock clock;
  Exact world;
  world.exchange(clock, 60);
  for (int i = 0; i < 200; ++i) {
    Exact wrong = world;
    wrong.offset += i % 20 < 10 ? Duration(i * 10s) : Duration(-i * 10s);
    wrong.exchange(clock);
    world.now += 200ms;
    if (i > 60) {
      EXPECT_EQ(world.state(clock), ClockState::kUnreliable);
    }
  }
  // Nothing was confirmed, so nothing was followed, and in the end it is believed again.
  EXPECT_LT(std::chrono::abs(world.error(clock)), 1ms);
  world.exchange(clock, 400);
  EXPECT_EQ(world.state(clock), ClockState::kTracking);
  EXPECT_LT(std::chrono::abs(world.error(clock)), 10us);
}

TEST(PeerClock, RandomStampsNeverTurnItBackButByALongStep) {
  testing::for_each_seed(60, [](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    PeerClock clock;
    LocalTime now(Duration(static_cast<std::int64_t>(random() >> 2)));
    RemoteTime previous{};
    bool is_first = true;
    std::int64_t offset = static_cast<std::int64_t>(random());
    for (int i = 0; i < 2000; ++i) {
      const auto pick = random() % 100;
      if (pick < 3) offset = static_cast<std::int64_t>(random());
      if (pick < 10)
        offset = wrapping_sum(offset, static_cast<std::int64_t>(random() % 20000000) - 10000000);
      const auto noise = static_cast<std::int64_t>(random() % 2000000);
      const auto remote = RemoteTime(Duration(wrapping_sum(count_of(now), offset)));
      if (random() % 2 == 0)
        clock.add_forward(now, remote + Duration(noise));
      else
        clock.add_backward(remote, now + Duration(noise));
      if (random() % 50 == 0) clock.handle_path_change(now);
      now += Duration(2000000 + static_cast<std::int64_t>(random() % 300000000));
      const RemoteTime shown = clock.to_remote(now);
      if (clock.is_known() && !is_first) {
        const std::int64_t moved = wrapping_difference(count_of(shown), count_of(previous));
        ASSERT_TRUE(moved >= 0 || moved < -600'000'000) << i;
      }
      is_first = !clock.is_known();
      previous = shown;
      ASSERT_GE(clock.estimate(now).bound, 0ns);
    }
  });
}

TEST(PeerClock, ClocksAtTheEndsOfTimeAreNoProblem) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t local : {kLeast + 1, std::int64_t{0}, kMost - 200000000000}) {
    for (const std::int64_t remote : {kLeast, std::int64_t{-1}, kMost - 1000}) {
      PeerClock clock;
      for (int i = 0; i < 100; ++i) {
        const LocalTime sent(Duration(wrapping_sum(local, i * 1000000000ll)));
        const RemoteTime received(Duration(wrapping_sum(remote, i * 1000000000ll + 500000)));
        clock.add_forward(sent, received);
        clock.add_backward(received, sent + 1ms);
      }
      const LocalTime now(Duration(local + 99000000000));
      const std::int64_t truth = wrapping_difference(remote, local);
      const std::int64_t error = wrapping_difference(clock.estimate(now).offset.count(), truth);
      EXPECT_LT(std::abs(error), 20000);
      EXPECT_EQ(clock.contradictions(), 0u);
      clock.to_remote(LocalTime::max());
      clock.to_remote(LocalTime::min());
      clock.to_local(RemoteTime::max());
      clock.to_local(RemoteTime::min());
    }
  }
}

// ---- The mapping

TEST(PeerClock, BothDirectionsOfTheMappingAreEachOthersInverse) {
  testing::for_each_seed(6, [](std::uint64_t seed) {
    ClockWorldOptions options;
    options.path = Path::kWifi;
    const ClockWorld world(seed, options);
    PeerClock clock;
    testing::score_clock(world, clock, 40);
    const LocalTime now = world.local(40);
    for (Duration off = -5s; off < 5s; off += 13ms) {
      const LocalTime back = clock.to_local(clock.to_remote(now + off));
      ASSERT_LE(std::chrono::abs(back - (now + off)), 3ns) << off.count();
    }
  });
}

TEST(PeerClock, TheMappingGrowsWithItsArgumentAtAnyMoment) {
  ClockWorldOptions options;
  options.path = Path::kWifi;
  const ClockWorld world(5, options);
  for (const double at : {0.3, 2.0, 4.1, 17.0}) {
    PeerClock clock;
    testing::score_clock(world, clock, at);
    const LocalTime now = world.local(at);
    RemoteTime remote = clock.to_remote(now - 1s);
    LocalTime local = clock.to_local(remote);
    for (Duration off = -1s; off < 2s; off += 97us) {
      const RemoteTime next = clock.to_remote(now + off);
      ASSERT_GE(wrapping_difference(count_of(next), count_of(remote)), 0);
      const LocalTime next_local = clock.to_local(next);
      ASSERT_GE(wrapping_difference(count_of(next_local), count_of(local)), 0);
      remote = next;
      local = next_local;
    }
  }
}

TEST(PeerClock, CorrectionsAreSlewedOnceItTracks) {
  testing::for_each_seed(6, [](std::uint64_t seed) {
    ClockWorldOptions options;
    options.path = Path::kWifi;
    const ClockWorld world(seed, options);
    PeerClock clock;
    testing::score_clock(world, clock, 10);
    auto next = world.exchanges().begin();
    LocalTime now = world.local(10);
    while (next->answered <= now) ++next;
    RemoteTime shown = clock.to_remote(now);
    for (double at = 10.001; at < 60; at += 0.001) {
      now = world.local(at);
      for (; next->answered <= now; ++next) {
        clock.add_forward(next->sent, next->received);
        clock.add_backward(next->replied, next->answered);
      }
      const RemoteTime later = clock.to_remote(now);
      const auto passed = wrapping_difference(count_of(later), count_of(shown));
      // 500 ppm of slewing, and 250 for what the clocks themselves may differ by.
      ASSERT_NEAR(static_cast<double>(passed), 1e6, 750 + 5) << at;
      shown = later;
    }
  });
}

TEST(PeerClock, StampsFromBeforeTheLastQuestionDoNotTurnItBack) {
  PeerClock clock;
  Exact world;
  std::mt19937_64 random(1);
  RemoteTime shown{};
  for (int i = 0; i < 3000; ++i, world.now += 10ms) {
    // Answered within 8 ms; but the packet waited to be read, and meanwhile we were asked.
    const Duration there = 1ms + Duration(random() % 3000000);
    const Duration back = 1ms + Duration(random() % 3000000);
    const RemoteTime received((world.now + there + world.offset).time_since_epoch());
    clock.add_forward(world.now, received);
    clock.add_backward(received, world.now + there + back);
    for (const Duration ahead : {10ms, 14ms, 19ms}) {
      const RemoteTime next = clock.to_remote(world.now + ahead);
      ASSERT_GE(next, shown) << i;
      shown = next;
    }
  }
}

}  // namespace
}  // namespace echostream::timing
