#include "tools/echostream/timing/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <sstream>

#include "tools/echostream/timing/playout_summary.h"

namespace echostream::tool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kFrame = milliseconds(20);

Trace make_trace(std::vector<TraceFrame> frames) {
  Trace trace;
  trace.frames = std::move(frames);
  for (std::size_t i = 0; i < trace.frames.size(); ++i) {
    trace.frames[i].first_packet = i;
    if (!trace.frames[i].arrived) continue;
    if (!trace.origin) trace.origin = i;
    trace.arrivals.push_back({*trace.frames[i].arrived, i});
  }
  std::stable_sort(trace.arrivals.begin(), trace.arrivals.end(),
                   [](const TraceArrival& a, const TraceArrival& b) { return a.at < b.at; });
  return trace;
}

// Frames of 20 ms over a network of constant delay; the sender's clock has an epoch of its own.
std::vector<TraceFrame> steady_frames(std::size_t count) {
  std::vector<TraceFrame> frames;
  for (std::size_t i = 0; i < count; ++i) {
    const Duration sent = static_cast<std::int64_t>(i) * kFrame - seconds(5000);
    frames.push_back({sent, sent + seconds(9000) + milliseconds(30), 0});
  }
  return frames;
}

// Exponential jitter, loss, reordering and pauses of the sender, all of the seed.
Trace random_trace(std::uint32_t seed, std::size_t count) {
  std::mt19937 random(seed);
  std::exponential_distribution<double> jitter_ms(1 / 15.0);
  std::vector<TraceFrame> frames;
  Duration sent = seconds(3);
  for (std::size_t i = 0; i < count; ++i) {
    sent += random() % 100 == 0 ? milliseconds(20 + random() % 2000) : kFrame;
    const auto jitter = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, std::milli>(jitter_ms(random)));
    TraceFrame frame{sent, sent + milliseconds(25) + jitter, 0};
    if (random() % 50 == 0) frame.arrived.reset();
    frames.push_back(frame);
  }
  return make_trace(std::move(frames));
}

// "seq:state" of all frames, without filler.
std::string fates(const std::vector<Decision>& decisions) {
  constexpr char kLetters[] = {'p', 'l', 'x', 'd', 'c'};
  std::string out;
  for (const Decision& decision : decisions) {
    if (decision.state == Decision::State::kConcealed) continue;
    out += kLetters[static_cast<std::size_t>(decision.state)];
  }
  return out;
}

// The last frame comes after 82 years.
TEST(Replay, SumsOfDelaysStopAtTheLongestTimeThereIs) {
  std::istringstream in(
      "seq,send_us,arrival_us\n0,0,30000\n1,20000,50000\n2,40000,70000\n3,60000,\n"
      "40009,80000,110000\n5,100000,130000\n6,120000,15000\n9,180000,210000\n"
      "10,200000,2600030003000000\n");
  const auto trace = read_trace(in, "trace");
  ASSERT_TRUE(trace) << trace.error().message();
  JitterBufferOptions options;
  options.late_policy = LatePolicy::kWait;
  const auto played = replay(*trace, options);
  ASSERT_TRUE(played);
  EXPECT_GE(played->stats.delay_sum, Duration::zero());
  EXPECT_GE(played->stats.target_delay_sum, Duration::zero());
  EXPECT_GE(played->stats.minimum_delay_sum, Duration::zero());
}

TEST(Replay, PlaysAllOfASteadyStreamAndFillsNothing) {
  const Trace trace = make_trace(steady_frames(200));
  const auto result = replay(trace, {});
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(fates(result->decisions), std::string(200, 'p'));
  EXPECT_EQ(result->decisions.size(), 200U);
  EXPECT_EQ(result->stats.frames_emitted, 200U);
}

TEST(Replay, TellsFramesThatNeverCameFromThoseThatCameTooLate) {
  auto frames = steady_frames(200);
  frames[100].arrived.reset();
  *frames[150].arrived += seconds(2);
  JitterBufferOptions options;
  options.late_policy = LatePolicy::kSkip;
  const auto result = replay(make_trace(frames), options);
  ASSERT_TRUE(result) << result.error();
  std::string expected(200, 'p');
  expected[100] = 'x';
  expected[150] = 'l';
  EXPECT_EQ(fates(result->decisions), expected);
}

TEST(Replay, AccountsForFramesBeforeTheFirstThatCame) {
  auto frames = steady_frames(50);
  frames[0].arrived.reset();
  *frames[1].arrived += seconds(3);
  const auto result = replay(make_trace(frames), {});
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(fates(result->decisions).substr(0, 4), "xlpp");
  EXPECT_EQ(result->decisions[0].duration, Duration::zero());
}

TEST(Replay, AccountsForAStreamThatNeverArrived) {
  auto frames = steady_frames(5);
  for (TraceFrame& frame : frames) frame.arrived.reset();
  const auto result = replay(make_trace(frames), {});
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(fates(result->decisions), "xxxxx");
}

TEST(Replay, TakesTheSendersSilenceForNoInterruption) {
  auto frames = steady_frames(400);
  for (std::size_t i = 200; i < frames.size(); ++i) {
    frames[i].sent += seconds(4);
    *frames[i].arrived += seconds(4);
  }
  const Trace trace = make_trace(frames);
  const auto result = replay(trace, {});
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(fates(result->decisions), std::string(400, 'p'));
  EXPECT_EQ(result->decisions.size(), 400U);
  EXPECT_EQ(summarize(trace, result->decisions).concealed_percent, 0);
}

TEST(Replay, CountsWhatWasMissingWhenTheNetworkStops) {
  // All that is sent within a second comes at its end.
  auto frames = steady_frames(500);
  for (std::size_t i = 250; i < 300; ++i) frames[i].arrived = frames[300].arrived;
  const Trace trace = make_trace(frames);
  JitterBufferOptions options;
  options.late_policy = LatePolicy::kWait;
  const auto result = replay(trace, options);
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(fates(result->decisions), std::string(500, 'p'));
  Duration concealed{};
  for (const Decision& decision : result->decisions) {
    if (decision.state != Decision::State::kConcealed) continue;
    concealed += *decision.duration;
    EXPECT_EQ(decision.frame, 250U);
  }
  // A second less the delay of the buffer, which is at most the initial 60 ms.
  EXPECT_GE(concealed, milliseconds(900));
  EXPECT_LE(concealed, milliseconds(1030));
}

TEST(Replay, AccountsForEveryFrameOnceInOrderAndNeverPlaysBackwards) {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Trace trace = random_trace(seed, 1000);
    JitterBufferOptions options;
    options.profile = static_cast<PlayoutProfile>(seed % 3);
    options.late_policy = static_cast<LatePolicy>(seed / 3 % 3);
    const auto result = replay(trace, options);
    ASSERT_TRUE(result) << result.error();
    std::size_t next = 0;
    Duration last = Duration::min();
    for (const Decision& decision : result->decisions) {
      if (decision.at) {
        EXPECT_GE(*decision.at, last);
        last = *decision.at;
      }
      if (decision.state == Decision::State::kConcealed) continue;
      EXPECT_EQ(decision.frame, next++);
    }
    EXPECT_EQ(next, trace.frames.size());
  }
}

// What was played before a moment does not depend on what came after it.
TEST(Replay, KnowsNothingOfTheFuture) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Trace whole = random_trace(seed, 600);
    const Duration moment = whole.arrivals[400].at;
    auto frames = whole.frames;
    for (TraceFrame& frame : frames) {
      if (frame.arrived && *frame.arrived > moment) frame.arrived.reset();
    }
    const auto all = replay(whole, {});
    const auto part = replay(make_trace(frames), {});
    ASSERT_TRUE(all && part);
    const auto played_before = [&](const Replay& result) {
      std::vector<std::pair<std::size_t, Duration>> played;
      for (const Decision& decision : result.decisions) {
        if (decision.state == Decision::State::kPlayed && *decision.at < moment) {
          played.emplace_back(decision.frame, *decision.at);
        }
      }
      return played;
    };
    EXPECT_GT(played_before(*all).size(), 300U);
    EXPECT_EQ(played_before(*all), played_before(*part));
  }
}

TEST(Replay, SurvivesStampsThatMakeNoSense) {
  const Duration far = std::chrono::hours(24) * 365 * 120;
  auto frames = steady_frames(300);
  // The sender's clock leaps by a century; so does ours.
  for (std::size_t i = 100; i < 300; ++i) frames[i].sent += far;
  for (std::size_t i = 200; i < 300; ++i) *frames[i].arrived += far;
  const auto result = replay(make_trace(frames), {});
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(fates(result->decisions).size(), 300U);
}

TEST(Replay, DoesNotSitOutAPauseOfYears) {
  for (const LatePolicy policy : {LatePolicy::kAuto, LatePolicy::kSkip, LatePolicy::kWait}) {
    auto frames = steady_frames(300);
    // One frame is missing when the network stops for fifty years.
    frames[148].arrived.reset();
    for (std::size_t i = 150; i < 300; ++i) *frames[i].arrived += std::chrono::hours(24) * 365 * 50;
    JitterBufferOptions options;
    options.late_policy = policy;
    const auto result = replay(make_trace(frames), options);
    ASSERT_TRUE(result) << result.error();
    EXPECT_EQ(fates(result->decisions).size(), 300U);
    EXPECT_EQ(fates(result->decisions)[148], 'x');
  }
}

TEST(Decisions, AreReadAsTheyWereWritten) {
  const Trace trace = random_trace(7, 300);
  const auto result = replay(trace, {});
  ASSERT_TRUE(result);
  std::ostringstream out;
  write_decisions(out, trace, result->decisions);
  std::istringstream in(out.str());
  const auto read = read_decisions(in, "d.csv", trace);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), result->decisions.size());
  EXPECT_EQ(fates(*read), fates(result->decisions));
  for (std::size_t i = 0; i < read->size(); ++i) {
    const Decision& written = result->decisions[i];
    EXPECT_EQ((*read)[i].at.has_value(), written.at.has_value());
    if (written.at) {
      EXPECT_GE(*(*read)[i].at, *written.at);
      EXPECT_LT(*(*read)[i].at - *written.at, std::chrono::microseconds(1));
    }
  }
}

TEST(Decisions, NameTheLineAndWhatIsWrong) {
  const Trace trace = make_trace(steady_frames(2));
  const auto problem_of = [&](const std::string& rows) {
    std::istringstream in("seq,playout_us,state,dur_us\n" + rows);
    const auto read = read_decisions(in, "d.csv", trace);
    return read ? "" : std::string(read.error().message());
  };
  EXPECT_EQ(problem_of(""), "d.csv:2: there are no rows; expected one for each frame");
  EXPECT_EQ(problem_of("2,10,played,\n"),
            "d.csv:2: seq 2 is not the first packet of a frame of the trace");
  EXPECT_EQ(problem_of("0,10,gone,\n"),
            "d.csv:2: state is 'gone'; expected played, late, lost, dropped or concealed");
  EXPECT_EQ(problem_of("0,,played,\n"),
            "d.csv:2: playout_us is empty; expected when the frame was played");
  EXPECT_EQ(problem_of("0,10,played\n1,,lost,0\n1,,late,\n"), "");
}

TEST(PlayoutSummary, CountsAsTheReadmeOfTheFormatSays) {
  auto frames = steady_frames(100);
  frames[50].arrived.reset();
  const Trace trace = make_trace(frames);
  std::vector<Decision> decisions;
  for (std::size_t i = 0; i < 100; ++i) {
    const Duration at = trace.frames[i].sent + seconds(9000) + milliseconds(i < 80 ? 70 : 90);
    if (i == 20) {
      // Given up after half of it was filled: 20 ms concealed, 1 interruption.
      decisions.push_back({Decision::State::kConcealed, i, at, milliseconds(10)});
      decisions.push_back({Decision::State::kLate, i, std::nullopt, milliseconds(10)});
    } else if (i == 30) {
      decisions.push_back({Decision::State::kDropped, i, std::nullopt, kFrame});
    } else if (i == 50) {
      // Lost: filled, but no fault of the buffer's.
      decisions.push_back({Decision::State::kConcealed, i, at, kFrame});
      decisions.push_back({Decision::State::kLost, i, std::nullopt, Duration::zero()});
    } else {
      if (i == 80) decisions.push_back({Decision::State::kConcealed, i, at, kFrame});
      decisions.push_back({Decision::State::kPlayed, i, at, std::nullopt});
    }
  }
  const PlayoutSummary summary = summarize(trace, decisions);
  EXPECT_EQ(summary.frames, 100U);
  EXPECT_EQ(summary.played, 97U);
  EXPECT_EQ(summary.late, 1U);
  EXPECT_EQ(summary.lost, 1U);
  EXPECT_EQ(summary.dropped, 1U);
  EXPECT_NEAR(summary.mean_delay_ms, (77 * 40 + 20 * 60) / 97.0, 1e-9);
  EXPECT_NEAR(summary.p95_delay_ms, 60, 1e-9);
  EXPECT_NEAR(summary.concealed_percent, 3, 1e-9);
  // Three in two seconds.
  EXPECT_NEAR(summary.interruptions_per_minute, 90, 1e-9);
}

}  // namespace
}  // namespace echostream::tool
