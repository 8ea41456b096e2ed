// How connections end: by either side, by silence, by a lost peer; and what is said afterwards.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/quic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

QuicWorld::Options with_idle(Duration idle, Duration keep_alive) {
  QuicWorld::Options options;
  options.quic.idle_timeout = idle;
  options.quic.keep_alive_interval = keep_alive;
  return options;
}

// ---- On purpose.

TEST(Closing, CodeAndReasonReachTheOtherSide) {
  for (const bool by_client : {true, false}) {
    QuicPair pair;
    ASSERT_TRUE(pair.connect());
    pair.world.run_for(100ms);
    RecordingSink& closer = by_client ? pair.sink : pair.server_sink();
    RecordingSink& other = by_client ? pair.server_sink() : pair.sink;
    closer.connection->close(0x1234, "good night");
    EXPECT_FALSE(closer.connection->is_open());
    pair.world.run_for(100ms);
    ASSERT_TRUE(closer.is_closed() && other.is_closed());
    EXPECT_EQ(closer.close_message(), "this side closed the session: good night");
    EXPECT_FALSE(closer.closed->by_peer);
    EXPECT_EQ(other.close_message(), "the peer closed the session (code 0x1234): good night");
    EXPECT_TRUE(other.closed->by_peer);
    EXPECT_EQ(other.closed->application_code, 0x1234u);
    EXPECT_FALSE(other.connection->is_open());
    EXPECT_EQ(closer.broken_promises + other.broken_promises, 0);
  }
}

TEST(Closing, TwiceIsOnce) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.connection->close(1, "first");
  pair.connection->close(2, "second");
  pair.world.run_for(100ms);
  pair.connection->close(3, "third");
  pair.world.run_for(100ms);
  EXPECT_EQ(pair.server_sink().closed->application_code, 1u);
  EXPECT_EQ(pair.sink.broken_promises, 0);
}

TEST(Closing, LongReasonIsCut) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.connection->close(1, std::string(5000, 'r'));
  pair.world.run_for(100ms);
  EXPECT_TRUE(pair.sink.is_closed());
  ASSERT_TRUE(pair.server_sink().is_closed());
  EXPECT_NE(pair.server_sink().close_message().find("rrr"), std::string::npos);
}

TEST(Closing, BeforeTheFirstPacketNothingIsSent) {
  QuicPair pair;
  pair.world.dial(pair.client, pair.server, pair.sink).close(0, "never mind");
  pair.world.run_for(60s);
  EXPECT_TRUE(pair.sink.is_closed());
  EXPECT_EQ(pair.world.datagrams_sent, 0u);
  EXPECT_FALSE(pair.sink.is_connected());
}

TEST(Closing, HalfOpenItIsForgottenOnBothSides) {
  QuicPair pair;
  QuicConnection& connection = pair.world.dial(pair.client, pair.server, pair.sink);
  pair.world.run_for(7ms);  // the server has answered, its answer is under way
  ASSERT_EQ(pair.server.endpoint->connection_count(), 1u);
  connection.close(0, "never mind");
  pair.world.run_for(60s);
  EXPECT_TRUE(pair.sink.is_closed());
  EXPECT_FALSE(pair.sink.is_connected());
  EXPECT_TRUE(pair.server.accepted.empty() || pair.server_sink().is_closed());
  pair.client.endpoint->release(connection);
  pair.world.run_for(1s);
  EXPECT_EQ(pair.client.endpoint->connection_count(), 0u);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0u);
}

TEST(Closing, FromInsideOnConnectedOnEitherSide) {
  for (const bool by_client : {true, false}) {
    QuicPair pair;
    if (by_client) {
      pair.sink.when_connected = [&] { pair.sink.connection->close(8, "at once"); };
    } else {
      pair.server.when_accepted = [](RecordingSink& accepted) {
        accepted.when_connected = [&accepted] { accepted.connection->close(8, "at once"); };
      };
    }
    pair.world.dial(pair.client, pair.server, pair.sink);
    pair.world.run_for(30s);
    ASSERT_TRUE(pair.sink.is_closed());
    EXPECT_EQ(pair.sink.broken_promises, 0);
    if (!by_client) {
      ASSERT_TRUE(pair.server_sink().is_closed());
      EXPECT_TRUE(pair.sink.closed->by_peer);
    } else {
      EXPECT_TRUE(pair.server.accepted.empty() || pair.server_sink().is_closed());
    }
  }
}

TEST(Closing, GettersWorkAfterTheEnd) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  const StreamId id = pair.send(*pair.connection, "x", false);
  pair.world.run_for(100ms);
  pair.server_connection().close(0, "");
  pair.world.run_for(100ms);
  ASSERT_TRUE(pair.sink.is_closed());
  QuicConnection& connection = *pair.connection;
  EXPECT_EQ(connection.remote_address(), pair.server.address);
  EXPECT_GT(connection.stats().packets_sent, 0u);
  EXPECT_GT(connection.stats().bytes_received, 0u);
  EXPECT_EQ(connection.unsent_bytes(id), 0u);
  EXPECT_FALSE(connection.open_bidirectional().has_value());
  EXPECT_FALSE(connection.update_keys(pair.world.now()).is_ok());
  EXPECT_EQ(connection.max_datagram_bytes(), 0u);
  connection.write(id, Buffer::copy("x"), true);
  connection.reset(id, 1);
  connection.stop_sending(id, 1);
  connection.consume(id, 1);
  connection.notify_when_drained(id, 0);
  pair.world.run_for(100ms);
  EXPECT_EQ(pair.sink.broken_promises, 0);
}

TEST(Closing, ReleasedConnectionIsFreedAfterItsClosingPeriod) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(100ms);
  pair.connection->close(0, "");
  pair.world.run_for(1ms);
  ASSERT_TRUE(pair.sink.is_closed());
  pair.client.endpoint->release(*pair.connection);
  EXPECT_EQ(pair.client.endpoint->connection_count(), 1u);
  pair.world.run_for(5s);
  EXPECT_EQ(pair.client.endpoint->connection_count(), 0u);
  // Not released: it stays, for its owner may still ask it.
  EXPECT_TRUE(pair.server_sink().is_closed());
  EXPECT_EQ(pair.server.endpoint->connection_count(), 1u);
  pair.server.endpoint->release(pair.server_connection());
  pair.world.run_for(1ms);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0u);
  // And nobody wants to be woken any more.
  EXPECT_EQ(pair.server.endpoint->next_deadline(), kNever);
  EXPECT_EQ(pair.client.endpoint->next_deadline(), kNever);
}

TEST(Closing, LatePacketsAreAnsweredEverMoreRarely) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  std::vector<std::uint8_t> late;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.server.address) late = datagram.bytes;
    return false;
  };
  pair.send(*pair.connection, "late", false);
  pair.world.flush(pair.client);
  ASSERT_FALSE(late.empty());
  pair.server_connection().close(1, "gone");
  pair.world.flush(pair.server);
  const std::uint64_t before = pair.world.datagrams_sent;
  for (int i = 0; i < 100; ++i) {
    pair.world.deliver(pair.server, pair.client.address, late);
    pair.world.flush(pair.server);
  }
  EXPECT_EQ(pair.world.datagrams_sent - before, 7u);  // after 1, 2, 4, ... 64
}

TEST(Closing, LostLastWordIsSaidAgain) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  bool lose = true;
  pair.world.tap = [&](Datagram&) { return !std::exchange(lose, false); };
  pair.server_connection().close(1, "gone");
  pair.world.flush(pair.server);
  ASSERT_FALSE(lose);
  pair.send(*pair.connection, "anybody there?", false);
  pair.world.run_for(100ms);
  ASSERT_TRUE(pair.sink.is_closed());
  EXPECT_EQ(pair.sink.close_message(), "the peer closed the session (code 0x1): gone");
}

TEST(Closing, DrainingSideSaysNothing) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  std::vector<std::uint8_t> late;
  pair.send(*pair.connection, "late", false);
  pair.world.tap = [&](Datagram& datagram) {
    late = datagram.bytes;
    return false;
  };
  pair.world.flush(pair.client);
  pair.world.tap = nullptr;
  pair.connection->close(1, "gone");
  pair.world.run_for(10ms);
  ASSERT_TRUE(pair.server_sink().is_closed());
  const std::uint64_t before = pair.world.datagrams_sent;
  for (int i = 0; i < 10; ++i) pair.world.deliver(pair.server, pair.client.address, late);
  pair.world.run_for(10ms);
  EXPECT_EQ(pair.world.datagrams_sent, before);
}

// ---- By silence.

TEST(IdleTimeout, EndsBothSidesExactly) {
  QuicPair pair(1, with_idle(3s, 0s));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  // An acknowledgement may ask for one itself (PING), so the last packet need not be ours.
  LocalTime to_server{}, to_client{};
  pair.world.tap = [&](Datagram& datagram) {
    (datagram.to == pair.server.address ? to_server : to_client) = pair.world.now();
    return true;
  };
  pair.send(*pair.connection, "last", false);
  pair.world.run_for(60s);
  ASSERT_TRUE(pair.sink.is_closed() && pair.server_sink().is_closed());
  EXPECT_EQ(pair.server_sink().closed_at, to_server + 5ms + 3s);
  EXPECT_EQ(pair.sink.closed_at, to_client + 5ms + 3s);
  EXPECT_EQ(pair.sink.close_message(), "nothing was heard from the peer for the idle timeout");
  EXPECT_EQ(pair.sink.closed->status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(pair.connection->remote_address(), pair.server.address);
}

TEST(IdleTimeout, IsTheShorterOfBothSides) {
  QuicPair pair(1, with_idle(20s, 0s), with_idle(2s, 0s));
  ASSERT_TRUE(pair.connect());
  const LocalTime at = pair.world.now();
  pair.world.run_for(60s);
  ASSERT_TRUE(pair.sink.is_closed() && pair.server_sink().is_closed());
  EXPECT_LT(pair.sink.closed_at - at, 3s);
}

TEST(KeepAlive, HoldsAQuietConnectionOpen) {
  for (const bool by_client : {true, false}) {
    const auto quiet = with_idle(3s, 0s);
    const auto lively = with_idle(3s, 1s);
    QuicPair pair(1, by_client ? lively : quiet, by_client ? quiet : lively);
    ASSERT_TRUE(pair.connect());
    pair.world.run_for(1h);
    EXPECT_FALSE(pair.sink.is_closed()) << pair.sink.close_message();
    EXPECT_FALSE(pair.server_sink().is_closed());
  }
}

TEST(KeepAlive, SendsAPacketOrTwoAnInterval) {
  QuicPair pair(1, with_idle(30s, 10s), with_idle(30s, 0s));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(5s);
  const std::uint64_t before = pair.connection->stats().packets_sent;
  pair.world.run_for(1000s);
  const std::uint64_t sent = pair.connection->stats().packets_sent - before;
  EXPECT_GE(sent, 98u);
  EXPECT_LE(sent, 200u);
}

TEST(KeepAlive, DoesNotHideAPeerThatIsGone) {
  QuicPair pair(1, with_idle(3s, 1s));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(10s);
  const LocalTime at = pair.world.now();
  pair.world.tap = [](Datagram&) { return false; };
  pair.world.run_for(60s);
  ASSERT_TRUE(pair.sink.is_closed());
  EXPECT_LE(pair.sink.closed_at - at, 4s);
}

TEST(BlackHole, N06_ShorterThanTheIdleTimeoutIsSurvivedLongerIsNot) {
  for (const auto& [outage, survives] :
       std::vector<std::pair<Duration, bool>>{{29s, true}, {31s, false}}) {
    QuicPair pair(1, with_idle(30s, 10s));
    ASSERT_TRUE(pair.connect());
    pair.world.run_for(5s);
    // Little: with a full congestion window only ngtcp2's own probes go out, and the next one may
    // come too late.
    const StreamId id = pair.send(*pair.connection, pattern(500, 1), true);
    pair.world.tap = [](Datagram&) { return false; };
    pair.world.run_for(outage);
    pair.world.tap = nullptr;
    pair.world.run_for(60s);
    EXPECT_EQ(!pair.sink.is_closed(), survives);
    EXPECT_EQ(pair.server_sink().stream(id).fin, survives);
  }
}

TEST(BlackHole, TransferGoesOnSoonAfterTheEndOfALongOne) {
  QuicPair pair(1, with_idle(60s, 0s));
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(5s);
  const StreamId id = pair.send(*pair.connection, pattern(500, 1), true);
  pair.world.tap = [](Datagram&) { return false; };
  pair.world.run_for(45s);
  pair.world.tap = nullptr;
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 2s));
}

TEST(BlackHole, N06_TransferGoesOnThroughOneEveryFiveSeconds) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.link.delay = 15ms;
  const LocalTime start = pair.world.now();
  pair.world.tap = [&](Datagram&) { return (pair.world.now() - start) % 5s < 3s; };
  const std::string bytes = pattern(20'000'000, 1);
  const StreamId id = pair.send(*pair.connection, bytes, true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 300s));
  EXPECT_TRUE(pair.server_sink().stream(id).received == bytes);
}

// ---- By a peer that forgot.

TEST(StatelessReset, RestartedServerIsNoticedAtOnce) {
  QuicWorld::Options server;
  server.secret_seed = 77;
  QuicPair pair(1, {}, server);
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  pair.world.replace(pair.server, server);
  pair.server.accepted.clear();
  const LocalTime at = pair.world.now();
  pair.send(*pair.connection, std::string(100, 'x'), false);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.sink.is_closed(); }, 60s));
  EXPECT_EQ(pair.sink.closed_at - at, 10ms);
  EXPECT_EQ(pair.sink.close_message(), "the peer lost the connection (it may have restarted)");
  EXPECT_EQ(pair.server.endpoint->stats().stateless_resets_sent, 1u);
}

TEST(StatelessReset, FromAnotherAddressOrWithAWrongTokenIsIgnored) {
  QuicWorld::Options server;
  server.secret_seed = 77;
  QuicPair pair(1, {}, server);
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  pair.world.replace(pair.server, server);
  pair.server.accepted.clear();
  std::vector<std::uint8_t> reset;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.client.address) reset = datagram.bytes;
    return datagram.to != pair.client.address;
  };
  pair.send(*pair.connection, std::string(100, 'x'), false);
  pair.world.run_for(10ms);
  ASSERT_FALSE(reset.empty());
  pair.world.deliver(pair.client, SocketAddress::ipv4({203, 0, 113, 1}, 1), reset);
  for (std::size_t i = reset.size() - 16; i < reset.size(); ++i) {
    auto wrong = reset;
    wrong[i] ^= 1;
    pair.world.deliver(pair.client, pair.server.address, wrong);
  }
  EXPECT_FALSE(pair.sink.is_closed());
  pair.world.deliver(pair.client, pair.server.address, reset);
  EXPECT_TRUE(pair.sink.is_closed());
}

}  // namespace
}  // namespace echostream::testing
