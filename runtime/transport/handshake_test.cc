// From the first packet to the open connection: what may go wrong there, and what proves addresses.
#include <gtest/gtest.h>

#include <array>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

const SocketAddress kElsewhere = SocketAddress::ipv4({203, 0, 113, 9}, 9);

TEST(Handshake, OpensBothEndsInOneRoundTripEach) {
  QuicPair pair;
  const LocalTime start = pair.world.now();
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(*pair.sink.connected_at - start, 10ms);
  EXPECT_EQ(*pair.server_sink().connected_at - start, 15ms);
  EXPECT_TRUE(pair.connection->is_open());
  EXPECT_FALSE(pair.connection->is_server());
  EXPECT_TRUE(pair.server_connection().is_server());
  EXPECT_EQ(pair.connection->alpn(), "echostream/1");
  EXPECT_EQ(pair.server_connection().alpn(), "echostream/1");
  EXPECT_EQ(pair.server_connection().remote_address(), pair.client.address);
  EXPECT_EQ(pair.connection->remote_address(), pair.server.address);
  EXPECT_TRUE(pair.connection->peer_fingerprint());
  EXPECT_FALSE(pair.server_connection().peer_fingerprint());
}

// Datagrams that begin with a packet whose QUIC bit is cleared, each way.
std::array<int, 2> greased_datagrams(bool client_greases, bool server_greases) {
  std::array<int, 2> greased{};
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    QuicWorld::Options client;
    client.quic.grease_quic_bit = client_greases;
    QuicWorld::Options server;
    server.quic.grease_quic_bit = server_greases;
    QuicPair pair(seed, client, server);
    pair.world.tap = [&](Datagram& datagram) {
      const bool is_set = (datagram.bytes[0] & 0x40) != 0;
      if (!is_set) ++greased[datagram.from == pair.client.address ? 0 : 1];
      return true;
    };
    EXPECT_TRUE(pair.connect());
    pair.world.run_for(1s);
  }
  return greased;
}

TEST(Handshake, GreasesTheQuicBitOnlyWhenBothEndsWantIt) {
  EXPECT_GT(greased_datagrams(true, true)[0], 0);
  EXPECT_GT(greased_datagrams(true, true)[1], 0);
  // Who does not want it neither offers it to the other end nor takes the other's offer.
  EXPECT_EQ(greased_datagrams(false, true), (std::array<int, 2>{0, 0}));
  EXPECT_EQ(greased_datagrams(true, false), (std::array<int, 2>{0, 0}));
}

TEST(Handshake, MeasuresTheRoundTripTime) {
  QuicPair pair;
  pair.world.link.delay = 50ms;
  ASSERT_TRUE(pair.connect());
  EXPECT_GE(pair.connection->stats().smoothed_rtt, 100ms);
  EXPECT_LT(pair.connection->stats().smoothed_rtt, 130ms);
  EXPECT_EQ(pair.connection->stats().least_rtt, 100ms);
}

// N07: a link to the Moon and back, and one that is worse.
TEST(Handshake, N07_WorksAtARoundTripOfSeconds) {
  QuicWorld::Options options;
  options.quic.handshake_timeout = 60s;
  QuicPair pair(1, options);
  pair.world.link.delay = 5s;
  EXPECT_TRUE(pair.connect(60s));
}

TEST(Handshake, BothEndsExportTheSameKeyingMaterial) {
  QuicPair pair;
  std::array<std::uint8_t, 32> ours{};
  QuicConnection& early = pair.world.dial(pair.client, pair.server, pair.sink);
  EXPECT_EQ(early.export_keying_material("label", {}, ours).code(),
            StatusCode::kFailedPrecondition);
  ASSERT_TRUE(pair.world.run_until([&] { return !pair.server.accepted.empty(); }, 1s));
  std::array<std::uint8_t, 32> theirs{};
  std::array<std::uint8_t, 32> other{};
  ASSERT_TRUE(early.export_keying_material("EXPORTER-test", {}, ours).is_ok());
  ASSERT_TRUE(pair.server_connection().export_keying_material("EXPORTER-test", {}, theirs).is_ok());
  ASSERT_TRUE(early.export_keying_material("EXPORTER-else", {}, other).is_ok());
  EXPECT_EQ(ours, theirs);
  EXPECT_NE(ours, other);
}

class HandshakeCiphers : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(HandshakeCiphers, CarryDataAndNewKeys) {
  QuicWorld::Options options;
  options.ciphers = GetParam();
  QuicPair pair(1, options);
  ASSERT_TRUE(pair.connect());
  const std::string bytes = pattern(100'000, 1);
  const StreamId first = pair.send(*pair.connection, bytes, true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(first).fin; }, 10s));
  ASSERT_TRUE(pair.connection->update_keys(pair.world.now()).is_ok());
  const StreamId second = pair.send(*pair.connection, bytes, true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(second).fin; }, 10s));
  EXPECT_EQ(pair.server_sink().stream(first).received, bytes);
  EXPECT_EQ(pair.server_sink().stream(second).received, bytes);
}

using Ciphers = std::vector<std::string>;
INSTANTIATE_TEST_SUITE_P(
    All, HandshakeCiphers,
    ::testing::Values(
        Ciphers{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
        Ciphers{"TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"},
        Ciphers{"TLS_AES_256_GCM_SHA384"}));

// ---- Bad networks.

// A kilobyte each way over a new connection (N03, N04).
void exchange_a_kilobyte(std::uint64_t seed, const LinkConditions& link) {
  QuicWorld::Options options;
  // A client doubles its patience with each try: ten tries take 17 minutes.
  options.quic.handshake_timeout = options.quic.idle_timeout = 2000s;
  QuicPair pair(seed, options);
  pair.world.link = link;
  const std::string bytes = pattern(1000, seed);
  pair.server.when_accepted = [&](RecordingSink& accepted) {
    accepted.when_data = [&, to = &accepted](StreamId id, BytesView, bool fin) {
      if (fin) to->connection->write(id, Buffer::copy(bytes), true);
    };
  };
  ASSERT_TRUE(pair.connect(2000s)) << pair.sink.close_message();
  const StreamId id = pair.send(*pair.connection, bytes, true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.sink.stream(id).fin; }, 2000s));
  EXPECT_EQ(pair.sink.stream(id).received, bytes);
  EXPECT_EQ(pair.server_sink().stream(id).received, bytes);
  EXPECT_EQ(pair.sink.broken_promises + pair.server_sink().broken_promises, 0);
}

TEST(Handshake, N03_CompletesWhenAThirdIsLostInBursts) {
  for_each_seed(200, [](std::uint64_t seed) {
    exchange_a_kilobyte(seed, {.delay = 15ms, .loss = 0.13, .loss_burst = 3});
  });
}

TEST(Handshake, N04_CompletesWhenAThirdIsCorrupted) {
  for_each_seed(
      200, [](std::uint64_t seed) { exchange_a_kilobyte(seed, {.delay = 15ms, .corrupt = 0.3}); });
}

TEST(Handshake, N05_CompletesWhenAllIsReorderedAndDoubled) {
  for_each_seed(100, [](std::uint64_t seed) {
    exchange_a_kilobyte(seed, {.delay = 15ms, .jitter = 60ms, .duplicate = 0.3});
  });
}

// ---- Refusals.

TEST(Handshake, TakesAtMostItsTimeout) {
  QuicPair pair;
  pair.world.tap = [](Datagram&) { return false; };
  const LocalTime start = pair.world.now();
  EXPECT_FALSE(pair.connect(60s));
  EXPECT_EQ(pair.sink.closed_at - start, 10s);
  EXPECT_EQ(pair.sink.close_message(), "the handshake took too long");
  EXPECT_EQ(pair.sink.closed->status.code(), StatusCode::kUnavailable);
}

TEST(Handshake, HalfOpenServerConnectionsEndWithTheTimeout) {
  QuicPair pair;
  pair.world.tap = [&](Datagram& datagram) { return datagram.to == pair.server.address; };
  pair.connect(1s);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 1u);
  pair.world.run_for(60s);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0u);
  EXPECT_TRUE(pair.server.accepted.empty());
}

TEST(Handshake, T15_WithoutACommonProtocolSaysSo) {
  QuicPair pair;
  pair.world.dial(pair.client, pair.server, pair.sink, "h3");
  ASSERT_TRUE(pair.world.run_until([&] { return pair.sink.is_closed(); }, 1s));
  EXPECT_EQ(pair.sink.close_message(),
            "the peer refused the handshake: no application protocol in common (is it an "
            "EchoStream peer, of the same version?) (alert 120)");
  EXPECT_TRUE(pair.sink.closed->by_peer);
  EXPECT_TRUE(pair.server.accepted.empty());
  pair.world.run_for(30s);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0u);
}

TEST(Handshake, StrangersCertificateIsUnauthenticatedAndNobodyOpens) {
  QuicPair pair;
  QuicPair other;
  transport::QuicEndpoint::Dial dial;
  dial.remote = pair.server.address;
  dial.server_name = "server.test";
  dial.tls = other.world.client_tls("echostream/1");  // pins another world's server
  pair.sink.connection =
      *pair.client.endpoint->connect(pair.world.now(), std::move(dial), pair.sink);
  pair.world.run_for(30s);
  ASSERT_TRUE(pair.sink.is_closed());
  EXPECT_EQ(pair.sink.closed->status.code(), StatusCode::kUnauthenticated);
  EXPECT_FALSE(pair.sink.is_connected());
  EXPECT_TRUE(pair.server.accepted.empty());
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0u);
}

TEST(Handshake, UnwantedClientIsToldAndForgotten) {
  QuicPair pair;
  pair.server.refuses = true;
  pair.world.dial(pair.client, pair.server, pair.sink);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.sink.is_closed(); }, 1s));
  EXPECT_EQ(pair.sink.close_message(), "the peer closed the connection: connection refused (0x2)");
  EXPECT_EQ(pair.server.endpoint->stats().connections_refused, 1u);
  pair.world.run_for(30s);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0u);
}

TEST(Handshake, FullServerRefusesTheNextAtOnce) {
  QuicWorld::Options full;
  full.max_connections = 1;
  QuicPair pair(1, {}, full);
  ASSERT_TRUE(pair.connect());
  RecordingSink second;
  pair.world.dial(pair.client, pair.server, second);
  ASSERT_TRUE(pair.world.run_until([&] { return second.is_closed(); }, 1s));
  EXPECT_EQ(second.close_message(), "the peer closed the connection: connection refused (0x2)");
  EXPECT_EQ(pair.server.endpoint->connection_count(), 1u);
  EXPECT_FALSE(pair.sink.is_closed());
}

TEST(Handshake, FullClientDialsNoMore) {
  QuicWorld::Options full;
  full.max_connections = 1;
  QuicPair pair(1, full, {});
  ASSERT_TRUE(pair.connect());
  transport::QuicEndpoint::Dial dial;
  dial.remote = pair.server.address;
  dial.server_name = "server.test";
  dial.tls = pair.world.client_tls("echostream/1");
  RecordingSink second;
  const auto refused = pair.client.endpoint->connect(pair.world.now(), std::move(dial), second);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kResourceExhausted);
}

TEST(Handshake, AtMostSoManyAreHalfOpen) {
  QuicWorld::Options options;
  options.max_half_open = 2;
  QuicPair pair(1, {}, options);
  pair.world.tap = [&](Datagram& datagram) { return datagram.to == pair.server.address; };
  std::array<RecordingSink, 5> sinks;
  for (RecordingSink& sink : sinks) pair.world.dial(pair.client, pair.server, sink);
  pair.world.run_for(100ms);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 2u);
  EXPECT_GE(pair.server.endpoint->stats().connections_refused, 3u);
  // Once the two have given up there is room again.
  pair.world.run_for(30s);
  pair.world.tap = nullptr;
  EXPECT_TRUE(pair.connect());
}

// ---- Proof of address.

QuicWorld::Options retry_always() {
  QuicWorld::Options options;
  options.retry_above_half_open = 0;
  return options;
}

TEST(Retry, ProvesTheAddressInOneMoreRoundTrip) {
  QuicPair pair(1, {}, retry_always());
  const LocalTime start = pair.world.now();
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(*pair.sink.connected_at - start, 20ms);
  EXPECT_EQ(pair.server.endpoint->stats().retries_sent, 1u);
}

TEST(Retry, LeavesNothingBehindUntilItIsAnswered) {
  QuicPair pair(1, {}, retry_always());
  pair.world.tap = [&](Datagram& datagram) { return datagram.to == pair.server.address; };
  pair.connect(1s);
  EXPECT_EQ(pair.server.endpoint->connection_count(), 0u);
}

TEST(Retry, WorksWhenAThirdIsLost) {
  for_each_seed(50, [](std::uint64_t seed) {
    QuicWorld::Options options = retry_always();
    options.quic.handshake_timeout = options.quic.idle_timeout = 2000s;
    QuicPair pair(seed, options, options);
    pair.world.link.loss = 0.3;
    // A client that takes more than ten seconds to bring its token back is told that it is stale.
    if (!pair.connect(2000s)) {
      EXPECT_EQ(pair.sink.close_message(), "the peer closed the connection: invalid token (0xb)");
    }
  });
}

TEST(Retry, NewTokenSavesTheNextConnectionTheRoundTrip) {
  QuicPair pair(1, {}, retry_always());
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(100ms);
  for (int visit = 0; visit < 3; ++visit) {
    RecordingSink again;
    const LocalTime start = pair.world.now();
    pair.world.dial(pair.client, pair.server, again);
    ASSERT_TRUE(pair.world.run_until([&] { return again.is_connected(); }, 1s));
    EXPECT_EQ(*again.connected_at - start, 10ms);
    pair.world.run_for(100ms);
    again.connection->close(0, "");
    pair.world.run_for(1s);
    pair.client.endpoint->release(*again.connection);
  }
  EXPECT_EQ(pair.server.endpoint->stats().retries_sent, 1u);
}

TEST(Retry, NewTokenIsWorthNothingFromAnotherAddress) {
  QuicPair pair(1, {}, retry_always());
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(100ms);
  pair.client.public_address = kElsewhere;
  RecordingSink again;
  pair.world.dial(pair.client, pair.server, again);
  ASSERT_TRUE(pair.world.run_until([&] { return again.is_connected(); }, 1s));
  EXPECT_EQ(pair.server.endpoint->stats().retries_sent, 2u);
}

// The client's Initial that answers a Retry, and where its token lies.
class RetryToken : public ::testing::Test {
 protected:
  void SetUp() override {
    pair_.world.tap = [this](Datagram& datagram) {
      if (datagram.to != pair_.server.address) return true;
      const std::size_t source_at = 6 + datagram.bytes[5];
      const std::size_t size_at = source_at + 1 + datagram.bytes[source_at];
      if (datagram.bytes[size_at] == 0) return true;  // the first try, without a token
      // Our tokens are short enough for a size of one byte.
      token_at_ = size_at + 1;
      token_bytes_ = datagram.bytes[size_at];
      answer_ = datagram.bytes;
      return false;
    };
    pair_.world.dial(pair_.client, pair_.server, pair_.sink);
    ASSERT_TRUE(pair_.world.run_until([this] { return !answer_.empty(); }, 1s));
    ASSERT_GT(token_bytes_, 29u);
  }
  std::size_t connections() const { return pair_.server.endpoint->connection_count(); }

  QuicPair pair_{1, {}, retry_always()};
  std::vector<std::uint8_t> answer_;
  std::size_t token_at_ = 0;
  std::size_t token_bytes_ = 0;
};

TEST_F(RetryToken, T07_OpensAsItIs) {
  pair_.world.deliver(pair_.server, pair_.client.address, answer_);
  EXPECT_EQ(connections(), 1u);
}

TEST_F(RetryToken, T07_OpensNothingWithAnyBitFlipped) {
  for (std::size_t i = 0; i < token_bytes_ * 8; ++i) {
    auto changed = answer_;
    changed[token_at_ + i / 8] ^= static_cast<std::uint8_t>(1 << i % 8);
    pair_.world.deliver(pair_.server, pair_.client.address, changed);
    pair_.world.flush(pair_.server);
    ASSERT_EQ(connections(), 0u) << "bit " << i;
  }
}

TEST_F(RetryToken, T07_OpensNothingFromAnotherAddressOrPort) {
  pair_.world.deliver(pair_.server, kElsewhere, answer_);
  pair_.world.deliver(pair_.server, pair_.client.address.with_port(1), answer_);
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(pair_.server.endpoint->stats().connections_refused, 2u);
}

TEST_F(RetryToken, T07_OpensNothingAfterItsTime) {
  pair_.world.run_for(10s);
  pair_.world.deliver(pair_.server, pair_.client.address, answer_);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(RetryToken, T07_BadOneEndsTheHonestClientAtOnce) {
  pair_.world.tap = nullptr;
  pair_.client.public_address = kElsewhere;
  ASSERT_TRUE(pair_.world.run_until([this] { return pair_.sink.is_closed(); }, 5s));
  EXPECT_EQ(pair_.sink.close_message(), "the peer closed the connection: invalid token (0xb)");
}

}  // namespace
}  // namespace echostream::testing
