// Streams with a jitter buffer, between whole nodes: frames come out with the pauses that lay
// between their captures, losses and gaps are told, the sender hears how its frames arrive.
#include <gmock/gmock.h>

#include "tests/sim/traffic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using traffic::v1::Piece;

constexpr Duration kInterval = 20ms;

TrafficOptions world(std::uint64_t seed, Duration jitter, double loss = 0) {
  TrafficOptions options;
  options.seed = seed;
  LinkOptions link;
  link.delay = 20ms;
  options.to_server = link;
  link.jitter = jitter;
  link.loss = loss;
  options.to_client = link;
  options.client_clock = {5h, 60};
  options.server_clock = {1min, -30};
  return options;
}

struct Heard {
  std::int64_t number = 0;
  std::uint64_t lost_before = 0;
  Duration handed_out{};     // since the start of the simulation
  Duration after_capture{};  // true time
  Duration late_by{};        // after its playout time
  Duration duration{};
};

struct Hearing {
  std::vector<Heard> frames;
  std::uint64_t lost_at_end = 0;
  JitterBufferStats stats;
  Status status;
};

Task<Hearing> listen(TrafficPair& pair, Reader<Piece> reader) {
  Hearing hearing;
  while (auto frame = co_await reader.next()) {
    Heard heard;
    heard.number = frame->message.number();
    heard.lost_before = frame->lost_before;
    heard.handed_out = pair.now();
    heard.after_capture = pair.now() - Duration(frame->message.sent_ns());
    heard.late_by = pair.client.loop->now() - frame->playout_time;
    heard.duration = frame->duration;
    hearing.frames.push_back(heard);
  }
  hearing.lost_at_end = reader.lost_at_end();
  hearing.stats = reader.jitter_buffer_stats();
  hearing.status = reader.status();
  co_return hearing;
}

Task<Hearing> hear_voice(TrafficPair& pair, std::int64_t count) {
  auto client = pair.client.client();
  traffic::v1::Order what = order(count, kInterval, 100);
  Reader<Piece> reader = co_await client.VoiceAlone(what);
  Task<Hearing> listening = listen(pair, std::move(reader));
  Hearing hearing = co_await std::move(listening);
  co_return hearing;
}

Task<Hearing> hear_sensor(TrafficPair& pair, std::int64_t count) {
  auto client = pair.client.client();
  traffic::v1::Order what = order(count, kInterval, 100);
  Reader<Piece> reader = co_await client.Sensor(what);
  Task<Hearing> listening = listen(pair, std::move(reader));
  Hearing hearing = co_await std::move(listening);
  co_return hearing;
}

// Frames that follow each other, each at its time, none twice, every one accounted for.
void expect_in_time(const Hearing& hearing, std::int64_t sent) {
  EXPECT_TRUE(hearing.status.is_ok()) << hearing.status;
  std::int64_t next = 0;
  for (const Heard& heard : hearing.frames) {
    EXPECT_EQ(heard.number, next + static_cast<std::int64_t>(heard.lost_before));
    EXPECT_GE(heard.late_by, 0ms);
    EXPECT_LE(heard.late_by, 1ms);
    next = heard.number + 1;
  }
  EXPECT_EQ(next + static_cast<std::int64_t>(hearing.lost_at_end), sent);
}

TEST(Playout, JitterIsGoneFromWhatTheReaderGets) {
  for_each_seed(10, [](std::uint64_t seed) {
    TrafficPair pair(world(seed, 15ms));
    ASSERT_TRUE(pair.connect().is_ok());
    const auto hearing = pair.run(hear_voice(pair, 1500));
    ASSERT_TRUE(hearing);
    expect_in_time(*hearing, 1500);
    ASSERT_GT(hearing->frames.size(), 1450u);
    // After the first seconds the pauses are those of the captures, but for gentle stretching.
    int uneven = 0;
    for (std::size_t i = 250; i < hearing->frames.size(); ++i) {
      const Heard& heard = hearing->frames[i];
      if (heard.lost_before > 0) continue;
      const Duration pause = heard.handed_out - hearing->frames[i - 1].handed_out;
      if (pause < kInterval * 85 / 100 || pause > kInterval * 115 / 100) ++uneven;
      EXPECT_LE(heard.after_capture, 70ms);
    }
    EXPECT_LE(uneven, 15);
    EXPECT_LE(hearing->stats.frames_late + hearing->stats.frames_lost, 30u);
  });
}

TEST(Playout, LossesAreToldAndNotWaitedForTwice) {
  for_each_seed(10, [](std::uint64_t seed) {
    TrafficPair pair(world(seed, 5ms, 0.05));
    ASSERT_TRUE(pair.connect().is_ok());
    const auto hearing = pair.run(hear_voice(pair, 1000));
    ASSERT_TRUE(hearing);
    expect_in_time(*hearing, 1000);
    std::uint64_t lost = hearing->lost_at_end;
    for (const Heard& heard : hearing->frames) lost += heard.lost_before;
    EXPECT_EQ(lost + hearing->frames.size(), 1000u);
    EXPECT_NEAR(static_cast<double>(lost), 50, 35);
    EXPECT_LE(hearing->frames.back().after_capture, 80ms);
  });
}

TEST(Playout, AReliableStreamLosesNothing) {
  for_each_seed(10, [](std::uint64_t seed) {
    TrafficPair pair(world(seed, 5ms, 0.03));
    ASSERT_TRUE(pair.connect().is_ok());
    const auto hearing = pair.run(hear_sensor(pair, 1000));
    ASSERT_TRUE(hearing);
    expect_in_time(*hearing, 1000);
    EXPECT_EQ(hearing->frames.size(), 1000u);
  });
}

// Sound: every moment is either a frame or filler.
struct Timeline {
  Duration played{};
  Duration filled{};
  int gaps = 0;
  LocalTime first{};
  LocalTime last{};
};
Task<Timeline> play(TrafficPair& pair, std::int64_t count) {
  auto client = pair.client.client();
  traffic::v1::Order what = order(count, kInterval, 100);
  Reader<Piece> reader = co_await client.VoiceAlone(what);
  Timeline timeline;
  while (auto next = co_await reader.next_playout()) {
    if (timeline.first == LocalTime{}) timeline.first = next->at;
    EXPECT_GE(next->at, timeline.last);
    timeline.last = next->at;
    if (next->frame) {
      timeline.played += next->duration;
    } else {
      timeline.filled += next->duration;
      ++timeline.gaps;
    }
  }
  co_return timeline;
}

TEST(Playout, FramesAndGapsTogetherFillTheTimeline) {
  for_each_seed(10, [](std::uint64_t seed) {
    TrafficPair pair(world(seed, 10ms, 0.04));
    ASSERT_TRUE(pair.connect().is_ok());
    const auto timeline = pair.run(play(pair, 1000));
    ASSERT_TRUE(timeline);
    EXPECT_GT(timeline->gaps, 5);
    const Duration whole = timeline->last - timeline->first;
    const double share = static_cast<double>((timeline->played + timeline->filled).count()) /
                         static_cast<double>(whole.count());
    EXPECT_NEAR(share, 1, 0.01);
  });
}

TEST(Playout, TheSenderHearsHowItsFramesArrive) {
  TrafficPair pair(world(3, 10ms, 0.05));
  ASSERT_TRUE(pair.connect().is_ok());
  const auto hearing = pair.run(hear_voice(pair, 500));
  ASSERT_TRUE(hearing);
  const auto& feedback = pair.server.handler->feedback;
  ASSERT_TRUE(feedback);
  EXPECT_GT(feedback->frames_received, 440u);
  EXPECT_GT(feedback->frames_missing, 5u);
  EXPECT_LT(feedback->frames_missing, 60u);
  EXPECT_GT(feedback->jitter, 1ms);
  EXPECT_GT(feedback->target_delay, 3ms);
  // One way and the target, by the sender's idea of the receiver's clock.
  EXPECT_GT(feedback->playout_delay, 24ms);
  EXPECT_LT(feedback->playout_delay, 60ms);
}

TEST(Playout, GoesOnAfterAnOutageWithTheDelayItHadBefore) {
  TrafficPair pair(world(8, 5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<Hearing> hearing;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(hear_voice(pair, 800), hearing));
  pair.sim.run_for(6s);
  pair.set_cut(true);
  pair.sim.run_for(1500ms);
  pair.set_cut(false);
  ASSERT_TRUE(pair.wait_until([&] { return hearing.has_value(); }, 60s));
  expect_in_time(*hearing, 800);
  EXPECT_GE(hearing->stats.concealed, 1s);
  EXPECT_GE(hearing->stats.freezes, 1u);
  EXPECT_LE(hearing->frames.back().after_capture, 60ms);
}

TEST(Playout, AQueueThatABulkTransferFillsIsFollowedUpAndDown) {
  TrafficOptions options = world(9, 1ms);
  options.to_client.rate_bits_per_s = 4'000'000;
  options.to_client.queue_bytes = 100'000;  // 200 ms
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  const auto bulk = [](TrafficPair& world) -> Task<Status> {
    (void)co_await sleep_for(5s);
    auto client = world.client.client();
    traffic::v1::Order what = order(3000, Duration{}, 1000);
    Reader<Piece> reader = co_await client.Bulk(what);
    while (auto piece = co_await reader.next()) {
    }
    co_return reader.status();
  };
  std::optional<Hearing> hearing;
  std::optional<Status> bulk_end;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(hear_voice(pair, 1500), hearing));
  group.spawn(internal::store(bulk(pair), bulk_end));
  ASSERT_TRUE(pair.wait_until([&] { return hearing && bulk_end; }, 120s));
  EXPECT_TRUE(bulk_end->is_ok()) << *bulk_end;
  expect_in_time(*hearing, 1500);
  Duration most{};
  for (const Heard& heard : hearing->frames) most = std::max(most, heard.after_capture);
  EXPECT_GT(most, 100ms);
  EXPECT_LT(most, 700ms);
  EXPECT_LE(hearing->frames.back().after_capture, 60ms);
}

TEST(Playout, TheBufferCanBeChosenForOneCall) {
  TrafficPair pair(world(4, 2ms));
  ASSERT_TRUE(pair.connect().is_ok());
  const auto hear = [](TrafficPair& world, JitterBufferOptions options) -> Task<Hearing> {
    auto client = world.client.client();
    traffic::v1::Order what = order(300, kInterval, 100);
    Reader<Piece> reader = co_await client.VoiceAlone(what);
    EXPECT_TRUE(reader.set_jitter_buffer(options).is_ok());
    Task<Hearing> listening = listen(world, std::move(reader));
    Hearing hearing = co_await std::move(listening);
    co_return hearing;
  };
  JitterBufferOptions options;
  options.enabled = true;
  options.min_delay = 150ms;
  options.initial_delay = 150ms;
  options.max_delay = 400ms;
  const auto hearing = pair.run(hear(pair, options));
  ASSERT_TRUE(hearing);
  expect_in_time(*hearing, 300);
  for (const Heard& heard : hearing->frames) {
    EXPECT_GE(heard.after_capture, 165ms);
    EXPECT_LE(heard.after_capture, 180ms);
  }
  options.enabled = false;
  const auto at_once = pair.run(hear(pair, options));
  ASSERT_TRUE(at_once);
  for (const Heard& heard : at_once->frames) EXPECT_LE(heard.after_capture, 23ms);
}

// Whoever changes the buffer at any moment still gets to the end.
TEST(Playout, TheBufferCanBeChangedAtAnyTimeOfTheStream) {
  const auto hear = [](TrafficPair& world, std::int64_t change_at, bool reliable) -> Task<Hearing> {
    auto client = world.client.client();
    traffic::v1::Order what = order(60, kInterval, 100);
    Task<Reader<Piece>> opening = reliable ? client.Sensor(what) : client.VoiceAlone(what);
    Reader<Piece> reader = co_await std::move(opening);
    Hearing hearing;
    JitterBufferOptions options;
    while (auto frame = co_await reader.next()) {
      hearing.frames.push_back({frame->message.number(), frame->lost_before, {}, {}, {}, {}});
      if (frame->message.number() < change_at) continue;
      options.enabled = !options.enabled;
      EXPECT_TRUE(reader.set_jitter_buffer(options).is_ok());
      change_at += 15;
    }
    hearing.lost_at_end = reader.lost_at_end();
    hearing.status = reader.status();
    co_return hearing;
  };
  for (const bool reliable : {false, true}) {
    for (std::int64_t change_at = 0; change_at < 60; change_at += 5) {
      SCOPED_TRACE(change_at);
      TrafficPair pair(world(static_cast<std::uint64_t>(change_at) + 1, 100ms));
      ASSERT_TRUE(pair.connect().is_ok());
      const auto hearing = pair.run(hear(pair, change_at, reliable), 20s);
      ASSERT_TRUE(hearing);
      EXPECT_TRUE(hearing->status.is_ok()) << hearing->status;
      std::int64_t next = 0;
      for (const Heard& heard : hearing->frames) {
        EXPECT_EQ(heard.number, next + static_cast<std::int64_t>(heard.lost_before));
        next = heard.number + 1;
      }
      EXPECT_EQ(next + static_cast<std::int64_t>(hearing->lost_at_end), 60);
      if (reliable) {
        EXPECT_EQ(hearing->frames.size(), 60u);
      }
    }
  }
}

TEST(Playout, TheSenderOfAReliableStreamHearsToo) {
  TrafficPair pair(world(3, 10ms));
  ASSERT_TRUE(pair.connect().is_ok());
  const auto hearing = pair.run(hear_sensor(pair, 200));
  ASSERT_TRUE(hearing);
  ASSERT_TRUE(pair.server.handler->feedback);
  EXPECT_GT(pair.server.handler->feedback->frames_received, 150u);
}

TEST(Playout, WhatIsLostAtTheEndIsCounted) {
  TrafficPair pair(world(4, 2ms));
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<Hearing> hearing;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(hear_voice(pair, 100), hearing));
  pair.sim.run_for(1500ms);
  pair.set_cut(true);
  pair.sim.run_for(600ms);
  pair.set_cut(false);
  ASSERT_TRUE(pair.wait_until([&] { return hearing.has_value(); }, 30s));
  EXPECT_TRUE(hearing->status.is_ok()) << hearing->status;
  EXPECT_GE(hearing->lost_at_end, 20u);
  EXPECT_EQ(hearing->frames.size() + hearing->lost_at_end, 100u);
}

TEST(Playout, MessagesLargerThanWhatIsHeldBackStillComeOnAReliableStream) {
  TrafficOptions options = world(5, 2ms);
  options.tune_client = [](NodeOptions& node) {
    node.limits.max_message_bytes = 2'000'000;
    node.limits.max_held_bytes = 1'000'000;
    node.limits.max_held_frames = 1;
  };
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  const auto hear = [](TrafficPair& world) -> Task<Hearing> {
    auto client = world.client.client();
    traffic::v1::Order what = order(8, 200ms, 1'500'000);
    Reader<Piece> reader = co_await client.Sensor(what);
    Task<Hearing> listening = listen(world, std::move(reader));
    Hearing hearing = co_await std::move(listening);
    co_return hearing;
  };
  const auto hearing = pair.run(hear(pair));
  ASSERT_TRUE(hearing);
  EXPECT_EQ(hearing->frames.size(), 8u);
}

TEST(Playout, OptionsThatContradictEachOtherAreRefused) {
  TrafficPair pair(world(5, 2ms));
  ASSERT_TRUE(pair.connect().is_ok());
  const auto refuse = [](TrafficPair& world) -> Task<Status> {
    auto client = world.client.client();
    traffic::v1::Order what = order(1, kInterval, 100);
    Reader<Piece> reader = co_await client.VoiceAlone(what);
    JitterBufferOptions options;
    options.enabled = true;
    options.min_delay = 100ms;
    options.max_delay = 50ms;
    co_return reader.set_jitter_buffer(options);
  };
  const auto status = pair.run(refuse(pair));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code(), StatusCode::kInvalidArgument);
}

Task<Status> speak(TrafficPair& pair, std::int64_t count) {
  auto client = pair.client.client();
  auto stream = co_await client.VoiceUpload();
  for (std::int64_t i = 0; i < count; ++i) {
    Piece piece;
    piece.set_number(i);
    Status status = co_await stream.write(std::move(piece));
    if (!status.is_ok()) co_return status;
    (void)co_await sleep_for(kInterval);
  }
  auto receipt = co_await stream.finish();
  if (!receipt) co_return receipt.error();
  EXPECT_EQ(receipt->received() + receipt->lost(), count);
  EXPECT_GE(receipt->received(), count - 2);
  EXPECT_TRUE(stream.feedback());
  co_return Status::ok();
}

TEST(Playout, WorksTowardsTheServerToo) {
  TrafficPair pair(world(6, 5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  const auto status = pair.run(speak(pair, 200));
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->is_ok()) << *status;
}

TEST(Playout, FollowsTheSendersDriftForMinutes) {
  TrafficOptions options = world(7, 3ms);
  options.server_clock.drift_ppm = 100;
  options.client_clock.drift_ppm = -100;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  const auto hearing = pair.run(hear_voice(pair, 9000), 300s);
  ASSERT_TRUE(hearing);
  expect_in_time(*hearing, 9000);
  const auto mean = [&](std::size_t from) {
    Duration sum{};
    for (std::size_t i = from; i < from + 500; ++i) sum += hearing->frames[i].after_capture;
    return sum / 500;
  };
  ASSERT_GT(hearing->frames.size(), 8900u);
  EXPECT_NEAR(static_cast<double>((mean(8000) - mean(1000)).count()), 0, 2e6);
}

}  // namespace
}  // namespace echostream::testing
