#include "report.h"

#include <gmock/gmock.h>

#include "clock_watch.h"

namespace intercom {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

v1::CallReport report_of(const std::string& station) {
  v1::CallReport report;
  report.set_station(station);
  report.set_frames_sent(600);
  report.set_frames_received(590);
  report.set_frames_lost(7);
  report.set_frames_late(3);
  report.set_median_delay_us(35'100);
  report.set_delay_bound_us(31'200);
  report.set_heard_us(12'000'000);
  report.set_concealed_us(240'000);
  report.set_interruptions(9);
  report.set_long_interruptions(1);
  auto& clock = *report.mutable_clock_at_end();
  clock.set_state(v1::ClockFigures::TRACKING);
  clock.set_offset_us(-42);
  clock.set_bound_us(31'000);
  clock.set_skew_ppm(-0.5);
  return report;
}

std::string table_of(const v1::CallReport& caller, const v1::CallReport& answerer) {
  echostream::SessionStats session;
  session.smoothed_rtt = 70ms;
  return report_table(caller, answerer, session);
}

TEST(Report, PutsWhatAStationHeardUnderTheVoiceThatItHeard) {
  v1::CallReport door = report_of("door");
  v1::CallReport kitchen = report_of("kitchen");
  door.set_frames_late(60);  // of the kitchen's voice
  const std::string table = table_of(door, kitchen);
  EXPECT_THAT(table, HasSubstr("door -> kitchen        kitchen -> door\n"));
  EXPECT_THAT(table, HasSubstr("3 (0.5 %)            60 (10.0 %)\n"));
  EXPECT_THAT(table, HasSubstr("+-31.2 ms              +-31.2 ms\n"));
  EXPECT_THAT(table, HasSubstr("240.0 ms (2.0 %)       240.0 ms (2.0 %)\n"));
  EXPECT_THAT(table, HasSubstr("9, 1                   9, 1\n"));
  EXPECT_THAT(table, HasSubstr("door, by kitchen       kitchen, by door\n"));
  EXPECT_THAT(table, HasSubstr("-0.042 ms"));
  EXPECT_THAT(table, HasSubstr("tracking"));
}

TEST(Report, TellsTheClocksTrueErrorOnlyWhereItIsKnown) {
  v1::CallReport door = report_of("door");
  v1::CallReport kitchen = report_of("kitchen");
  EXPECT_THAT(table_of(door, kitchen), Not(HasSubstr("one machine")));
  door.set_clock_error_us(35);
  kitchen.set_clock_error_us(51);
  const std::string table = table_of(door, kitchen);
  EXPECT_THAT(table, HasSubstr("the true offset is 0: error 0.051 ms (kitchen)"));
  EXPECT_THAT(table, HasSubstr("0.035 ms (door) at most, bound 31.0 ms"));
}

TEST(Report, SaysThatAClockIsNotKnown) {
  v1::CallReport door = report_of("door");
  door.clear_clock_at_end();
  EXPECT_THAT(table_of(door, report_of("kitchen")), HasSubstr("not known"));
}

TEST(Clock, IsDescribedInOneLine) {
  echostream::ClockEstimate clock;
  clock.state = echostream::ClockState::kTracking;
  clock.samples = 24;
  clock.offset = 21us;
  clock.bound = 31'200us;
  clock.estimated_error = 30us;
  clock.skew_ppm = 0.4;
  EXPECT_EQ(describe(clock),
            "offset +0.021 ms, wrong by 31.2 ms at most and probably by 0.030 ms; rate +0.40 ppm; "
            "tracking (24 exchanges)");
}

}  // namespace
}  // namespace intercom
