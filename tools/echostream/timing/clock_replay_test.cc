#include "tools/echostream/timing/clock_replay.h"

#include <gtest/gtest.h>

#include <sstream>

namespace echostream::tool {
namespace {

// Exchanges every 50 ms over a symmetric path of 1 ms each way, with a remote clock that is
// `offset` ahead.
std::string exchanges(int count, std::int64_t offset_us) {
  std::ostringstream out;
  out << kExchangeColumns.header << '\n';
  for (int i = 0; i < count; ++i) {
    const std::int64_t sent = 1'000'000 + std::int64_t{i} * 50'000;
    out << sent << ',' << sent + 1'000 + offset_us << ',' << sent + 1'030 + offset_us << ','
        << sent + 2'030 << '\n';
  }
  return out.str();
}

struct ClockRun {
  ClockSummary summary;
  std::vector<OffsetEstimate> estimates;
};

ClockRun run(const std::string& text) {
  std::istringstream in(text);
  ExchangeReader reader(in, "x.csv");
  std::ostringstream out;
  const auto summary = replay_clock(reader, out);
  EXPECT_TRUE(summary) << summary.status();
  std::istringstream written(out.str());
  const auto estimates = read_estimates(written, "e.csv");
  EXPECT_TRUE(estimates) << estimates.status();
  return {*summary, *estimates};
}

TEST(ClockReplay, WritesARowEvery100MillisecondsFromTheFirstReplyOn) {
  const ClockRun result = run(exchanges(42, 0));
  // Replies from 1.00203 s to 3.05203 s: the last row is the first not before the last reply.
  ASSERT_EQ(result.estimates.size(), 22U);
  for (std::size_t i = 0; i < result.estimates.size(); ++i) {
    const auto expected = std::chrono::microseconds(1'002'030 + 100'000 * std::int64_t(i));
    EXPECT_EQ(result.estimates[i].at.time_since_epoch(), expected);
  }
  EXPECT_EQ(result.summary.exchanges, 42U);
  EXPECT_EQ(result.summary.rows, 22U);
}

TEST(ClockReplay, FindsTheOffsetWithinTheBound) {
  for (const std::int64_t offset_us :
       {0LL, 123'456'789LL, -987'654'321LL, 3'900'000'000'000'000LL, -3'900'000'000'000'000LL}) {
    for (const OffsetEstimate& estimate : run(exchanges(100, offset_us)).estimates) {
      const Duration error = estimate.offset - std::chrono::microseconds(offset_us);
      EXPECT_LE(std::abs(error.count()), estimate.bound.count());
      EXPECT_LE(std::abs(error.count()), 100'000);
    }
  }
}

TEST(ClockReplay, KnowsNothingOfTheFuture) {
  const std::string all = exchanges(100, 5'000);
  const auto whole = run(all).estimates;
  const auto half = run(exchanges(50, 5'000)).estimates;
  for (std::size_t i = 0; i < half.size() - 1; ++i) {
    EXPECT_EQ(half[i].offset, whole[i].offset);
    EXPECT_EQ(half[i].bound, whole[i].bound);
  }
}

TEST(ClockReplay, WritesASingleRowForASingleExchange) {
  const ClockRun result = run(exchanges(1, 10));
  ASSERT_EQ(result.estimates.size(), 1U);
  EXPECT_LE(result.estimates[0].bound, std::chrono::milliseconds(2));
}

}  // namespace
}  // namespace echostream::tool
