#include "runtime/transport/delivery_rate.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kStart{std::chrono::hours(1)};

// Acknowledges `bytes` each `interval` for `duration`; the time after it.
LocalTime acknowledge(DeliveryRate& rate, LocalTime from, Duration duration, Duration interval,
                      std::uint64_t bytes, bool app_limited, Duration rtt = 40ms) {
  LocalTime now = from;
  for (; now < from + duration; now += interval) {
    rate.on_acknowledged(now, bytes, rtt, app_limited);
  }
  return now;
}

TEST(DeliveryRate, IsUnknownBeforeAWindowHasPassed) {
  DeliveryRate rate;
  EXPECT_EQ(rate.bytes_per_s(kStart), 0u);
  acknowledge(rate, kStart, 150ms, 10ms, 1000, false);
  EXPECT_EQ(rate.bytes_per_s(kStart + 150ms), 0u);
}

TEST(DeliveryRate, OfASteadyPathIsItsRate) {
  DeliveryRate rate;
  const LocalTime now = acknowledge(rate, kStart, 2s, 10ms, 1000, false);
  EXPECT_NEAR(static_cast<double>(rate.bytes_per_s(now)), 100'000, 6'000);
}

TEST(DeliveryRate, FollowsAFullPathDownWithinAWindow) {
  DeliveryRate rate;
  LocalTime now = acknowledge(rate, kStart, 2s, 10ms, 4000, false);
  now = acknowledge(rate, now, 300ms, 10ms, 1000, false);
  EXPECT_NEAR(static_cast<double>(rate.bytes_per_s(now)), 100'000, 10'000);
}

TEST(DeliveryRate, ASenderWithLittleToSayDoesNotLowerIt) {
  DeliveryRate rate;
  LocalTime now = acknowledge(rate, kStart, 2s, 10ms, 4000, false);
  now = acknowledge(rate, now, 3s, 10ms, 100, true);
  EXPECT_GE(rate.bytes_per_s(now), 380'000u);
  EXPECT_NEAR(static_cast<double>(rate.recent_bytes_per_s(now)), 10'000, 1'000);
}

TEST(DeliveryRate, ForgetsInTimeWhatIsNoLongerShown) {
  DeliveryRate rate;
  LocalTime now = acknowledge(rate, kStart, 2s, 10ms, 4000, true);
  now = acknowledge(rate, now, 11s, 10ms, 100, true);
  EXPECT_LE(rate.bytes_per_s(now), 20'000u);
}

TEST(DeliveryRate, AcknowledgementsInBunchesAreNoFasterPath) {
  DeliveryRate rate;
  const LocalTime now = acknowledge(rate, kStart, 3s, 50ms, 5000, false);
  EXPECT_LE(rate.bytes_per_s(now), 125'000u);
  EXPECT_GE(rate.bytes_per_s(now), 75'000u);
}

TEST(DeliveryRate, AnotherPathStartsAnew) {
  DeliveryRate rate;
  const LocalTime now = acknowledge(rate, kStart, 2s, 10ms, 4000, false);
  rate.reset();
  EXPECT_EQ(rate.bytes_per_s(now), 0u);
}

TEST(RateMeter, ComesToTheRateAndForgetsIt) {
  RateMeter meter;
  LocalTime now = kStart;
  for (int i = 0; i < 400; ++i, now += 10ms) meter.add(now, 1000);
  EXPECT_NEAR(meter.bytes_per_s(now), 100'000, 3'000);
  EXPECT_LT(meter.bytes_per_s(now + 5s), 100);
}

TEST(ByteHistory, HoldsTheLastSecondsInBoundedMemory) {
  ByteHistory history;
  LocalTime now = kStart;
  for (int i = 0; i < 100'000; ++i, now += 1ms) history.add(now, 10);
  EXPECT_NEAR(static_cast<double>(history.between(now - 1s, now)), 10'000, 100);
  EXPECT_EQ(history.total(), 1'000'000u);
}

}  // namespace
}  // namespace echostream::transport
