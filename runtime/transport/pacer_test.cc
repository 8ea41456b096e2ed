#include "runtime/transport/pacer.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kStart{std::chrono::hours(1)};

Pacer::Path path(Duration rtt, std::uint64_t window, bool congested = true) {
  Pacer::Path made;
  made.smoothed_rtt = rtt;
  made.congestion_window_bytes = window;
  made.packet_bytes = 1450;
  made.is_congestion_seen = congested;
  return made;
}

// Sends as much as it may for `duration`, and gives the bytes and the largest burst.
struct Sent {
  std::size_t bytes = 0;
  std::size_t largest_burst = 0;
  int bursts = 0;
};
Sent send_for(Pacer& pacer, const Pacer::Path& on, Duration duration) {
  Sent sent;
  for (LocalTime now = kStart; now < kStart + duration;) {
    const std::size_t most = pacer.budget(now, on);
    std::size_t burst = 0;
    while (burst < most) {
      burst += on.packet_bytes;
      pacer.on_sent(on.packet_bytes);
    }
    sent.bytes += burst;
    sent.bursts += burst > 0;
    sent.largest_burst = std::max(sent.largest_burst, burst);
    if (burst == 0) now = pacer.next_budget_at();
  }
  return sent;
}

TEST(Pacer, SendsALittleFasterThanTheWindowInSmallBursts) {
  Pacer pacer;
  const Pacer::Path on = path(20ms, 100'000);
  const Sent sent = send_for(pacer, on, 1s);
  // 50 windows in a second, a quarter more, and the first burst.
  EXPECT_NEAR(static_cast<double>(sent.bytes), 6'250'000 + 14'500, 20'000);
  EXPECT_LE(sent.largest_burst, 10u * 1450 + 1450);
  EXPECT_LT(sent.bursts, 1000);
}

TEST(Pacer, ABurstOfAFastPathIsWhatAMillisecondCarriesAndFitsOneGsoCall) {
  EXPECT_EQ(Pacer::burst_bytes(path(20ms, 400'000)), 25'000u);
  EXPECT_EQ(Pacer::burst_bytes(path(2ms, 4'000'000)), 65'536u);
  EXPECT_EQ(Pacer::burst_bytes(path(200ms, 14'500, false)), 14'500u);
  Pacer::Path jumbo = path(20ms, 1'000'000);
  jumbo.packet_bytes = 65'487;
  EXPECT_EQ(Pacer::burst_bytes(jumbo), 65'536u);
}

TEST(Pacer, NoMoreThanHalfOfASmallWindowLeavesAtOnce) {
  EXPECT_EQ(Pacer::burst_bytes(path(200ms, 14'500)), 7'250u);
  EXPECT_EQ(Pacer::burst_bytes(path(200ms, 2'900)), 2'900u);
}

TEST(Pacer, AShortPathWaitsForNothingUntilItWasOverrun) {
  Pacer pacer;
  EXPECT_EQ(pacer.budget(kStart, path(100us, 1'000'000, false)), Pacer::kUnlimited);
  pacer.on_sent(10'000'000);
  EXPECT_LE(pacer.budget(kStart + 1ms, path(100us, 1'000'000, true)), 65'537u);
}

TEST(Pacer, IdleTimeIsNotSavedUp) {
  Pacer pacer;
  const Pacer::Path on = path(20ms, 100'000);
  (void)send_for(pacer, on, 100ms);
  EXPECT_LE(pacer.budget(kStart + 1h, on), 14'501u);
}

TEST(Pacer, TheWaitEndsWithAGroupOfPackets) {
  Pacer pacer;
  const Pacer::Path on = path(20ms, 100'000);
  pacer.on_sent(pacer.budget(kStart, on));
  EXPECT_EQ(pacer.budget(kStart, on), 0u);
  const LocalTime next = pacer.next_budget_at();
  EXPECT_GT(next, kStart);
  EXPECT_EQ(pacer.budget(next - 1us, on), 0u);
  EXPECT_GE(pacer.budget(next, on), 7'250u);
}

TEST(Pacer, AnEmptyWindowDoesNotStopItForEver) {
  Pacer pacer;
  const Pacer::Path closed = path(20ms, 0);
  pacer.on_sent(pacer.budget(kStart, closed));
  EXPECT_EQ(pacer.budget(kStart, closed), 0u);
  EXPECT_LE(pacer.next_budget_at(), kStart + 1s);
}

}  // namespace
}  // namespace echostream::transport
