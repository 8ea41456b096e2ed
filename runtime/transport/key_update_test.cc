// Packet keys that are replaced on schedule (RFC 9001 section 6).
#include <gtest/gtest.h>

#include "tests/support/quic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

QuicWorld::Options with_keys(Duration interval, std::uint64_t packets) {
  QuicWorld::Options options;
  options.quic.key_update_interval = interval;
  options.quic.key_update_packets = packets;
  options.quic.keep_alive_interval = 5s;
  return options;
}

constexpr std::uint64_t kNeverByPackets = std::uint64_t{1} << 60;

bool still_carries_data(QuicPair& pair) {
  const StreamId id = pair.send(*pair.connection, pattern(5000, 1), true);
  pair.world.run_for(1s);
  return pair.server_sink().stream(id).received == pattern(5000, 1);
}

TEST(KeyUpdate, ComesAfterItsTimeOverAndOver) {
  QuicPair pair(1, with_keys(60s, kNeverByPackets), with_keys({}, kNeverByPackets));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(59s);
  EXPECT_EQ(pair.connection->stats().key_updates, 0u);
  pair.world.run_for(10min);
  // With the next packet after each minute.
  EXPECT_GE(pair.connection->stats().key_updates, 9u);
  EXPECT_LE(pair.connection->stats().key_updates, 10u);
  EXPECT_EQ(pair.server_connection().stats().key_updates, 0u);
  EXPECT_TRUE(still_carries_data(pair));
}

TEST(KeyUpdate, ComesAfterSoManyPacketsAndDisturbsNoTransfer) {
  for (const double loss : {0.0, 0.03}) {
    QuicPair pair(7, with_keys({}, 1000), with_keys({}, kNeverByPackets));
    pair.world.link.loss = loss;
    ASSERT_TRUE(pair.connect());
    const std::string bytes = pattern(2'000'000, 2);
    for (int i = 0; i < 10; ++i) {
      const StreamId id = pair.send(*pair.connection, bytes, true);
      ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 600s));
      EXPECT_TRUE(pair.server_sink().stream(id).received == bytes);
      pair.world.run_for(1s);
    }
    const auto stats = pair.connection->stats();
    EXPECT_GE(stats.key_updates, 9u);
    EXPECT_LE(stats.key_updates, stats.packets_sent / 1000);
  }
}

TEST(KeyUpdate, OfBothEndsAtOnceIsNoQuarrel) {
  QuicPair pair(3, with_keys(10s, 1000), with_keys(10s, 1000));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(5min);
  EXPECT_GE(pair.connection->stats().key_updates, 10u);
  EXPECT_GE(pair.server_connection().stats().key_updates, 10u);
  EXPECT_TRUE(still_carries_data(pair));
  EXPECT_FALSE(pair.sink.is_closed()) << pair.sink.close_message();
}

TEST(KeyUpdate, IsNeverDoneOftenerThanEachSecondAndThousandPackets) {
  QuicPair pair(4, with_keys(1ns, 1), with_keys(1ns, 1));
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.connection->stats().key_updates, 0u);
  pair.world.run_for(60s);
  EXPECT_LE(pair.connection->stats().key_updates, 60u);
  EXPECT_TRUE(still_carries_data(pair));
}

TEST(KeyUpdate, WaitsOutAnOutage) {
  QuicPair pair(5, with_keys(10s, kNeverByPackets), with_keys({}, kNeverByPackets));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(8s);
  pair.world.tap = [](Datagram&) { return false; };
  pair.world.run_for(20s);
  pair.world.tap = nullptr;
  pair.world.run_for(20s);
  EXPECT_GE(pair.connection->stats().key_updates, 1u);
  EXPECT_TRUE(still_carries_data(pair));
}

}  // namespace
}  // namespace echostream::testing
