#include "runtime/transport/target_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

// A path with a queue, and a source that does what it is told; steps of 10 ms.
struct Path {
  double capacity = 1'000'000;  // bytes per second
  double queue_limit = 1e9;
  double queue = 0;
  Duration base = 40ms;
  double use = 1;  // the share of what it may that the source sends

  TargetRate rate;
  LocalTime now{std::chrono::hours(1)};
  double worst_delay_s = 0;
  std::deque<double> delivered;

  void run(Duration duration) {
    for (const LocalTime end = now + duration; now < end; now += 10ms) {
      const double sent = use * static_cast<double>(rate.bytes_per_s()) * 0.01;
      queue = std::min(queue + sent, queue_limit);
      const double out = std::min(queue, capacity * 0.01);
      queue -= out;
      delivered.push_back(out);
      if (delivered.size() > 20) delivered.pop_front();
      const double delay_s = queue / capacity;
      worst_delay_s = std::max(worst_delay_s, delay_s);
      double in_window = 0;
      for (const double bytes : delivered) in_window += bytes;
      TargetRate::Observation seen;
      seen.latest_rtt = base + Duration(static_cast<std::int64_t>(delay_s * 1e9));
      seen.smoothed_rtt = seen.latest_rtt;
      seen.congestion_window_bytes = 1'000'000;
      seen.delivered_bytes_per_s = static_cast<std::uint64_t>(in_window / 0.2);
      rate.observe(now, seen);
    }
  }
};

TEST(TargetRate, StartsSmallAndFindsThePathWithinSeconds) {
  Path path;
  path.run(100ms);
  EXPECT_LE(path.rate.bytes_per_s(), 125'000u);
  path.run(5s);
  EXPECT_GE(path.rate.bytes_per_s(), 700'000u);
  path.run(30s);
  EXPECT_LE(path.worst_delay_s, 0.1);
  EXPECT_GE(path.rate.bytes_per_s(), 700'000u);
  EXPECT_LE(path.rate.bytes_per_s(), 1'200'000u);
}

TEST(TargetRate, FallsWithinASecondAndDrainsTheQueue) {
  Path path;
  path.run(20s);
  path.capacity = 250'000;
  path.run(1s);
  EXPECT_LE(path.rate.bytes_per_s(), 260'000u);
  path.run(2s);
  path.worst_delay_s = 0;
  path.run(5s);
  EXPECT_LE(path.worst_delay_s, 0.1);
  path.capacity = 1'000'000;
  path.run(5s);
  EXPECT_GE(path.rate.bytes_per_s(), 700'000u);
}

TEST(TargetRate, WhatIsNotUsedIsNotPromised) {
  Path path;
  path.use = 0.2;
  path.run(60s);
  EXPECT_LE(path.rate.bytes_per_s(), 130'000u);
}

TEST(TargetRate, ALongerWayThatStaysIsTakenForTheNewOne) {
  Path path;
  path.run(20s);
  path.base = 150ms;
  path.run(60s);
  EXPECT_GE(path.rate.bytes_per_s(), 500'000u);
}

TEST(TargetRate, LossOnAPathWithoutAQueueLowersIt) {
  TargetRate rate;
  LocalTime now{std::chrono::hours(1)};
  TargetRate::Observation seen;
  seen.latest_rtt = seen.smoothed_rtt = 40ms;
  seen.congestion_window_bytes = 1'000'000;
  seen.delivered_bytes_per_s = 100'000;
  seen.sent_bytes = seen.acknowledged_bytes = 50'000;
  for (int i = 0; i < 20; ++i, now += 50ms) rate.observe(now, seen);
  const auto before = rate.bytes_per_s();
  ASSERT_GT(before, 120'000u);
  seen.acknowledged_bytes = 35'000;
  seen.delivered_bytes_per_s = 70'000;
  rate.observe(now, seen);
  EXPECT_LE(rate.bytes_per_s(), 63'000u);
}

TEST(TargetRate, NeverFallsToNothing) {
  Path path;
  path.capacity = 100;
  path.run(60s);
  EXPECT_GE(path.rate.bytes_per_s(), 4'000u);
}

}  // namespace
}  // namespace echostream::transport
