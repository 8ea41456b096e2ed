#include "echostream/clock.h"

#include <gtest/gtest.h>

namespace echostream {
namespace {

using namespace std::chrono_literals;

TEST(MediaTimeline, TiesPositionsInTheContentToTheClockThatCapturedIt) {
  // A sound card that runs 100 ppm fast: its second is over a little early.
  const MediaTimeline<RemoteTime> timeline{MediaTime(10s), RemoteTime(500s), 1.0001};
  EXPECT_EQ(timeline.time_of(MediaTime(10s)), RemoteTime(500s));
  const Duration off = RemoteTime(510s) - timeline.time_of(MediaTime(20s));
  EXPECT_NEAR(static_cast<double>(off.count()), 1e6, 200);
  EXPECT_NEAR(static_cast<double>((timeline.media_at(RemoteTime(510s)) - MediaTime(20s)).count()),
              1e6, 200);
}

TEST(MediaTimeline, BothWaysAreEachOthersInverseForDays) {
  const MediaTimeline<LocalTime> timeline{MediaTime(0s), LocalTime(7h), 0.99995};
  for (const Duration position : {-48h, -1h, 0h, 1h, 48h}) {
    const MediaTime media(position);
    EXPECT_LE(std::chrono::abs(timeline.media_at(timeline.time_of(media)) - media), 1us);
  }
}

}  // namespace
}  // namespace echostream
