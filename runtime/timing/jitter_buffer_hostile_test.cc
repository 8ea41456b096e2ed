// What a peer that lies, or a network gone mad, can do to a jitter buffer: nothing beyond its own
// stream, and that only within bounds.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "runtime/sim/random.h"
#include "runtime/timing/jitter_buffer.h"
#include "tests/support/seeds.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

using Kind = PlayoutStep::Kind;

constexpr LocalTime kLocal{5'000s};
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

struct Outcome {
  std::size_t played = 0;
  std::size_t steps = 0;
  std::uint64_t given_up = 0;
  Duration longest_wait{};  // from arrival to playout
  std::uint64_t next = 0;
  bool in_order = true;
};

/// A frame comes every 20 ms; `stamp` says what it claims.
Outcome run(std::size_t frames, const std::function<FrameStamp(std::size_t)>& stamp,
            const JitterBufferOptions& options = {}) {
  JitterBuffer buffer(options, 64);
  Outcome outcome;
  LocalTime last = LocalTime::min();
  std::vector<std::pair<std::uint64_t, LocalTime>> arrivals;
  bool first = true;
  const auto drain = [&](LocalTime now) {
    while (auto step = buffer.poll(now)) {
      ++outcome.steps;
      outcome.in_order &= step->at >= last && step->duration >= Duration::zero();
      last = step->at;
      if (step->kind == Kind::kConceal || step->kind == Kind::kEnd) continue;
      outcome.in_order &= first || step->sequence == outcome.next;
      first = false;
      outcome.next = step->sequence + (step->kind == Kind::kGiveUp ? step->count : 1);
      if (step->kind == Kind::kGiveUp) outcome.given_up += step->count;
      if (step->kind != Kind::kPlay) continue;
      ++outcome.played;
      for (const auto& [sequence, at] : arrivals) {
        if (sequence == step->sequence) {
          outcome.longest_wait = std::max(outcome.longest_wait, step->at - at);
        }
      }
    }
  };
  for (std::size_t i = 0; i < frames; ++i) {
    const LocalTime now = kLocal + 20ms * static_cast<int>(i);
    while (buffer.next_deadline() <= now) drain(buffer.next_deadline());
    FrameStamp frame = stamp(i);
    frame.arrived = now;
    if (buffer.insert(frame) == JitterBuffer::Inserted::kQueued) {
      arrivals.emplace_back(frame.sequence, now);
    }
    drain(now);
  }
  while (buffer.next_deadline() < kLocal + 20ms * static_cast<int>(frames) + 3s) {
    drain(buffer.next_deadline());
  }
  return outcome;
}

Outcome run_captures(const std::function<std::int64_t(std::int64_t)>& capture,
                     LatePolicy policy = LatePolicy::kAuto) {
  JitterBufferOptions options;
  options.late_policy = policy;
  return run(
      1'000,
      [&](std::size_t i) {
        const auto number = static_cast<std::int64_t>(i);
        return FrameStamp{i, RemoteTime(Duration(capture(number))), {}};
      },
      options);
}

constexpr std::int64_t kFrame = 20'000'000;
constexpr std::int64_t kCentury = 3'155'760'000'000'000'000;

TEST(JitterBufferHostile, PlaysFramesWhateverTheirStampsSay) {
  const std::vector<std::function<std::int64_t(std::int64_t)>> liars = {
      [](std::int64_t) { return std::int64_t{0}; },                           // never known
      [](std::int64_t) { return std::int64_t{42}; },                          // stands still
      [](std::int64_t i) { return -i * kFrame; },                             // runs backwards
      [](std::int64_t i) { return i * kFrame / 3; },                          // three times slow
      [](std::int64_t i) { return i * kFrame * 3; },                          // or fast
      [](std::int64_t i) { return i * kFrame + (i >= 300 ? kCentury : 0); },  // 100 years off
      [](std::int64_t i) { return i * kFrame - (i >= 300 ? kCentury : 0); },
      [](std::int64_t i) { return i * kFrame + (i % 7 == 3 ? kCentury : 0); },  // now and then
      [](std::int64_t i) { return i % 2 == 0 ? kMost : -kMost - 1; },
      [](std::int64_t i) { return i % 3 == 0 ? std::int64_t{0} : i * kFrame; },
      [](std::int64_t i) { return i * kFrame + (i >= 300 ? 5 * kFrame * 50 : 0); },  // 5 s ahead
      [](std::int64_t i) { return i * kFrame - (i >= 300 ? 5 * kFrame * 50 : 0); },
      [](std::int64_t i) { return i * 9'000'000'000'000; },  // far apart
  };
  for (std::size_t k = 0; k < liars.size(); ++k) {
    for (const LatePolicy policy : {LatePolicy::kAuto, LatePolicy::kSkip, LatePolicy::kWait}) {
      const Outcome outcome = run_captures(liars[k], policy);
      EXPECT_TRUE(outcome.in_order) << k;
      // All are accounted for, a good part is played (of a stream that claims to be three times as
      // fast, a third), and none waits for longer than the longest delay.
      EXPECT_EQ(outcome.played + outcome.given_up, 1'000U) << k;
      EXPECT_GE(outcome.played, 300U) << k;
      EXPECT_LE(outcome.longest_wait, 2s + 100ms) << k;
    }
  }
}

TEST(JitterBufferHostile, RecoversFromASenderWhoseClockWasSet) {
  const Outcome outcome =
      run_captures([](std::int64_t i) { return i * kFrame + (i >= 300 ? kCentury : 0); });

  EXPECT_EQ(outcome.played, 1'000U);
  EXPECT_EQ(outcome.given_up, 0U);
  EXPECT_LE(outcome.longest_wait, 100ms);
}

TEST(JitterBufferHostile, OneFalseStampDisturbsTwoSecondsAtMost) {
  const Outcome outcome =
      run_captures([](std::int64_t i) { return i * kFrame + (i == 300 ? 5'000'000'000 : 0); });

  EXPECT_GE(outcome.played, 1'000U - 150U);
}

TEST(JitterBufferHostile, LeapsOverAnyNumberOfMissingFramesInOneStep) {
  const auto leap = [](std::size_t i) {
    const std::uint64_t sequence = i < 100 ? i : i + (std::uint64_t{1} << 62);
    return FrameStamp{
        sequence, RemoteTime(Duration(1 + static_cast<std::int64_t>(i) * kFrame)), {}};
  };

  const Outcome outcome = run(200, leap);

  EXPECT_TRUE(outcome.in_order);
  EXPECT_LT(outcome.steps, 2'000U);
  EXPECT_GE(outcome.given_up, std::uint64_t{1} << 62);
  EXPECT_GE(outcome.played, 180U);
}

TEST(JitterBufferHostile, SurvivesTheLastSequenceNumbers) {
  const auto last = [](std::size_t i) {
    return FrameStamp{std::numeric_limits<std::uint64_t>::max() - 50 + i,
                      RemoteTime(Duration(1 + static_cast<std::int64_t>(i) * kFrame)),
                      {}};
  };

  const Outcome outcome = run(51, last);

  EXPECT_GE(outcome.played, 45U);
}

TEST(JitterBufferHostile, PushesOutTheEarliestWhenThereIsNoRoom) {
  JitterBuffer buffer({}, 16);
  for (std::uint64_t i = 0; i < 40; ++i) {
    buffer.insert({i, RemoteTime(1s + 20ms * static_cast<int>(i)), kLocal});
  }

  const auto step = buffer.poll(kLocal);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->kind, Kind::kGiveUp);
  EXPECT_EQ(step->reason, PlayoutStep::Reason::kDropped);
  EXPECT_EQ(step->sequence, 0U);
  std::uint64_t next = step->sequence + step->count;
  std::size_t steps = 0;
  LocalTime now = kLocal;
  while (next < 40 && ++steps < 1'000) {
    while (auto more = buffer.poll(now)) {
      if (more->kind == Kind::kConceal) continue;
      EXPECT_EQ(more->sequence, next);
      next = more->sequence + more->count;
    }
    now = std::max(now + 1us, std::min(buffer.next_deadline(), now + 1s));
  }
  EXPECT_EQ(next, 40U);
  EXPECT_GE(buffer.stats().frames_dropped, 24U);
}

TEST(JitterBufferHostile, KeepsItsPromisesUnderRandomInput) {
  testing::for_each_seed(200, [](std::uint64_t seed) {
    testing::Random random(seed, 1);
    JitterBufferOptions options;
    options.late_policy = static_cast<LatePolicy>(random.below(3));
    options.profile = static_cast<PlayoutProfile>(random.below(3));
    std::uint64_t sequence = random.below(1'000);
    std::int64_t capture = static_cast<std::int64_t>(random.next());
    const Outcome outcome = run(
        300,
        [&](std::size_t) {
          switch (random.below(12)) {
            case 0:
              sequence += random.below(200);
              break;
            case 1:
              sequence -= std::min<std::uint64_t>(sequence, random.below(100));
              break;
            case 2:
              sequence += random.next() >> (2 + random.below(60));
              sequence &= (std::uint64_t{1} << 62) - 1;
              break;
            case 3:
              capture = static_cast<std::int64_t>(random.next());
              break;
            case 4:
              capture = static_cast<std::int64_t>(static_cast<std::uint64_t>(capture) +
                                                  (random.next() >> random.below(60)));
              break;
            default:
              ++sequence;
              capture = static_cast<std::int64_t>(static_cast<std::uint64_t>(capture) + kFrame);
          }
          return FrameStamp{sequence, RemoteTime(Duration(capture)), {}};
        },
        options);
    EXPECT_TRUE(outcome.in_order);
    EXPECT_LE(outcome.steps, 10'000U);
    EXPECT_LE(outcome.longest_wait, 2s + 200ms);
  });
}

TEST(JitterBufferHostile, FollowsNoGroupToTheEndOfTime) {
  for (const std::int64_t offset : {kMost, -kMost - 1, std::int64_t{0}}) {
    JitterBuffer buffer({}, 64);
    buffer.follow(Duration(offset), 15ms);
    std::size_t steps = 0;
    for (int i = 0; i < 500; ++i) {
      const LocalTime now = kLocal + 20ms * i;
      while (buffer.next_deadline() <= now) {
        const LocalTime deadline = buffer.next_deadline();
        while (buffer.poll(deadline)) ++steps;
      }
      buffer.insert({static_cast<std::uint64_t>(i), RemoteTime(1s + 20ms * i), now});
      while (buffer.poll(now)) ++steps;
    }
    EXPECT_LT(steps, 20'000U);
    buffer.follow(std::nullopt, 15ms);
    EXPECT_TRUE(buffer.required_offset());
  }
}

}  // namespace
}  // namespace echostream::timing
