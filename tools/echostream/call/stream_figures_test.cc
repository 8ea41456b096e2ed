#include "tools/echostream/call/stream_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace echostream::tool {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

Frame<Buffer> frame(std::string_view text, std::uint64_t lost, std::optional<Duration> latency) {
  Frame<Buffer> frame;
  frame.message = Buffer::copy(text);
  frame.lost_before = lost;
  if (latency) frame.latency = Latency{*latency, 100us, 10us};
  return frame;
}

TEST(StreamFigures, CountsAnIntervalAndEverything) {
  StreamFigures figures;
  figures.add(frame("12345", 0, 2ms));
  figures.add(frame("12345", 3, 4ms));
  const StreamReport first = figures.take(2s, {});
  EXPECT_EQ(first.messages, 2u);
  EXPECT_EQ(first.bytes, 10u);
  EXPECT_EQ(first.lost, 3u);
  EXPECT_EQ(first.latency.count(), 2u);
  EXPECT_EQ(first.latency_bound, 100us);
  EXPECT_EQ(first.seconds, 2.0);
  figures.add(frame("1", 1, std::nullopt));
  const StreamReport second = figures.take(1s, {});
  EXPECT_EQ(second.messages, 1u);
  EXPECT_EQ(second.all_messages, 3u);
  EXPECT_EQ(second.all_lost, 4u);
  EXPECT_EQ(second.latency.count(), 0u);
}

TEST(StreamReport, SaysWhatIsKnown) {
  StreamFigures figures;
  figures.add(frame(std::string(500, 'x'), 1, 2ms));
  StreamSurroundings around;
  around.jitter_buffer = JitterBufferStats();
  around.jitter_buffer->frames_emitted = 1;
  around.jitter_buffer->target_delay = 20ms;
  around.clock = ClockEstimate();
  around.clock->samples = 5;
  around.clock->bound = 1ms;
  around.clock->state = ClockState::kTracking;
  const StreamReport report = figures.take(1s, around);
  EXPECT_EQ(report_line(report),
            "     1.0/s       0.5 kB/s  lost 1  latency 2.000 ms, 95 % 2.000 ms  buffer 20.000 ms, "
            "late 0  clock within 1.000 ms");
  EXPECT_EQ(report_table(report).size(), 5u);
  const std::string json = report_json(report);
  EXPECT_THAT(json, HasSubstr(R"("messages_per_s":1,"bytes_per_s":500)"));
  EXPECT_THAT(json, HasSubstr(R"("jitter_buffer":{"target_ms":20)"));
  EXPECT_THAT(json, HasSubstr(R"("clock":{"state":"tracking")"));
}

TEST(StreamReport, LeavesOutWhatIsNot) {
  StreamFigures figures;
  figures.add(frame("x", 0, std::nullopt));
  const StreamReport report = figures.take(0s, {});
  EXPECT_EQ(report_line(report), "     0.0/s       0.0 kB/s  lost 0");
  EXPECT_THAT(report_json(report), Not(HasSubstr("latency")));
  EXPECT_THAT(report_json(report), Not(HasSubstr("clock")));
}

}  // namespace
}  // namespace echostream::tool
