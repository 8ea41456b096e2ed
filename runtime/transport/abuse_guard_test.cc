#include "runtime/transport/abuse_guard.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kNow{std::chrono::hours(1)};
constexpr std::size_t kSmall = 40;
constexpr std::size_t kLarge = 1400;

QuicOptions small_window() {
  QuicOptions options;
  options.connection_window_bytes = 0;
  return options;
}

// How many packets pass that bring nothing, up to a million.
int useless_until_out(AbuseGuard& guard, LocalTime from, Duration interval) {
  for (int i = 0; i < 1'000'000; ++i) {
    guard.on_datagram(from + i * interval, kSmall);
    if (guard.verdict() != Abuse::kNone) return i;
  }
  return 1'000'000;
}

TEST(Guard, LetsFiveSecondsWorthOfUselessPacketsPassAtOnce) {
  AbuseGuard guard(small_window());
  EXPECT_EQ(useless_until_out(guard, kNow, {}), 5000);
  EXPECT_EQ(guard.verdict(), Abuse::kUselessPackets);
}

TEST(Guard, LetsAWindowMoreThanThatPassBehindAGap) {
  AbuseGuard guard((QuicOptions()));
  EXPECT_EQ(useless_until_out(guard, kNow, {}), 5000 + 8 * 1024 * 1024 / 1200);
}

TEST(Guard, LetsAThousandASecondPassForEver) {
  AbuseGuard guard(small_window());
  EXPECT_EQ(useless_until_out(guard, kNow, 1ms), 1'000'000);
}

TEST(Guard, P03_PutsOutWhoSendsTwiceThatWithinFiveSeconds) {
  AbuseGuard guard(small_window());
  EXPECT_NEAR(useless_until_out(guard, kNow, 500us), 10'000, 2);
}

TEST(Guard, OneUsefulByteOrEmptyMessageMakesASmallPacketUseful) {
  AbuseGuard guard(small_window());
  for (int i = 0; i < 100'000; ++i) {
    guard.on_useful(i % 2);
    guard.on_datagram(kNow, kSmall);
  }
  EXPECT_EQ(guard.verdict(), Abuse::kNone);
}

TEST(Guard, OneUsefulByteDoesNotExcuseALargePacket) {
  AbuseGuard guard(small_window());
  for (int i = 0; i < 5001; ++i) {
    guard.on_useful(1);
    guard.on_datagram(kNow, kLarge);
  }
  EXPECT_EQ(guard.verdict(), Abuse::kUselessPackets);
}

TEST(Guard, ManySmallMessagesMakeALargePacketUseful) {
  AbuseGuard guard(small_window());
  for (int i = 0; i < 10'000; ++i) {
    for (int k = 0; k < 60; ++k) guard.on_useful(1);
    guard.on_datagram(kNow, kLarge);
  }
  EXPECT_EQ(guard.verdict(), Abuse::kNone);
}

// A loss in each window of a transfer: what comes behind the gap is told when the gap is filled.
TEST(Guard, BulkDataInTheWrongOrderPaysForItself) {
  AbuseGuard guard((QuicOptions()));
  constexpr int kWindowPackets = 6000;
  for (int window = 0; window < 1000; ++window) {
    for (int i = 0; i < kWindowPackets; ++i) guard.on_datagram(kNow, kLarge);
    guard.on_useful(kWindowPackets * kLarge);
    guard.on_datagram(kNow, kLarge);
  }
  EXPECT_EQ(guard.verdict(), Abuse::kNone);
}

// The same with single bytes: one in twenty is lost, and those behind it are told at once.
TEST(Guard, TrickleInTheWrongOrderPaysForItself) {
  AbuseGuard guard(small_window());
  for (int gap = 0; gap < 10'000; ++gap) {
    for (int i = 0; i < 19; ++i) guard.on_datagram(kNow, kSmall);
    guard.on_useful(20);
    guard.on_datagram(kNow, kSmall);
  }
  EXPECT_EQ(guard.verdict(), Abuse::kNone);
}

TEST(Guard, CopiesAndRubbishDoNotCountAgainstThePeer) {
  AbuseGuard guard(small_window());
  for (int i = 0; i < 100'000; ++i) guard.on_rubbish();
  EXPECT_EQ(guard.verdict(), Abuse::kNone);
}

TEST(Guard, PutsOutWhoChurns) {
  struct Churn {
    Abuse abuse;
    void (AbuseGuard::*event)(LocalTime);
    int burst;
  };
  const QuicOptions options;
  for (const Churn& churn : {Churn{Abuse::kBrokenStreams, &AbuseGuard::on_broken_stream, 50'000},
                             Churn{Abuse::kConnectionIds, &AbuseGuard::on_id_change, 500},
                             Churn{Abuse::kPaths, &AbuseGuard::on_path_challenge, 500},
                             Churn{Abuse::kKeyUpdates, &AbuseGuard::on_key_update, 250}}) {
    AbuseGuard guard(options);
    for (int i = 0; i < churn.burst; ++i) (guard.*churn.event)(kNow);
    EXPECT_EQ(guard.verdict(), Abuse::kNone) << describe(churn.abuse);
    (guard.*churn.event)(kNow);
    EXPECT_EQ(guard.verdict(), churn.abuse) << describe(churn.abuse);
    // The rate alone passes for ever.
    AbuseGuard patient(options);
    for (int i = 0; i < 4 * churn.burst; ++i) {
      (patient.*churn.event)(kNow + i * Duration(5s) / churn.burst);
    }
    EXPECT_EQ(patient.verdict(), Abuse::kNone) << describe(churn.abuse);
  }
}

TEST(Guard, P04_PutsOutWhoMakesUsRememberMoreThanAWindowAndItsAllowance) {
  QuicOptions options;
  options.connection_window_bytes = 1000;
  options.max_bookkeeping_bytes = 500;
  AbuseGuard guard(options);
  guard.on_memory(1500, 0);
  guard.on_memory(2500, 2000);  // a thousand are for what we sent
  EXPECT_EQ(guard.verdict(), Abuse::kNone);
  guard.on_memory(2501, 2000);
  EXPECT_EQ(guard.verdict(), Abuse::kMemory);
}

TEST(Guard, KeepsItsFirstVerdict) {
  AbuseGuard guard(small_window());
  useless_until_out(guard, kNow, {});
  for (int i = 0; i < 1000; ++i) guard.on_key_update(kNow);
  EXPECT_EQ(guard.verdict(), Abuse::kUselessPackets);
}

}  // namespace
}  // namespace echostream::transport
