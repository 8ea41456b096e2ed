#include "runtime/timing/capture_timeline.h"

#include <gtest/gtest.h>

#include <limits>

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

constexpr double kInterval = 20'000;
constexpr double kDelay = 30'000;

/// Frames that come every 20 ms, 30 ms after their capture.
class Sender {
 public:
  explicit Sender(RemoteTime epoch) : epoch_(epoch) { timeline.start(0, epoch); }

  double send(std::uint64_t sequence, Duration stamp) { return send_raw(sequence, epoch_ + stamp); }
  double send_raw(std::uint64_t sequence, RemoteTime stamp) {
    const double arrived = static_cast<double>(sequence) * kInterval;
    const double capture =
        timeline.capture_of(sequence, stamp, arrived, is_first_ ? 0 : kDelay, kInterval);
    timeline.add(sequence, capture);
    is_first_ = false;
    return capture;
  }

  CaptureTimeline timeline;

 private:
  RemoteTime epoch_;
  bool is_first_ = true;
};

TEST(CaptureTimeline, CountsFromTheFirstStamp) {
  for (const Duration epoch : {Duration(1), Duration(1h), Duration(-100 * 24h * 365)}) {
    Sender sender{RemoteTime(epoch)};
    EXPECT_EQ(sender.send(0, 0ms), 0);
    EXPECT_EQ(sender.send(1, 20ms), 20'000);
    EXPECT_EQ(sender.send(3, 61ms), 61'000);
    EXPECT_EQ(sender.send(2, 40ms), 40'000);
    EXPECT_EQ(sender.timeline.newest(), 3U);
    EXPECT_EQ(sender.timeline.newest_capture(), 61'000);
  }
}

TEST(CaptureTimeline, GoesOnWhenTheSendersClockWasSet) {
  Sender sender{RemoteTime(5s)};
  sender.send(0, 0ms);
  sender.send(100, 2s);

  EXPECT_EQ(sender.send(101, 36'500 * 24h), 101 * kInterval - kDelay);
  EXPECT_NEAR(sender.send(102, 36'500 * 24h + 21ms), 101 * kInterval - kDelay + 21'000, 1);
  // What this adds is known: the owner speaks of the sender's own time.
  EXPECT_NEAR(sender.timeline.shift(), -3.15e15, 1e13);
}

TEST(CaptureTimeline, TakesAFrameWithoutStampAsOneThatCameInTime) {
  Sender sender{RemoteTime(5s)};
  sender.send(0, 0ms);
  EXPECT_EQ(sender.send_raw(50, RemoteTime{}), 50 * kInterval - kDelay);
}

TEST(CaptureTimeline, DisbelievesStampsThatDoNotRunLikeTime) {
  for (const auto per_frame : {Duration(0), Duration(20us), Duration(-20ms), Duration(3s)}) {
    Sender sender{RemoteTime(5s)};
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      const double capture = sender.send(i, per_frame * static_cast<int>(i));
      if (i > 400) {
        ASSERT_EQ(capture, static_cast<double>(i) * kInterval - kDelay);
      }
    }
    // From when on they do, they are believed again.
    double last = 0;
    double before_last = 0;
    for (std::uint64_t i = 1'000; i < 1'400; ++i) {
      before_last = last;
      last = sender.send(i, 1h + 20ms * static_cast<int>(i) + (i % 2 == 0 ? 1ms : 0ms));
    }
    EXPECT_NEAR(last - before_last, 19'000, 1);
    EXPECT_NEAR(last, 1'399 * kInterval - kDelay, 1'001);
  }
}

TEST(CaptureTimeline, KeepsEveryStampNearItsArrival) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  Sender sender{RemoteTime(Duration(-kMost))};
  sender.send(0, 0ms);
  std::uint64_t sequence = 1;
  for (const std::int64_t stamp : {kMost, -kMost, std::int64_t{1}, -kMost - 1, kMost / 2}) {
    const double arrived = static_cast<double>(sequence) * kInterval;
    EXPECT_NEAR(sender.send_raw(sequence, RemoteTime(Duration(stamp))), arrived, 10.1e6);
    ++sequence;
  }
}

}  // namespace
}  // namespace echostream::timing
