#include "runtime/core/frame/clock_report.h"

#include <gtest/gtest.h>

#include <limits>

namespace echostream::core {
namespace {

using namespace std::chrono_literals;

timing::NodeClockReport sample() {
  timing::NodeClockReport report;
  report.node = kMaxVarint;
  report.sent = RemoteTime(123456789ns);
  report.reference = 5;
  report.timescale = 77;
  report.beat = 1000;
  report.hops = 2;
  report.via = 9;
  report.is_shared = true;
  report.offset = -3600s;
  report.skew_ppm = -41.25;
  report.bound = 15ms;
  report.estimated_error = 40us;
  report.edges = {{5, 7s, 12.5, 1ms, 10us}, {6, -1ns, -0.000001, 0ms, 0us}};
  return report;
}

std::string bytes_of(const timing::NodeClockReport& report) {
  ByteWriter out;
  write_clock_report(out, report);
  return std::string(as_text(out.bytes()));
}

TEST(ClockReport, ComesBackAsItWasWritten) {
  const std::string bytes = bytes_of(sample());
  const auto read = parse_clock_report(as_bytes(bytes));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->node, kMaxVarint);
  EXPECT_EQ(read->sent, RemoteTime(123456789ns));
  EXPECT_EQ(read->hops, 2u);
  EXPECT_TRUE(read->is_shared);
  EXPECT_EQ(read->offset, Duration(-3600s));
  EXPECT_NEAR(read->skew_ppm, -41.25, 1e-6);
  EXPECT_EQ(read->estimated_error, Duration(40us));
  ASSERT_EQ(read->edges.size(), 2u);
  EXPECT_EQ(read->edges[0].offset, Duration(7s));
  EXPECT_EQ(read->edges[1].offset, -1ns);
  EXPECT_NEAR(read->edges[1].skew_ppm, -0.000001, 1e-9);
  EXPECT_EQ(bytes_of(*read), bytes);
}

TEST(ClockReport, NoBeginningOfItParses) {
  const std::string bytes = bytes_of(sample());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(parse_clock_report(as_bytes(bytes).first(cut)).has_value()) << cut;
  }
}

TEST(ClockReport, NumbersTooLargeForTheWireAreCutNotWrapped) {
  timing::NodeClockReport report = sample();
  report.offset = Duration::min();
  report.bound = Duration::max();
  report.skew_ppm = std::numeric_limits<double>::infinity();
  const std::string bytes = bytes_of(report);
  const auto read = parse_clock_report(as_bytes(bytes));
  ASSERT_TRUE(read.has_value());
  EXPECT_LT(read->offset, Duration(-24h * 365 * 70));
  EXPECT_GT(read->bound, Duration(24h * 365 * 70));
  EXPECT_EQ(read->skew_ppm, 0);
}

TEST(ClockReport, MoreEdgesThanAllowedAreLeftOut) {
  timing::NodeClockReport report = sample();
  report.edges.assign(1000, {1, 1s, 0, 1s, 1s});
  const std::string bytes = bytes_of(report);
  EXPECT_EQ(parse_clock_report(as_bytes(bytes))->edges.size(), kMaxReportedEdges);
}

}  // namespace
}  // namespace echostream::core
