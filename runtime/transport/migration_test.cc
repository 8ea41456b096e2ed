// Connections that move: to another socket of the client's, and to the server's preferred address
// (RFC 9000 section 9).
#include <gmock/gmock.h>

#include <set>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const SocketAddress kUsual = SocketAddress::ipv4({198, 51, 100, 7}, 50000);
const SocketAddress kMobile = SocketAddress::ipv4({203, 0, 113, 5}, 40001);

// A client with a second socket, which the others see at kMobile.
struct MovingPair : QuicPair {
  explicit MovingPair(std::uint64_t seed = 1, QuicWorld::Options options = {})
      : QuicPair(seed, options) {
    client.sockets[kMobile] = kMobile;
  }
  // Until the last migration that was begun has ended.
  Status finish_migration() {
    const std::size_t before = sink.migrations.size();
    world.run_until([&] { return sink.migrations.size() > before || sink.is_closed(); }, 30s);
    return sink.migrations.size() > before ? sink.migrations.back().second
                                           : Status(StatusCode::kInternal, "no end");
  }
};

TEST(Migration, GoesToAnotherSocketInTheMiddleOfATransferEachWay) {
  for_each_seed(20, [](std::uint64_t seed) {
    MovingPair pair(seed);
    ASSERT_TRUE(pair.connect());
    pair.world.link.delay = 20ms;
    pair.world.link.loss = 0.01;
    pair.world.run_for(200ms);
    const StreamId up = pair.send(*pair.connection, pattern(1'000'000, 1), true);
    const StreamId down = pair.send(pair.server_connection(), pattern(1'000'000, 2), true);
    pair.world.run_for(60ms);
    ASSERT_FALSE(pair.sink.stream(down).fin);
    ASSERT_TRUE(pair.connection->migrate(pair.world.now(), kMobile).is_ok());
    const Status moved = pair.finish_migration();
    EXPECT_TRUE(moved.is_ok()) << moved;
    EXPECT_EQ(pair.sink.migrations.back().first, kMobile);
    EXPECT_TRUE(pair.world.run_until(
        [&] { return pair.server_sink().stream(up).fin && pair.sink.stream(down).fin; }, 60s))
        << pair.sink.close_message() << pair.server_sink().close_message();
    EXPECT_EQ(pair.server_sink().stream(up).received, pattern(1'000'000, 1));
    EXPECT_EQ(pair.sink.stream(down).received, pattern(1'000'000, 2));
    EXPECT_EQ(pair.server_connection().remote_address(), kMobile);
    EXPECT_EQ(pair.connection->local_address(), kMobile);
  });
}

// The destination id of a packet with a short header.
std::string destination_id(const Datagram& datagram) {
  constexpr std::size_t kIdBytes = 16;
  if (datagram.bytes.size() <= kIdBytes || (datagram.bytes[0] & 0x80) != 0) return {};
  return {datagram.bytes.begin() + 1, datagram.bytes.begin() + 1 + kIdBytes};
}

// RFC 9000 section 9.5: an observer of both networks must not be able to tell.
TEST(Migration, NoConnectionIdIsSeenOnBothPaths) {
  MovingPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(200ms);
  std::map<std::string, std::set<SocketAddress>> seen_at;
  pair.world.tap = [&](Datagram& datagram) {
    const SocketAddress& clients = datagram.to == pair.server.address ? datagram.from : datagram.to;
    if (const std::string id = destination_id(datagram); !id.empty()) seen_at[id].insert(clients);
    return true;
  };
  pair.send(*pair.connection, pattern(20'000, 1), true);
  pair.world.run_for(100ms);
  ASSERT_TRUE(pair.connection->migrate(pair.world.now(), kMobile).is_ok());
  ASSERT_TRUE(pair.finish_migration().is_ok());
  pair.send(*pair.connection, pattern(20'000, 2), true);
  pair.world.run_for(1s);
  EXPECT_GE(seen_at.size(), 4u);  // each way, before and after
  for (const auto& [id, places] : seen_at) EXPECT_EQ(places.size(), 1u);
}

TEST(Migration, OverABlackHoleFailsAndTheOldPathGoesOn) {
  for_each_seed(10, [](std::uint64_t seed) {
    MovingPair pair(seed);
    ASSERT_TRUE(pair.connect());
    pair.world.link.delay = 20ms;
    pair.world.run_for(200ms);
    std::uint64_t swallowed = 0;
    pair.world.tap = [&](Datagram& datagram) {
      const bool is_lost = datagram.from == kMobile || datagram.to == kMobile;
      swallowed += is_lost;
      return !is_lost;
    };
    const StreamId id = pair.send(*pair.connection, pattern(3'000'000, 1), true);
    ASSERT_TRUE(pair.connection->migrate(pair.world.now(), kMobile).is_ok());
    const LocalTime begun = pair.world.now();
    const Status moved = pair.finish_migration();
    EXPECT_EQ(moved.code(), StatusCode::kUnavailable) << moved;
    EXPECT_THAT(std::string(moved.message()), HasSubstr("the old one is still used"));
    EXPECT_LE(pair.world.now() - begun, 5s);
    EXPECT_GT(swallowed, 0u);
    EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s));
    EXPECT_EQ(pair.server_connection().remote_address(), kUsual);
    // And it may be tried again.
    pair.world.tap = nullptr;
    ASSERT_TRUE(pair.connection->migrate(pair.world.now(), kMobile).is_ok());
    EXPECT_TRUE(pair.finish_migration().is_ok());
  });
}

// The old path dies at the moment when the way to the new one begins.
TEST(Migration, N11_AwayFromADeadPathLosesNothing) {
  for_each_seed(20, [](std::uint64_t seed) {
    MovingPair pair(seed);
    ASSERT_TRUE(pair.connect());
    pair.world.link.delay = 20ms;
    pair.world.run_for(200ms);
    const StreamId down = pair.send(pair.server_connection(), pattern(1'000'000, 2), true);
    pair.world.run_for(50ms);
    bool seen_new = false;
    bool path_was_proven_first = true;
    pair.world.tap = [&](Datagram& datagram) {
      if (datagram.from == pair.server.address && datagram.to == kMobile && !seen_new) {
        seen_new = true;
        path_was_proven_first = datagram.bytes.size() <= 3 * 1200;
      }
      return datagram.from != kUsual && datagram.to != kUsual;
    };
    ASSERT_TRUE(pair.connection->migrate(pair.world.now(), kMobile).is_ok());
    const Status moved = pair.finish_migration();
    EXPECT_TRUE(moved.is_ok()) << moved;
    EXPECT_TRUE(pair.world.run_until([&] { return pair.sink.stream(down).fin; }, 60s));
    EXPECT_EQ(pair.sink.stream(down).received, pattern(1'000'000, 2));
    EXPECT_TRUE(path_was_proven_first);
  });
}

TEST(Migration, N10_EachHundredMillisecondsIsSurvived) {
  for_each_seed(20, [](std::uint64_t seed) {
    MovingPair pair(seed);
    ASSERT_TRUE(pair.connect());
    pair.world.link.delay = 10ms;
    pair.world.link.loss = 0.005;
    pair.world.run_for(200ms);
    const StreamId up = pair.send(*pair.connection, pattern(1'500'000, 1), true);
    const StreamId down = pair.send(pair.server_connection(), pattern(1'500'000, 2), true);
    const auto done = [&] {
      return pair.sink.is_closed() ||
             (pair.server_sink().stream(up).fin && pair.sink.stream(down).fin);
    };
    int begun = 0;
    for (std::uint16_t round = 0; round < 50 && !done(); ++round) {
      const SocketAddress next = kMobile.with_port(static_cast<std::uint16_t>(41'000 + round));
      pair.client.sockets[next] = next;
      begun += pair.connection->migrate(pair.world.now(), next).is_ok();
      pair.world.run_until(done, 100ms);
    }
    EXPECT_GE(begun, 4);
    EXPECT_TRUE(pair.world.run_until(done, 60s));
    EXPECT_FALSE(pair.sink.is_closed()) << pair.sink.close_message();
    EXPECT_EQ(pair.server_sink().stream(up).received, pattern(1'500'000, 1));
    EXPECT_EQ(pair.sink.stream(down).received, pattern(1'500'000, 2));
    const auto succeeded =
        std::count_if(pair.sink.migrations.begin(), pair.sink.migrations.end(),
                      [](const auto& migration) { return migration.second.is_ok(); });
    EXPECT_GE(succeeded, 3);
  });
}

TEST(Migration, BeforeTheHandshakeIsConfirmedWaitsForIt) {
  MovingPair pair;
  pair.connection = &pair.world.dial(pair.client, pair.server, pair.sink);
  EXPECT_TRUE(pair.connection->migrate(pair.world.now(), kMobile).is_ok());
  const Status moved = pair.finish_migration();
  EXPECT_TRUE(moved.is_ok()) << moved;
  pair.send(*pair.connection, pattern(1000, 1), true);
  pair.world.run_for(100ms);
  EXPECT_EQ(pair.server_connection().remote_address(), kMobile);
}

TEST(Migration, IsRefusedWithTheReasonWhereItCannotBe) {
  MovingPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(200ms);
  const LocalTime now = pair.world.now();
  EXPECT_EQ(pair.server_connection().migrate(now, kMobile).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(pair.connection->migrate(now, SocketAddress::ipv6({1}, 1)).code(),
            StatusCode::kInvalidArgument);
  ASSERT_TRUE(pair.connection->migrate(now, kMobile).is_ok());
  ASSERT_TRUE(pair.finish_migration().is_ok());
  EXPECT_EQ(pair.connection->migrate(pair.world.now(), kMobile).code(),
            StatusCode::kInvalidArgument);
  pair.connection->close(0, "over");
  pair.world.run_for(1s);
  EXPECT_TRUE(pair.sink.is_closed());
}

TEST(Migration, TooManyInASecondAreRefused) {
  MovingPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(200ms);
  Status last;
  int begun = 0;
  for (std::uint16_t i = 0; i < 100; ++i) {
    const SocketAddress next = kMobile.with_port(static_cast<std::uint16_t>(41'000 + i));
    last = pair.connection->migrate(pair.world.now(), next);
    begun += last.is_ok();
  }
  EXPECT_LE(begun, 16);
  EXPECT_EQ(last.code(), StatusCode::kResourceExhausted);
  EXPECT_FALSE(pair.sink.is_closed());
}

// The peer runs out of ids to give: what goes on is not lost with what cannot begin.
TEST(Migration, OneThatCannotBeginLeavesTheOneBeforeItAlone) {
  MovingPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(200ms);
  // None of them can end meanwhile: nothing arrives.
  pair.world.tap = [](Datagram&) { return false; };
  SocketAddress last;
  Status refused;
  for (std::uint16_t i = 0; i < 12 && refused.is_ok(); ++i) {
    const SocketAddress next = kMobile.with_port(static_cast<std::uint16_t>(41'000 + i));
    pair.client.sockets[next] = next;
    refused = pair.connection->migrate(pair.world.now(), next);
    if (refused.is_ok()) last = next;
  }
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted) << refused;
  pair.world.tap = nullptr;
  ASSERT_TRUE(pair.world.run_until(
      [&] { return !pair.sink.migrations.empty() && pair.sink.migrations.back().first == last; },
      10s));
  EXPECT_TRUE(pair.sink.migrations.back().second.is_ok()) << pair.sink.migrations.back().second;
  const StreamId id = pair.send(*pair.connection, pattern(100'000, 1), true);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 10s));
}

// Somebody who holds the connection's packets sends them from ever new addresses.
TEST(Migration, AFloodOfAddressesMovesAServerOnlySoOften) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  std::uint16_t port = 1000;
  std::set<SocketAddress> answered;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.server.address) {
      datagram.from = SocketAddress::ipv4({203, 0, 113, 99}, ++port);
    } else {
      if (datagram.to != kUsual) answered.insert(datagram.to);
      datagram.to = kUsual;
    }
    return true;
  };
  pair.send(*pair.connection, pattern(2'000'000, 1), true);
  pair.send(pair.server_connection(), pattern(2'000'000, 1), true);
  pair.world.run_for(3s);
  EXPECT_GT(port, 1100);
  EXPECT_LE(answered.size(), 16u + 3 * 16u);
}

// ---- The preferred address.

const SocketAddress kPreferred = SocketAddress::ipv4({192, 0, 2, 200}, 4433);

QuicWorld::Options preferring(const SocketAddress& address) {
  QuicWorld::Options options;
  options.quic.preferred_ipv4 = address;
  return options;
}

TEST(PreferredAddress, TheClientMovesThereAfterTheHandshake) {
  for_each_seed(10, [](std::uint64_t seed) {
    QuicPair pair(seed, {}, preferring(kPreferred));
    pair.server.sockets[kPreferred] = kPreferred;
    ASSERT_TRUE(pair.connect());
    EXPECT_TRUE(
        pair.world.run_until([&] { return pair.connection->remote_address() == kPreferred; }, 5s));
    const StreamId id = pair.send(*pair.connection, pattern(300'000, 1), true);
    EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 30s))
        << pair.sink.close_message();
  });
}

TEST(PreferredAddress, ThatNobodyAnswersAtIsGivenUp) {
  QuicPair pair(1, {}, preferring(kPreferred));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(10s);
  EXPECT_EQ(pair.connection->remote_address(), pair.server.address);
  const StreamId id = pair.send(*pair.connection, pattern(300'000, 1), true);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 30s));
}

// X02: a server must not aim its clients at what only they can reach.
TEST(PreferredAddress, X02_OnTheClientsOwnMachineIsIgnored) {
  for (const auto& trap : {SocketAddress::ipv4({127, 0, 0, 1}, 22), SocketAddress::ipv4({}, 53)}) {
    QuicPair pair(1, {}, preferring(trap));
    int sent = 0;
    pair.world.tap = [&](Datagram& datagram) {
      sent += datagram.to == trap;
      return true;
    };
    ASSERT_TRUE(pair.connect());
    pair.world.run_for(5s);
    EXPECT_EQ(sent, 0);
    EXPECT_FALSE(pair.sink.is_closed());
  }
}

TEST(PreferredAddress, IsNotFollowedWhenTheClientSaysSo) {
  QuicWorld::Options stays;
  stays.quic.follow_preferred_address = false;
  QuicPair pair(1, stays, preferring(kPreferred));
  pair.server.sockets[kPreferred] = kPreferred;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(5s);
  EXPECT_EQ(pair.connection->remote_address(), pair.server.address);
}

}  // namespace
}  // namespace echostream::testing
