#include "runtime/timing/sync_group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

// A peer: its clock, and what its session knows of it.
struct Peer {
  std::uint64_t id = 0;
  Duration offset{};  // remote minus local, the truth
  Duration error{};   // of what the session says
  bool is_known = true;
  double drift = 0;  // seconds per second, of the truth
};

// One stream's jitter buffer, as far as the group sees it: what it needs, and a playout that
// follows by jumps beyond 15 ms and by stretching 12 % below.
class Stream {
 public:
  Stream(SyncGroup& group, const Peer& peer, Duration its_need, LocalTime now)
      : group_(group), peer_(peer), need(its_need) {
    id = *group.join(peer.id, known_offset(), now);
  }
  void leave(LocalTime now) { group_.leave(id, now); }

  // One frame of 20 ms.
  void play(LocalTime now) {
    SyncUpdate update;
    update.required = to_raw(need);
    if (delay) update.actual = to_raw(*delay);
    update.clock_offset = known_offset();
    const std::optional<Duration> followed = group_.update(id, update, now);
    follows = followed.has_value();
    const Duration wanted = follows ? from_raw(*followed) : need;
    if (!delay) {
      delay = wanted;
      return;
    }
    const Duration step = wanted - *delay;
    if (step > 15ms || step < -15ms) {
      ++jumps;
      delay = wanted;
    } else {
      *delay += std::clamp<Duration>(step, -2400us, 2400us);
    }
    is_late = follows && *delay < need;
  }
  SyncMember seen() const { return group_.member(id); }

  SyncGroup::MemberId id = 0;

 private:
  std::optional<Duration> known_offset() const {
    if (!peer_.is_known) return std::nullopt;
    return peer_.offset + peer_.error;
  }
  // Local playout minus remote capture.
  Duration to_raw(Duration value) const { return value - peer_.offset; }
  Duration from_raw(Duration value) const { return value + peer_.offset; }

  SyncGroup& group_;
  const Peer& peer_;

 public:
  Duration need;
  std::optional<Duration> delay;
  bool follows = false;
  bool is_late = false;
  int jumps = 0;
};

class SyncGroupTest : public ::testing::Test {
 protected:
  Stream& add(Peer& peer, Duration need) {
    streams_.push_back(std::make_unique<Stream>(group_, peer, need, now_));
    return *streams_.back();
  }
  void remove(Stream& stream) {
    stream.leave(now_);
    std::erase_if(streams_, [&](const auto& held) { return held.get() == &stream; });
  }
  void run(Duration time) {
    for (const LocalTime end = now_ + time; now_ < end; now_ += 20ms) {
      for (Peer* peer : {&near_, &far_})
        peer->offset += Duration(static_cast<Duration::rep>(20e6 * peer->drift));
      for (auto& stream : streams_) stream->play(now_);
    }
  }
  // Until everybody has found the common delay.
  void settle() {
    run(3s);
    for (auto& stream : streams_) stream->jumps = 0;
  }
  Duration spread() const {
    std::vector<Duration> delays;
    for (const auto& stream : streams_)
      if (stream->follows && stream->delay) delays.push_back(*stream->delay);
    const auto [least, most] = std::minmax_element(delays.begin(), delays.end());
    return *most - *least;
  }

  LocalTime now_{5000s};
  Peer near_{1, Duration(-7'000'000'000'000'000), 0ns, true, 0};
  Peer far_{2, Duration(4'000'000'000'000'000'000), 0ns, true, 0};
  SyncGroup group_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

TEST_F(SyncGroupTest, EverybodyPlaysWithTheDelayOfTheNeediest) {
  Stream& voice = add(near_, 40ms);
  Stream& video = add(near_, 90ms);
  Stream& sensor = add(far_, 15ms);
  run(1s);
  EXPECT_EQ(voice.delay, 90ms);
  EXPECT_EQ(video.delay, 90ms);
  EXPECT_EQ(sensor.delay, 90ms);
  EXPECT_EQ(group_.report().delay, 90ms);
  EXPECT_EQ(group_.report().skew, 0ms);
  EXPECT_EQ(group_.report().in_step, 3u);
}

TEST_F(SyncGroupTest, ANeedOfOneFrameMovesNobody) {
  Stream& voice = add(near_, 40ms);
  Stream& video = add(near_, 60ms);
  settle();
  for (int i = 0; i < 20; ++i) {
    video.need = 120ms;
    run(40ms);
    video.need = 60ms;
    run(200ms);
  }
  EXPECT_EQ(group_.report().delay, 60ms);
  EXPECT_EQ(voice.jumps + video.jumps, 0);
}

TEST_F(SyncGroupTest, RisesSoonAndFallsNoFasterThanMembersCanStretch) {
  Stream& voice = add(near_, 40ms);
  Stream& video = add(near_, 60ms);
  run(2s);
  video.need = 100ms;
  run(100ms);
  EXPECT_EQ(group_.report().delay, 100ms);
  run(1s);
  const int jumps = voice.jumps + video.jumps;
  video.need = 40ms;
  Duration last = group_.report().delay;
  for (int i = 0; i < 100; ++i) {
    run(20ms);
    const Duration now = group_.report().delay;
    EXPECT_LE(last - now, 2ms);
    last = now;
  }
  EXPECT_EQ(last, 40ms);
  EXPECT_EQ(voice.jumps + video.jumps, jumps);
}

TEST_F(SyncGroupTest, DoesNotSwingWithANeedThatComesBackEverySecond) {
  add(near_, 40ms);
  Stream& video = add(near_, 60ms);
  run(1s);
  for (int i = 0; i < 20; ++i) {
    video.need = i % 2 == 0 ? 60ms : 75ms;
    run(500ms);
    if (i > 1) {
      EXPECT_EQ(group_.report().delay, 75ms);
    }
  }
}

TEST_F(SyncGroupTest, ALateJoinerThatNeedsNoMoreMovesNobody) {
  Stream& voice = add(near_, 40ms);
  Stream& video = add(near_, 90ms);
  settle();
  Stream& late = add(far_, 60ms);
  EXPECT_TRUE(group_.follow_offset(late.id, now_).has_value());  // From its first frame on.
  run(2s);
  EXPECT_EQ(voice.jumps + video.jumps + late.jumps, 0);
  EXPECT_EQ(late.delay, 90ms);
}

TEST_F(SyncGroupTest, TheFirstGuessOfALateJoinerMovesNobody) {
  Stream& voice = add(near_, 20ms);
  settle();
  Stream& late = add(near_, 80ms);  // What a jitter buffer starts with.
  run(400ms);
  EXPECT_EQ(late.seen().state, SyncMemberState::kSettling);
  EXPECT_FALSE(late.is_late);
  late.need = 15ms;  // What it finds.
  run(2s);
  EXPECT_EQ(voice.jumps, 0);
  EXPECT_EQ(voice.delay, 20ms);
  EXPECT_EQ(late.delay, 20ms);
}

TEST_F(SyncGroupTest, ALateJoinerThatNeedsMoreGetsItOnceThatIsCertain) {
  Stream& voice = add(near_, 20ms);
  settle();
  Stream& late = add(near_, 80ms);
  run(1s);
  EXPECT_EQ(voice.delay, 80ms);
  EXPECT_EQ(late.delay, 80ms);
}

TEST_F(SyncGroupTest, TheDelayFallsWhenTheNeediestLeaves) {
  Stream& voice = add(near_, 40ms);
  Stream& video = add(far_, 90ms);
  settle();
  remove(video);
  run(2s);
  EXPECT_EQ(voice.delay, 40ms);
  EXPECT_EQ(voice.jumps, 0);
}

TEST_F(SyncGroupTest, AHopelesslySlowMemberIsLeftOutAndComesBack) {
  Stream& voice = add(near_, 40ms);
  Stream& video = add(near_, 60ms);
  Stream& slow = add(far_, 50ms);
  run(2s);
  slow.need = 900ms;
  run(1s);
  // While it may be passing, the others give what patience allows.
  EXPECT_EQ(group_.report().delay, 310ms);
  run(6s);
  EXPECT_EQ(slow.seen().state, SyncMemberState::kLeftOut);
  EXPECT_EQ(group_.report().left_out, 1u);
  EXPECT_FALSE(slow.follows);
  EXPECT_EQ(*slow.delay, 900ms);
  EXPECT_EQ(group_.report().delay, 60ms);

  // Better, but not well: between the two limits nothing changes.
  slow.need = 250ms;
  run(5s);
  EXPECT_EQ(slow.seen().state, SyncMemberState::kLeftOut);
  slow.need = 100ms;
  run(3s);
  EXPECT_EQ(slow.seen().state, SyncMemberState::kInStep);
  EXPECT_EQ(voice.delay, 100ms);
  EXPECT_EQ(video.delay, 100ms);
}

TEST_F(SyncGroupTest, AShortStallLeavesNobodyOut) {
  add(near_, 40ms);
  Stream& slow = add(far_, 50ms);
  run(2s);
  for (int i = 0; i < 5; ++i) {
    slow.need = 900ms;
    run(1500ms);
    slow.need = 50ms;
    run(100ms);
    EXPECT_EQ(group_.report().left_out, 0u);
    EXPECT_LE(group_.report().delay, 40ms + 250ms);
  }
}

TEST(SyncGroup, WaitsForASlowMemberWhenToldTo) {
  SyncGroupOptions options;
  options.slow_members = SlowMemberPolicy::kWait;
  options.max_delay = 800ms;
  SyncGroup group(options);
  const LocalTime start{1s};
  const auto quick = *group.join(1, 0ms, start);
  const auto slow = *group.join(1, 0ms, start);
  for (LocalTime now = start; now < start + 10s; now += 20ms) {
    (void)group.update(quick, {.required = 30ms, .actual = {}, .clock_offset = 0ms}, now);
    (void)group.update(slow, {.required = 700ms, .actual = {}, .clock_offset = 0ms}, now);
  }
  EXPECT_EQ(group.report().left_out, 0u);
  EXPECT_EQ(group.follow_offset(quick, start + 10s), Duration(700ms));
  for (LocalTime now = start + 10s; now <= start + 10'100ms; now += 20ms) {
    (void)group.update(slow, {.required = 5s, .actual = {}, .clock_offset = 0ms}, now);
  }
  EXPECT_EQ(group.follow_offset(quick, start + 10'100ms), Duration(800ms));
}

TEST_F(SyncGroupTest, ASilentMemberHoldsNobodyUp) {
  Stream& voice = add(near_, 40ms);
  const auto silent = *group_.join(far_.id, far_.offset, now_);
  (void)group_.update(
      silent, {.required = 200ms - far_.offset, .actual = {}, .clock_offset = far_.offset}, now_);
  run(5s);
  EXPECT_EQ(voice.delay, 200ms);
  run(10s);
  EXPECT_EQ(group_.member(silent).state, SyncMemberState::kSilent);
  EXPECT_EQ(voice.delay, 40ms);
}

// ---- Clocks

TEST_F(SyncGroupTest, AnErrorOfTheClockCancelsWithinASession) {
  Stream& voice = add(near_, 40ms);
  Stream& video = add(near_, 90ms);
  settle();
  // The clock is found to have been wrong by 70 ms, at once.
  near_.error = -70ms;
  run(2s);
  EXPECT_EQ(voice.jumps + video.jumps, 0);
  EXPECT_EQ(voice.delay, 90ms);
  EXPECT_EQ(video.delay, 90ms);
  near_.error = 30ms;
  run(2s);
  EXPECT_EQ(voice.jumps + video.jumps, 0);
  EXPECT_EQ(spread(), 0ns);
}

TEST_F(SyncGroupTest, NeedsNoClockWithinASession) {
  near_.is_known = false;
  Stream& voice = add(near_, 40ms);
  Stream& video = add(near_, 90ms);
  settle();
  EXPECT_EQ(voice.delay, 90ms);
  EXPECT_EQ(video.delay, 90ms);
  // That it is known now makes no difference to those who play.
  near_.is_known = true;
  run(2s);
  EXPECT_EQ(voice.jumps + video.jumps, 0);
  EXPECT_EQ(group_.report().delay, 90ms);
  EXPECT_EQ(voice.delay, 90ms);
}

TEST_F(SyncGroupTest, AMemberOfUnknownClockPlaysByItselfBesideOthers) {
  far_.is_known = false;
  Stream& voice = add(near_, 40ms);
  Stream& other = add(far_, 90ms);
  run(2s);
  EXPECT_EQ(other.seen().state, SyncMemberState::kNoClock);
  EXPECT_FALSE(other.follows);
  EXPECT_EQ(voice.delay, 40ms);
  far_.is_known = true;
  run(2s);
  EXPECT_EQ(voice.delay, 90ms);
  EXPECT_EQ(other.delay, 90ms);
}

TEST_F(SyncGroupTest, SessionsStayTogetherWhileTheirClocksDrift) {
  near_.drift = 80e-6;
  far_.drift = -70e-6;
  add(near_, 40ms);
  add(near_, 60ms);
  Stream& other = add(far_, 55ms);
  settle();
  for (int i = 0; i < 600; ++i) {
    run(1s);
    ASSERT_LE(spread(), 100us);
  }
  EXPECT_EQ(other.jumps, 0);
  EXPECT_NEAR(static_cast<double>(group_.report().delay.count()), 60e6, 1e5);
}

// ---- Reports, limits, bad input

TEST_F(SyncGroupTest, ReportsWhoIsAheadAndWhoBehind) {
  const auto first = *group_.join(1, 0ms, now_);
  const auto second = *group_.join(1, 0ms, now_);
  for (int i = 0; i < 200; ++i, now_ += 20ms) {
    const Duration wobble = i % 100 < 90 ? 2ms : 12ms;
    (void)group_.update(first, {.required = 50ms, .actual = 50ms - wobble, .clock_offset = 0ms},
                        now_);
    (void)group_.update(second, {.required = 60ms, .actual = 61ms, .clock_offset = 0ms}, now_);
  }
  EXPECT_EQ(group_.member(first).skew, -22ms);
  EXPECT_EQ(group_.member(second).skew, 1ms);
  const SyncGroupStats report = group_.report();
  EXPECT_EQ(report.skew, 23ms);
  // 90 % of the time 13 ms, else 23: within the histogram's 6 %.
  EXPECT_NEAR(static_cast<double>(report.skew_p95.count()), 23e6, 1.5e6);
}

TEST(SyncGroup, TakesNoMoreMembersThanItHasRoomFor) {
  SyncGroup group({}, 3);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(group.join(i, 0ms, LocalTime{}));
  EXPECT_FALSE(group.join(9, 0ms, LocalTime{}));
  group.leave(1, LocalTime{});
  EXPECT_EQ(group.join(9, 0ms, LocalTime{}), std::optional<SyncGroup::MemberId>(1));
}

TEST(SyncGroup, SurvivesNeedsAndClocksFromAnywhereWithinItsGreatestDelay) {
  std::mt19937_64 random(3);
  SyncGroup group({}, 8);
  std::vector<SyncGroup::MemberId> ids;
  for (std::uint64_t i = 0; i < 8; ++i) ids.push_back(*group.join(i / 2, {}, LocalTime{}));
  LocalTime now{1s};
  const auto wild = [&]() -> Duration {
    const std::int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, static_cast<std::int64_t>(random()),
                                     static_cast<std::int64_t>(random() % 1'000'000'000)};
    return Duration(extremes[random() % 5]);
  };
  for (int i = 0; i < 100'000; ++i) {
    const auto id = ids[random() % ids.size()];
    SyncUpdate update;
    if (random() % 8 != 0) update.required = wild();
    if (random() % 8 != 0) update.actual = wild();
    if (random() % 4 != 0) update.clock_offset = wild();
    (void)group.update(id, update, now);
    if (random() % 500 == 0) {
      group.leave(id, now);
      ASSERT_EQ(group.join(random() % 4, {}, now), std::optional(id));
    }
    ASSERT_LE(group.report().delay, 2s);
    now += Duration(random() % 50'000'000);
  }
}

// Members with needs that wander, who come and go, one of them slow for a time, two sessions that
// drift: whoever is in step is together, and has the delay it needs.
TEST(SyncGroup, KeepsItsMembersTogetherWhateverTheyDo) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto chance = [&](double share) {
      return static_cast<double>(random() >> 11) * 0x1p-53 < share;
    };
    SyncGroup group;
    Peer peers[2] = {{1, Duration(static_cast<std::int64_t>(random() >> 2)), 0ns, true, 60e-6},
                     {2, Duration(-static_cast<std::int64_t>(random() >> 2)), 0ns, true, -90e-6}};
    LocalTime now{100s};
    std::vector<std::unique_ptr<Stream>> streams;
    int samples = 0;
    int apart = 0;
    int late = 0;
    for (int frame = 0; frame < 10'000; ++frame, now += 20ms) {
      for (Peer& peer : peers)
        peer.offset += Duration(static_cast<std::int64_t>(20e6 * peer.drift));
      if (streams.size() < 6 && chance(0.01)) {
        streams.push_back(std::make_unique<Stream>(group, peers[random() % 2],
                                                   Duration(20ms + 1ms * (random() % 80)), now));
      } else if (streams.size() > 2 && chance(0.002)) {
        streams.front()->leave(now);
        streams.erase(streams.begin());
      }
      Duration least = Duration::max();
      Duration most = Duration::min();
      for (auto& stream : streams) {
        stream->need += Duration(static_cast<std::int64_t>(random() % 400'001) - 200'000);
        stream->need = std::clamp<Duration>(stream->need, 10ms, 150ms);
        stream->play(now);
        if (stream->seen().state != SyncMemberState::kInStep) continue;
        ++samples;
        late += stream->is_late ? 1 : 0;
        least = std::min(least, *stream->delay);
        most = std::max(most, *stream->delay);
      }
      if (most > least && most - least > 5ms) ++apart;
    }
    // A member that comes, or a step up, takes some frames until everybody is there.
    EXPECT_LE(apart, 100) << "of 10000 moments";
    EXPECT_LE(late, samples / 50);
    EXPECT_LE(group.report().skew_p95, 5ms);
    EXPECT_LE(group.report().skew_p99, 15ms);
  }
}

TEST(SkewHistogram, TellsQuantilesToSixPercentOverSixDecades) {
  for (const Duration::rep scale : {1'000, 70'000, 3'000'000, 400'000'000}) {
    SkewHistogram histogram;
    for (int i = 1; i <= 1000; ++i) histogram.add(Duration(scale * i / 100));
    for (const double share : {0.5, 0.95, 0.99}) {
      const double truth = static_cast<double>(scale) * 10 * share;
      const double told = static_cast<double>(histogram.quantile(share).count());
      EXPECT_GE(told, truth * 0.999);
      EXPECT_LE(told, truth * 1.07 + 1000) << "scale " << scale << " share " << share;
    }
  }
}

TEST(SkewHistogram, ForgetsWhatIsLongPast) {
  SkewHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.99), 0ns);
  for (int i = 0; i < 5000; ++i) histogram.add(80ms);
  for (int i = 0; i < 60'000; ++i) histogram.add(1ms);
  EXPECT_LE(histogram.quantile(0.99), 2ms);
  histogram.add(-5ms);
  histogram.add(Duration::max());
  EXPECT_EQ(histogram.samples(), 65'002u);
}

}  // namespace
}  // namespace echostream::timing
