#include "tools/echostream/timing/trace.h"

#include <gtest/gtest.h>

#include <sstream>

namespace echostream::tool {
namespace {

constexpr const char* kHeader = "seq,send_us,arrival_us\n";

Result<Trace> read(const std::string& rows) {
  std::istringstream in(kHeader + rows);
  return read_trace(in, "trace.csv");
}

std::string problem_of(const std::string& rows) {
  const auto trace = read(rows);
  return trace ? "" : std::string(trace.error().message());
}

Duration us(std::int64_t count) { return std::chrono::microseconds(count); }

TEST(Trace, PutsPacketsOfOneSendTimeIntoOneFrame) {
  const auto trace = read("10,0,500\n11,0,700\n12,0,600\n13,20000,20900\n");
  ASSERT_TRUE(trace);
  ASSERT_EQ(trace->frames.size(), 2U);
  EXPECT_EQ(trace->frames[0].first_packet, 10U);
  EXPECT_EQ(trace->frames[0].arrived, us(700));
  EXPECT_EQ(trace->frames[1].sent, us(20000));
  ASSERT_EQ(trace->arrivals.size(), 2U);
  EXPECT_EQ(trace->arrivals[0].at, us(700));
}

TEST(Trace, TakesTheFirstCopyOfAPacket) {
  const auto trace = read("0,0,900\n0,0,500\n1,20,600\n1,20,\n");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->frames[0].arrived, us(500));
  EXPECT_EQ(trace->frames[1].arrived, us(600));
  // The other copy of a whole frame comes to the buffer too.
  ASSERT_EQ(trace->arrivals.size(), 3U);
  EXPECT_EQ(trace->arrivals[2].at, us(900));
  EXPECT_EQ(trace->arrivals[2].frame, 0U);
}

TEST(Trace, CompletesAFrameWithTheFirstCopiesOfAllItsPackets) {
  const auto trace = read("0,0,100\n1,0,900\n1,0,400\n0,0,800\n");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->frames[0].arrived, us(400));
  EXPECT_EQ(trace->arrivals.size(), 1U);
}

TEST(Trace, LosesAFrameWithOneOfItsPackets) {
  const auto trace = read("0,0,100\n1,0,\n2,10,\n3,20,300\n");
  ASSERT_TRUE(trace);
  EXPECT_FALSE(trace->frames[0].arrived);
  EXPECT_FALSE(trace->frames[1].arrived);
  EXPECT_EQ(trace->arrivals.size(), 1U);
  EXPECT_EQ(trace->origin, 2U);
}

TEST(Trace, OrdersFramesByCaptureAndArrivalsByTime) {
  const auto trace = read("2,40,90\n0,0,110\n1,20,100\n");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->frames[0].first_packet, 0U);
  EXPECT_EQ(trace->frames[2].first_packet, 2U);
  EXPECT_EQ(trace->arrivals[0].frame, 2U);
  EXPECT_EQ(trace->arrivals[2].frame, 0U);
  EXPECT_EQ(trace->frame_interval(), us(20));
}

TEST(Trace, RefusesAPacketThatWasSentTwice) {
  EXPECT_EQ(problem_of("0,0,100\n1,20,120\n0,40,140\n"),
            "trace.csv:4: seq 0 was sent at another time in line 2; copies of a packet have its "
            "send_us");
}

TEST(Trace, RefusesAStreamOfMoreThanACentury) {
  EXPECT_EQ(problem_of("0,0,-1000000000000000\n1,20,2153600000000000\n"), "");
  EXPECT_EQ(problem_of("0,0,-1000000000000000\n1,20,2153600000000001\n2,40,0\n"),
            "trace.csv:3: arrival_us is more than a hundred years after that of line 2; expected "
            "the arrivals of one stream");
}

TEST(Trace, RefusesATableWithoutRows) {
  EXPECT_EQ(problem_of(""), "trace.csv:2: there are no rows; expected one for each packet");
}

TEST(Trace, LeastDelayFollowsDriftAndIgnoresJitter) {
  // 1 ms later each second; every other frame 5 ms late.
  std::string rows;
  for (std::int64_t i = 0; i <= 100; ++i) {
    const std::int64_t sent = i * 20'000;
    const std::int64_t arrived = 7'000'000 + sent + sent / 1000 + (i % 2 == 0 ? 0 : 5'000);
    rows += std::to_string(i) + "," + std::to_string(sent) + "," + std::to_string(arrived) + "\n";
  }
  const auto trace = read(rows);
  ASSERT_TRUE(trace);
  const auto least = trace->least_delays_ms();
  ASSERT_EQ(least.size(), 101U);
  for (std::size_t i = 0; i < least.size(); ++i) {
    EXPECT_NEAR(least[i], 0.02 * static_cast<double>(i), 1e-9) << i;
    const double above = trace->delay_ms(i, *trace->frames[i].arrived) - least[i];
    EXPECT_NEAR(above, i % 2 == 0 ? 0 : 5, 1e-9) << i;
  }
}

TEST(Trace, ClocksMayBeACenturyApart) {
  const auto trace =
      read("0,-4000000000000000,3999999999000000\n1,-3999999999980000,4000000000000000\n");
  ASSERT_TRUE(trace);
  EXPECT_NEAR(trace->delay_ms(1, *trace->frames[1].arrived), 980, 1e-6);
}

}  // namespace
}  // namespace echostream::tool
