// What changes under a running connection: keys, addresses, the size of packets that pass.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// Runs a transfer each way, calling `disturb` every `interval` of virtual time until both are done.
struct Disturbed {
  bool run(QuicPair& pair, std::size_t size, Duration interval,
           const std::function<void()>& disturb) {
    const StreamId up = pair.send(*pair.connection, pattern(size, 1), true);
    const StreamId down = pair.send(pair.server_connection(), pattern(size, 2), true);
    const auto done = [&] {
      return pair.sink.is_closed() ||
             (pair.server_sink().stream(up).fin && pair.sink.stream(down).fin);
    };
    for (disturbances = 0; disturbances < 10'000; ++disturbances) {
      if (pair.world.run_until(done, interval)) break;
      disturb();
    }
    return !pair.sink.is_closed() && pair.server_sink().stream(up).received == pattern(size, 1) &&
           pair.sink.stream(down).received == pattern(size, 2);
  }
  int disturbances = 0;
};

// ---- Keys.

TEST(KeyUpdate, InTheMiddleOfATransferLosesNothing) {
  for (const bool by_client : {true, false}) {
    QuicPair pair;
    ASSERT_TRUE(pair.connect());
    pair.world.run_for(100ms);
    QuicConnection& connection = by_client ? *pair.connection : pair.server_connection();
    int updates = 0;
    Disturbed transfer;
    pair.world.link.loss = 0.01;
    EXPECT_TRUE(transfer.run(pair, 2'000'000, 25ms, [&] {
      updates += connection.update_keys(pair.world.now()).is_ok();
    })) << pair.sink.close_message();
    EXPECT_GE(updates, 3);
  }
}

TEST(KeyUpdate, FromBothSidesAtOnceIsOneUpdate) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  Disturbed transfer;
  EXPECT_TRUE(transfer.run(pair, 1'000'000, 25ms, [&] {
    (void)pair.connection->update_keys(pair.world.now());
    (void)pair.server_connection().update_keys(pair.world.now());
  })) << pair.sink.close_message();
}

TEST(KeyUpdate, TwiceWithoutConfirmationIsRefused) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  EXPECT_TRUE(pair.connection->update_keys(pair.world.now()).is_ok());
  EXPECT_EQ(pair.connection->update_keys(pair.world.now()).code(), StatusCode::kFailedPrecondition);
}

// ---- Addresses.

const SocketAddress kOther = SocketAddress::ipv4({198, 51, 100, 99}, 1234);

TEST(Rebinding, ServerFollowsTheClientToANewAddress) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(100ms);
  int count = 0;
  Disturbed transfer;
  EXPECT_TRUE(transfer.run(pair, 2'000'000, 60ms, [&] {
    if (count++ == 0) pair.client.public_address = kOther;
  })) << pair.sink.close_message();
  EXPECT_GE(count, 1);
  EXPECT_EQ(pair.server_connection().remote_address(), kOther);
}

TEST(Rebinding, N10_OfThePortEvery100MsIsFollowed) {
  for_each_seed(10, [](std::uint64_t seed) {
    QuicPair pair(seed);
    ASSERT_TRUE(pair.connect());
    pair.world.link.delay = 20ms;
    pair.world.link.loss = 0.01;
    pair.world.run_for(200ms);
    std::uint16_t port = 10'000;
    int rebinds = 0;
    Disturbed transfer;
    const bool done = transfer.run(pair, 1'500'000, 100ms, [&] {
      if (rebinds == 50) return;
      pair.client.public_address = pair.client.address.with_port(++port);
      ++rebinds;
    });
    EXPECT_GE(rebinds, 3);
    // With ngtcp2 1.11 about one in three hundred is stuck, and has to end in time.
    if (!done) {
      EXPECT_EQ(pair.server_sink().close_message(),
                "the peer acknowledged nothing for the idle timeout");
    }
  });
}

TEST(Rebinding, CopiesFromElsewhereDoNotMoveTheConnection) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  // Somebody on the way copies some of the client's packets and is faster with them (RFC 9000
  // section 9.3.3).
  int copies = 20;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.server.address && copies > 0) {
      --copies;
      pair.world.deliver(pair.server, kOther, datagram.bytes);
    }
    return true;
  };
  const StreamId id = pair.send(*pair.connection, pattern(300'000, 1), true);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s))
      << pair.sink.close_message();
  EXPECT_EQ(copies, 0);
  EXPECT_EQ(pair.server_connection().remote_address(), pair.client.address);
}

TEST(Rebinding, JunkOfStrangersDoesNotKeepTheClientFromMoving) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  // They have seen one packet, and know the connection's id from it.
  std::vector<std::uint8_t> junk;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.server.address && junk.empty()) {
      junk = datagram.bytes;
      junk.back() ^= 1;
    }
    return true;
  };
  int count = 0;
  Disturbed transfer;
  EXPECT_TRUE(transfer.run(pair, 2'000'000, 2ms, [&] {
    const auto port = static_cast<std::uint16_t>(2000 + count % 1000);
    if (!junk.empty()) pair.world.deliver(pair.server, kOther.with_port(port), junk);
    if (++count == 30) pair.client.public_address = pair.client.address.with_port(777);
  })) << pair.sink.close_message();
  EXPECT_GT(count, 35);
  EXPECT_EQ(pair.server_connection().remote_address().port(), 777);
}

TEST(Rebinding, LittleIsSentToAnAddressThatNeverProvesItself) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  pair.send(pair.server_connection(), pattern(2'000'000, 1), true);
  std::size_t to_victim = 0;
  std::size_t from_victim = 0;
  bool moved = false;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == kOther) {
      to_victim += datagram.bytes.size();
      return false;
    }
    if (datagram.to == pair.server.address && !moved) {
      moved = true;
      datagram.from = kOther;
      from_victim += datagram.bytes.size();
    }
    return true;
  };
  pair.world.run_for(10s);
  ASSERT_TRUE(moved);
  EXPECT_GT(to_victim, 0u);  // the challenge
  EXPECT_LE(to_victim, 3 * std::max<std::size_t>(from_victim, 1200));
}

// ---- Sizes.

TEST(PathMtu, LargeTransferFindsTheLargestPacket) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  Disturbed transfer;
  EXPECT_TRUE(transfer.run(pair, 1'000'000, 1h, [] {}));
  EXPECT_EQ(pair.world.largest_datagram, 1452u);
}

TEST(PathMtu, NarrowPathGetsSmallPackets) {
  QuicPair pair;
  pair.world.link.mtu = 1300;
  ASSERT_TRUE(pair.connect());
  Disturbed transfer;
  EXPECT_TRUE(transfer.run(pair, 1'000'000, 1h, [] {}));
  EXPECT_LE(pair.world.largest_datagram, 1300u);
  EXPECT_GE(pair.world.largest_datagram, 1200u);
}

// N09.
TEST(PathMtu, N09_ShrunkenPathIsNoticedWithinAFewProbeTimeouts) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(2s);
  const StreamId id = pair.send(*pair.connection, pattern(3'000'000, 1), true);
  pair.world.run_for(40ms);
  ASSERT_EQ(pair.world.largest_datagram, 1452u);
  pair.world.link.mtu = 1200;
  const std::size_t before = pair.server_sink().stream(id).received.size();
  pair.world.run_for(500ms);
  EXPECT_GT(pair.server_sink().stream(id).received.size(), before + 10'000);
  EXPECT_LT(pair.connection->max_datagram_bytes(), 1200u);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 30s));
  // A wide path is found again, later.
  pair.world.link.mtu = 65535;
  pair.world.largest_datagram = 0;
  pair.world.run_for(11min);
  const StreamId later = pair.send(*pair.connection, pattern(100'000, 2), true);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(later).fin; }, 30s));
  EXPECT_EQ(pair.world.largest_datagram, 1452u);
}

TEST(PathMtu, OfAnotherLimitIsKept) {
  QuicWorld::Options options;
  options.quic.max_udp_payload_bytes = 1200;
  QuicPair pair(1, options);
  ASSERT_TRUE(pair.connect());
  Disturbed transfer;
  EXPECT_TRUE(transfer.run(pair, 300'000, 1h, [] {}));
  EXPECT_EQ(pair.world.largest_datagram, 1200u);
}

}  // namespace
}  // namespace echostream::testing
