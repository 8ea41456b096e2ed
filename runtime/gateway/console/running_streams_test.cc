#include "runtime/gateway/console/running_streams.h"

#include <gtest/gtest.h>

namespace echostream::gateway {
namespace {

using namespace std::chrono_literals;

TEST(FlowMeter, KnowsNoRateBeforeASecondHasPassed) {
  FlowMeter meter;
  EXPECT_EQ(meter.messages_per_s(LocalTime(5s)), 0);
  meter.add(LocalTime(10s), 100);
  meter.add(LocalTime(10s) + 500ms, 100);
  EXPECT_EQ(meter.messages_per_s(LocalTime(10s) + 600ms), 0);
  EXPECT_EQ(meter.messages(), 2u);
  EXPECT_EQ(meter.bytes(), 200u);
}

TEST(FlowMeter, TellsHowManyCameInASecond) {
  FlowMeter meter;
  for (int i = 0; i < 200; ++i) meter.add(LocalTime(i * 20ms), 60);
  EXPECT_NEAR(meter.messages_per_s(LocalTime(4s)), 50, 0.5);
  EXPECT_NEAR(meter.bytes_per_s(LocalTime(4s)), 3000, 30);
}

TEST(FlowMeter, FallsToNothingWhenNothingComesAnyMore) {
  FlowMeter meter;
  for (int i = 0; i < 100; ++i) meter.add(LocalTime(i * 20ms), 60);
  EXPECT_LT(meter.messages_per_s(LocalTime(100s)), 1);
  meter.add(LocalTime(200s), 60);
  EXPECT_LT(meter.messages_per_s(LocalTime(200s)), 1);
}

TEST(FlowMeter, BearsTimesThatGoBackwards) {
  FlowMeter meter;
  meter.add(LocalTime(10s), 1);
  meter.add(LocalTime(9s), 1);
  meter.add(LocalTime(12s), 1);
  EXPECT_GE(meter.messages_per_s(LocalTime(8s)), 0);
}

}  // namespace
}  // namespace echostream::gateway
