// Handshakes that go wrong on purpose: pieces in the wrong order, holes, parameters that lie,
// tokens that were tampered with, garbage behind good packets.
#include <algorithm>

#include "tests/hostile/hostile_world.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

Frames piece_of(const std::vector<std::uint8_t>& bytes, std::size_t begin, std::size_t end) {
  return Frames().crypto(begin, BytesView(bytes).subspan(begin, end - begin));
}

// ---- Tokens.

QuicWorld::Options always_retry() {
  QuicWorld::Options options;
  options.retry_above_half_open = 0;
  return options;
}

// A client that got its Retry and holds its second ClientHello back.
struct RetriedClient : HostileClient {
  RetriedClient() : HostileClient(always_retry()) {
    peer.holds_crypto_from = PacketType::kOneRtt;
    peer.change_crypto = [this](PacketType, std::vector<std::uint8_t>& bytes) {
      if (peer.retries_seen == 0 || has_changed) return;
      has_changed = true;
      change_token(peer.retry_token);
      peer.form.token = peer.retry_token;
      (void)bytes;
    };
  }
  std::function<void(std::vector<std::uint8_t>&)> change_token = [](auto&) {};
  bool has_changed = false;
};

TEST(HostilePeer, T07_RetryTokenAsItIsLetsTheClientIn) {
  RetriedClient hostile;
  EXPECT_TRUE(hostile.peer.connect());
  EXPECT_EQ(hostile.peer.retries_seen, 1u);
  EXPECT_EQ(hostile.server.accepted.size(), 1u);
}

TEST(HostilePeer, T07_RetryTokenWithAnyByteChangedIsInvalid) {
  std::size_t size = 1;
  for (std::size_t at = 0; at < size; ++at) {
    RetriedClient hostile;
    hostile.change_token = [&](std::vector<std::uint8_t>& token) {
      size = token.size();
      token[at] ^= 0x01;
    };
    EXPECT_FALSE(hostile.peer.connect());
    // A first byte that makes it another kind of token gets another Retry, all others the error.
    if (hostile.peer.is_closed()) {
      EXPECT_EQ(hostile.code(), kInvalidToken) << at;
    } else {
      EXPECT_EQ(hostile.peer.retries_seen, 2u) << at;
    }
    EXPECT_EQ(hostile.server.endpoint->connection_count(), 0u) << at;
  }
  EXPECT_GT(size, 30u);
}

TEST(HostilePeer, T07_RetryTokenIsWorthNothingTooLate) {
  RetriedClient hostile;
  hostile.change_token = [&](auto&) { hostile.world.run_for(60s); };
  EXPECT_FALSE(hostile.peer.connect());
  EXPECT_EQ(hostile.code(), kInvalidToken);
}

TEST(HostilePeer, T07_RetryTokenIsWorthNothingFromAnotherAddress) {
  RetriedClient hostile;
  hostile.change_token = [&](auto&) {
    hostile.peer.rebind(SocketAddress::ipv4({203, 0, 113, 67}, 666));
  };
  EXPECT_FALSE(hostile.peer.connect());
  EXPECT_EQ(hostile.code(), kInvalidToken);
}

// ---- Order.

using Order = std::vector<std::size_t>;

// Sends the ClientHello cut into three, in that order, the first two in one datagram.
void send_in_order(HostilePeer& peer, const std::vector<std::uint8_t>& hello, const Order& order) {
  const std::array<std::size_t, 4> cuts = {0, hello.size() / 3, 2 * hello.size() / 3, hello.size()};
  Frames first;
  for (const std::size_t part : {order[0], order[1]}) {
    first.raw(piece_of(hello, cuts[part], cuts[part + 1]).bytes());
  }
  peer.send(PacketType::kInitial, first);
  peer.send(PacketType::kInitial, piece_of(hello, cuts[order[2]], cuts[order[2] + 1]));
  peer.run_for(10ms);
}

TEST(HostilePeer, T10_ClientHelloInThreeOutOfOrderPiecesOverTwoDatagramsIsUnderstood) {
  Order order = {0, 1, 2};
  do {
    HostileClient hostile;
    const auto hello = hostile.peer.make_hello();
    hostile.peer.holds_crypto_from.reset();
    send_in_order(hostile.peer, hello, order);
    if (hostile.peer.retries_seen != 0) {
      // It began with the middle, and was asked to prove its address.
      EXPECT_NE(order[0], 0u);
      EXPECT_NE(order[1], 0u);
    }
    EXPECT_TRUE(hostile.peer.has_keys()) << order[0] << order[1] << order[2];
    EXPECT_EQ(hostile.server.accepted.size(), 1u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(HostilePeer, T10_WorksInAnyOrderBehindARetry) {
  Order order = {0, 1, 2};
  do {
    HostileClient hostile(always_retry());
    auto hello = hostile.peer.make_hello();
    hostile.peer.send(PacketType::kInitial, piece_of(hello, 0, hello.size()));
    ASSERT_EQ(hostile.peer.retries_seen, 1u);
    hello = hostile.peer.take_crypto(PacketType::kInitial);
    hostile.peer.holds_crypto_from.reset();
    send_in_order(hostile.peer, hello, order);
    EXPECT_TRUE(hostile.peer.has_keys()) << order[0] << order[1] << order[2];
  } while (std::next_permutation(order.begin(), order.end()));
}

// ---- Holes.

TEST(HostilePeer, T11_CryptoBeyond64KiBBehindAHoleIsAnErrorInTheHandshake) {
  HostileClient hostile;
  hostile.peer.holds_crypto_from = PacketType::kHandshake;
  hostile.peer.connect();
  hostile.peer.send(PacketType::kHandshake, Frames().crypto(70'000, as_bytes("x")));
  EXPECT_EQ(hostile.code(), kCryptoBufferExceeded);
}

TEST(HostilePeer, T11_CryptoBeyond64KiBBehindAHoleIsAnErrorAfterIt) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  hostile.peer.send(Frames().crypto(70'000, as_bytes("x")));
  EXPECT_EQ(hostile.code(), kCryptoBufferExceeded);
}

TEST(HostilePeer, T11_ManySmallHolesKeepLittle) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  const std::size_t before = live_bytes();
  std::size_t most = before;
  for (std::uint64_t at = 1; at < 65'000 && !hostile.peer.is_closed();) {
    Frames frames;
    for (int i = 0; i < 150; ++i, at += 2) frames.crypto(at, as_bytes("x"));
    hostile.peer.send(frames);
    most = std::max(most, live_bytes());
  }
  // ngtcp2 allows 5000 holes.
  EXPECT_TRUE(hostile.peer.is_closed());
  EXPECT_LT(most - before, 2u << 20);
}

// TLS messages that never end are bounded by BoringSSL.
TEST(HostilePeer, T11_EndlessHandshakeMessageIsRefused) {
  HostileClient hostile;
  hostile.peer.holds_crypto_from = PacketType::kHandshake;
  hostile.peer.connect();
  std::vector<std::uint8_t> bytes = {11, 0xff, 0xff, 0xff};  // a Certificate of 16 MiB
  const std::size_t before = live_bytes();
  for (std::uint64_t offset = 0; offset < 2u << 20 && !hostile.peer.is_closed();
       offset += bytes.size(), bytes.assign(1000, 0)) {
    hostile.peer.send(PacketType::kHandshake, Frames().crypto(offset, bytes));
  }
  EXPECT_TRUE(hostile.peer.is_closed());
  EXPECT_LT(live_bytes() - std::min(before, live_bytes()), 200'000u);
}

// ---- Transport parameters.

std::optional<std::uint64_t> code_for(std::vector<std::uint8_t> parameters) {
  HostileClient hostile;
  hostile.peer.raw_parameters = std::move(parameters);
  hostile.peer.connect();
  return hostile.code();
}

std::vector<std::uint8_t> good_parameters(HostilePeer& peer) {
  Frames frames;
  frames.varint(0x04).varint(4).raw(as_varint(1 << 20));
  frames.varint(0x0f).varint(peer.own_id().view().size()).raw(peer.own_id().view());
  return frames.bytes();
}

TEST(HostilePeer, T13_ParametersThatComeTwiceAreAnError) {
  HostileClient hostile;
  auto twice = good_parameters(hostile.peer);
  append_bytes(twice, Frames().varint(0x04).varint(4).raw(as_varint(1 << 20)).bytes());
  hostile.peer.raw_parameters = twice;
  hostile.peer.connect();
  EXPECT_EQ(hostile.code(), kTransportParameterError);
}

TEST(HostilePeer, T13_ParametersCutAnywhereAreAnError) {
  HostileClient other;
  const auto whole = good_parameters(other.peer);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    // Also where the cut falls between two: the id that has to be there is missing.
    EXPECT_EQ(code_for({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
              kTransportParameterError)
        << size;
  }
}

TEST(HostilePeer, T13_UnknownParametersOfAnySizeAreIgnored) {
  HostileClient hostile;
  auto large = good_parameters(hostile.peer);
  const std::vector<std::uint8_t> value(500, 0xab);
  for (std::uint64_t id = 1000; id < 1010; ++id) {
    append_bytes(large, Frames().varint(31 * id + 27).varint(value.size()).raw(value).bytes());
  }
  hostile.peer.raw_parameters = large;
  EXPECT_TRUE(hostile.peer.connect());
}

// Each parameter with each length and random bytes, and random order: an error or a connection.
TEST(HostilePeer, T13_RandomParametersEndInAnErrorOrAConnection) {
  for_each_seed(300, [](std::uint64_t seed) {
    QuicWorld::Options options;
    HostileClient hostile(options);
    Random random(seed, 3);
    hostile.peer.change_parameters = [&](TransportParameters& all) {
      for (int i = 0; i < 4; ++i) {
        const std::uint64_t id = random.below(0x22);
        std::vector<std::uint8_t> value(random.below(20));
        for (std::uint8_t& byte : value) byte = static_cast<std::uint8_t>(random.next());
        all[id] = random.chance(0.5) ? value : as_varint(random.next() >> (2 + random.below(60)));
      }
    };
    if (!hostile.peer.connect()) {
      EXPECT_EQ(hostile.code(), kTransportParameterError);
      return;
    }
    hostile.sink().connection->write(StreamId{0}, Buffer::copy("x"), true);
    hostile.peer.send(Frames().stream(0, 0, "hello", true));
    hostile.peer.run_for(100s);
    EXPECT_EQ(hostile.sink().broken_promises, 0);
  });
}

// ---- Garbage.

TEST(HostilePeer, T14_GarbageBehindAGoodPacketLeavesTheGoodOneUsed) {
  HostileClient hostile;
  ASSERT_TRUE(hostile.peer.connect());
  for (std::size_t size = 1; size < 200; ++size) {
    // A long header follows as a packet of its own, if only its form bit is right; what follows a
    // short header belongs to it, and spoils it.
    auto datagram =
        seal_packet(PacketKey(transport::CipherSuite::initial(), std::vector<std::uint8_t>(32, 1)),
                    {PacketType::kHandshake, hostile.peer.victim_id(), hostile.peer.own_id()},
                    std::vector<std::uint8_t>(size, 1));
    const std::string text(1, static_cast<char>(size));
    append_bytes(datagram, hostile.peer.seal(PacketType::kOneRtt,
                                             Frames().stream(0, size - 1, text).bytes()));
    hostile.peer.send_datagram(datagram);
  }
  EXPECT_EQ(hostile.sink().stream(StreamId{0}).received.size(), 199u);
  EXPECT_FALSE(hostile.peer.is_closed());
}

}  // namespace
}  // namespace echostream::testing
