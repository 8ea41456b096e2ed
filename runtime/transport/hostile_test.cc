// Datagrams that no peer of ours would send, from people who have no keys: nothing crashes, nothing
// is kept, little is answered, and honest handshakes beside them complete.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/quic_pair.h"
#include "tests/support/raw_initial.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using transport::ConnectionId;

const SocketAddress kStranger = SocketAddress::ipv4({203, 0, 113, 66}, 666);

// A pair whose server is talked to by strangers; counts what they get.
class Hostile : public ::testing::Test {
 protected:
  void SetUp() override {
    pair_.world.tap = [this](Datagram& datagram) {
      auto& [datagrams, bytes] = sent_to_[datagram.to];
      ++datagrams;
      bytes += datagram.bytes.size();
      largest_ = std::max(largest_, datagram.bytes.size());
      return true;
    };
  }
  void deliver(BytesView bytes, const SocketAddress& from = kStranger) {
    pair_.world.deliver(pair_.server, from, bytes);
    pair_.world.flush(pair_.server);
  }
  std::vector<std::uint8_t> random_bytes(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(pair_.world.random.next());
    return bytes;
  }
  ConnectionId random_id(std::size_t size = 16) { return ConnectionId(random_bytes(size)); }
  RawInitial initial() {
    RawInitial made;
    made.destination_id = random_id();
    made.source_id = random_id(8);
    return made;
  }
  std::uint64_t answers(const SocketAddress& to = kStranger) { return sent_to_[to].first; }
  std::uint64_t answered_bytes(const SocketAddress& to = kStranger) { return sent_to_[to].second; }
  std::size_t connections() const { return pair_.server.endpoint->connection_count(); }
  // A client's first datagram, as a real one sends it.
  std::vector<std::uint8_t> real_initial() {
    RecordingSink& sink = captured_.emplace_back();
    pair_.world.dial(pair_.client, pair_.server, sink);
    const auto transmit = pair_.client.endpoint->poll_transmit(pair_.world.now());
    std::vector<std::uint8_t> bytes(transmit->data.begin(), transmit->data.end());
    sink.connection->close(0, "");
    pair_.world.flush(pair_.client);
    return bytes;
  }

  std::deque<RecordingSink> captured_;
  QuicPair pair_;
  std::map<SocketAddress, std::pair<std::uint64_t, std::uint64_t>> sent_to_;
  std::size_t largest_ = 0;
};

// ---- Noise.

TEST_F(Hostile, T01_ShortNoiseLeavesNothingAndGetsAtMostAFewResets) {
  for (std::size_t size = 0; size < 1200; ++size) {
    for (int i = 0; i < 40; ++i) deliver(random_bytes(size));
  }
  EXPECT_EQ(connections(), 0u);
  EXPECT_LE(answers(), 100u);  // no time has passed
  EXPECT_LE(largest_, 43u);
  EXPECT_EQ(pair_.server.endpoint->stats().datagrams_received, 48'000u);
  EXPECT_EQ(pair_.server.endpoint->stats().datagrams_dropped, 48'000u - answers());
  EXPECT_TRUE(pair_.connect());
}

TEST_F(Hostile, T02_LongNoiseLeavesNothing) {
  for (int i = 0; i < 1500; ++i) {
    deliver(random_bytes(1200 + pair_.world.random.below(65'507 - 1200 + 1)));
  }
  EXPECT_EQ(connections(), 0u);
  EXPECT_LE(answers(), 100u);
  EXPECT_TRUE(pair_.connect());
}

TEST_F(Hostile, T02_NoiseInTheFormOfAnInitialLeavesNothing) {
  for (int i = 0; i < 3000; ++i) {
    auto bytes = random_bytes(1200);
    bytes[0] = static_cast<std::uint8_t>(0xc0 | (bytes[0] & 0x3f));
    const std::array<std::uint8_t, 5> version_and_size = {0, 0, 0, 1, 16};
    std::copy(version_and_size.begin(), version_and_size.end(), bytes.begin() + 1);
    bytes[22] = 8;  // the source id's size
    bytes[31] = 0;  // the token's
    deliver(bytes);
  }
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(answers(), 0u);
  EXPECT_TRUE(pair_.connect());
}

TEST_F(Hostile, NoiseAtAClientsPortLeavesItsConnectionAlone) {
  ASSERT_TRUE(pair_.connect());
  const std::uint64_t before = pair_.world.datagrams_sent;
  for (int i = 0; i < 5000; ++i) {
    pair_.world.deliver(pair_.client, i % 2 ? kStranger : pair_.server.address,
                        random_bytes(pair_.world.random.below(1500)));
    pair_.world.flush(pair_.client);
  }
  EXPECT_LE(pair_.world.datagrams_sent - before, 105u);
  const StreamId id = pair_.send(*pair_.connection, "still here", true);
  pair_.world.run_for(1s);
  EXPECT_EQ(pair_.server_sink().stream(id).received, "still here");
}

// ---- Real packets, spoilt.

// C06: of each of the first ten datagrams of both ends, copies cut at every byte and with every bit
// flipped arrive just before the real one.
TEST_F(Hostile, C06_SpoiltCopiesOfTheFirstTenDatagramsEachWayDoNoHarm) {
  std::uint64_t copies = 0;
  std::map<SocketAddress, int> seen;
  pair_.world.tap = [&](Datagram& datagram) {
    // The server's answers to copies with another version; a forged one of those may end the dial.
    if (datagram.bytes[0] >= 0x80 && datagram.bytes[4] == 0) return true;
    // And its answers to short packets with another id.
    if (datagram.to == pair_.client.address && datagram.bytes.size() < 43) return true;
    if (++seen[datagram.to] > 10) return true;
    QuicHost& to = datagram.to == pair_.server.address ? pair_.server : pair_.client;
    for (std::size_t i = 0; i < datagram.bytes.size(); ++i) {
      pair_.world.deliver(to, datagram.from, BytesView(datagram.bytes).first(i));
      for (int bit = 0; bit < 8; ++bit) {
        auto changed = datagram.bytes;
        changed[i] ^= static_cast<std::uint8_t>(1 << bit);
        pair_.world.deliver(to, datagram.from, changed);
      }
      copies += 9;
    }
    return true;
  };
  ASSERT_TRUE(pair_.connect()) << pair_.sink.close_message();
  const std::string bytes = pattern(20'000, 1);
  pair_.server_sink().when_data = [&](StreamId id, BytesView, bool fin) {
    if (fin) pair_.server_connection().write(id, Buffer::copy(bytes), true);
  };
  const StreamId id = pair_.send(*pair_.connection, bytes, true);
  pair_.world.run_for(10s);
  EXPECT_GE(seen[pair_.server.address], 10);
  EXPECT_GE(seen[pair_.client.address], 10);
  EXPECT_GT(copies, 100'000u);
  EXPECT_TRUE(pair_.server_sink().stream(id).received == bytes);
  EXPECT_TRUE(pair_.sink.stream(id).received == bytes);
  EXPECT_EQ(pair_.server.accepted.size(), 1u);
  pair_.world.run_for(20s);
  EXPECT_EQ(connections(), 1u);
  EXPECT_FALSE(pair_.sink.is_closed()) << pair_.sink.close_message();
}

// The same, the spoilt one alone: as good as lost.
TEST_F(Hostile, C06_HandshakeSurvivesOneSpoiltDatagramWhereverItIsSpoilt) {
  for (int index = 0; index < 6; ++index) {
    for (std::size_t at = 0; at < 1200; at += 31) {
      QuicPair pair(at + 1);
      int seen = 0;
      pair.world.tap = [&](Datagram& datagram) {
        if (seen++ == index) datagram.bytes[at % datagram.bytes.size()] ^= 0x40;
        return true;
      };
      ASSERT_TRUE(pair.connect()) << "datagram " << index << ", byte " << at << ": "
                                  << pair.sink.close_message();
    }
  }
}

TEST_F(Hostile, T14_GarbageBehindAValidPacketIsIgnored) {
  pair_.world.tap = [this](Datagram& datagram) {
    const auto garbage = random_bytes(60);
    datagram.bytes.insert(datagram.bytes.end(), garbage.begin(), garbage.end());
    return true;
  };
  EXPECT_TRUE(pair_.connect()) << pair_.sink.close_message();
}

// ---- Initials of strangers.

TEST_F(Hostile, T04_UnprovenAddressGetsAtMostThreeTimesWhatItSent) {
  const auto first = real_initial();
  for (int copies = 1; copies <= 3; ++copies) {
    const SocketAddress victim = kStranger.with_port(static_cast<std::uint16_t>(copies));
    QuicPair fresh(static_cast<std::uint64_t>(copies));
    std::uint64_t sent = 0;
    fresh.world.tap = [&](Datagram& datagram) {
      sent += datagram.bytes.size();
      return false;
    };
    for (int i = 0; i < copies; ++i) {
      fresh.world.deliver(fresh.server, victim, first);
      fresh.world.run_for(100ms);
    }
    fresh.world.run_for(12s);
    EXPECT_GT(sent, first.size());
    EXPECT_LE(sent, 3 * first.size() * static_cast<std::size_t>(copies));
    fresh.world.run_for(10s);
    EXPECT_EQ(fresh.server.endpoint->connection_count(), 0u);
  }
}

TEST_F(Hostile, T04_HoldsForRefusalsToo) {
  RawInitial broken = initial();
  broken.frames = crypto_frame(0, random_bytes(300));  // no ClientHello
  deliver(broken.seal());
  pair_.world.run_for(12s);
  EXPECT_GE(answers(), 1u);
  EXPECT_LE(answered_bytes(), 3 * 1200u);
  pair_.world.run_for(10s);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(Hostile, T03_FloodOfInitialsTurnsToRetriesAndKeepsNoMore) {
  const auto first = real_initial();
  std::uint64_t received = 0;
  for (int i = 0; i < 2000; ++i) {
    // Replayed from many ports, and with ids of its own each time where that changes anything.
    deliver(first, kStranger.with_port(static_cast<std::uint16_t>(1 + i)));
    RawInitial other = initial();
    other.frames = crypto_frame(0, as_bytes("\x01\x00\x01\xff"));  // a ClientHello begins
    const auto bytes = other.seal();
    deliver(bytes, kStranger.with_port(static_cast<std::uint16_t>(1 + i)));
    received += first.size() + bytes.size();
    ASSERT_LE(connections(), 256u);
  }
  EXPECT_GT(pair_.server.endpoint->stats().retries_sent, 1000u);
  std::uint64_t sent = 0;
  for (auto& [address, counts] : sent_to_) sent += counts.second;
  EXPECT_LE(sent, received);
  // An honest client gets in, by way of a Retry.
  EXPECT_TRUE(pair_.connect());
  pair_.world.run_for(30s);
  EXPECT_EQ(connections(), 1u);
}

// Each is told its error at once, and kept for its closing period (RFC 9000 10.2).
TEST_F(Hostile, T03_FloodOfHandshakesThatFailTurnsToRetriesAndKeepsNoMore) {
  for (int i = 0; i < 2000; ++i) {
    RawInitial broken = initial();
    broken.frames = crypto_frame(0, random_bytes(300));  // no ClientHello
    deliver(broken.seal(), kStranger.with_port(static_cast<std::uint16_t>(1 + i)));
    ASSERT_LE(connections(), 256u);
  }
  EXPECT_GT(pair_.server.endpoint->stats().retries_sent, 1000u);
  // An honest client gets in, by way of a Retry; nothing is left of the others.
  EXPECT_TRUE(pair_.connect());
  pair_.world.run_for(30s);
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Hostile, T03_InitialsThatHoldNothingUsefulAreNotKept) {
  for (int i = 0; i < 1000; ++i) {
    RawInitial empty = initial();
    empty.frames = {0x01};  // PING
    deliver(empty.seal());
  }
  EXPECT_EQ(connections(), 0u);
  EXPECT_TRUE(pair_.connect());
  EXPECT_EQ(pair_.server.endpoint->stats().retries_sent, 0u);
}

TEST_F(Hostile, T05_SmallInitialIsNotAnswered) {
  RawInitial small = initial();
  small.frames = crypto_frame(0, random_bytes(100));
  small.datagram_bytes = 1199;
  deliver(small.seal());
  auto cut = real_initial();
  deliver(BytesView(cut).first(1199));
  EXPECT_EQ(answers(), 0u);
  EXPECT_EQ(connections(), 0u);
}

// A ClientHello of two packets whose second comes first: its address has to prove itself before
// anything is kept.
TEST_F(Hostile, T10_MiddleOfAClientHelloIsAnsweredWithARetry) {
  RawInitial second = initial();
  second.packet_number = 1;
  second.frames = crypto_frame(1000, random_bytes(300));
  deliver(second.seal());
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(answers(), 1u);
  EXPECT_EQ(pair_.server.endpoint->stats().retries_sent, 1u);
}

TEST_F(Hostile, T11_CryptoBeyondTheBufferIsAnError) {
  RawInitial begin = initial();
  begin.frames = crypto_frame(0, as_bytes("\x01\x00\xff\xff"));  // a ClientHello of 64 KiB begins
  deliver(begin.seal());
  EXPECT_EQ(connections(), 1u);
  RawInitial beyond = begin;
  beyond.packet_number = 1;
  beyond.frames = crypto_frame(1'000'000, random_bytes(100));
  deliver(beyond.seal());
  EXPECT_GE(answers(), 1u);
  pair_.world.run_for(20s);
  EXPECT_EQ(connections(), 0u);
}

// ---- Versions.

std::vector<std::uint8_t> with_version(std::vector<std::uint8_t> packet, std::uint32_t version) {
  for (int i = 0; i < 4; ++i) {
    packet[static_cast<std::size_t>(1 + i)] = static_cast<std::uint8_t>(version >> (24 - 8 * i));
  }
  return packet;
}

TEST_F(Hostile, T06_UnknownVersionIsAnsweredSmallerAndRarely) {
  const auto packet = with_version(initial().seal(), 0x1a2a3a4a);
  deliver(packet);
  EXPECT_EQ(answers(), 1u);
  EXPECT_LT(answered_bytes(), 100u);
  for (int ms = 0; ms < 2000; ++ms) {
    deliver(packet);
    pair_.world.run_for(1ms);
  }
  EXPECT_LE(answers(), 301u);
  EXPECT_GE(answers(), 290u);
  EXPECT_EQ(pair_.server.endpoint->stats().version_negotiations_sent, answers());
  EXPECT_EQ(connections(), 0u);
}

TEST_F(Hostile, T06_SmallPacketOfAnUnknownVersionIsNotAnswered) {
  RawInitial small = initial();
  small.datagram_bytes = 1199;
  deliver(with_version(small.seal(), 0x1a2a3a4a));
  EXPECT_EQ(answers(), 0u);
}

TEST_F(Hostile, T06_Version2IsNotSpoken) {
  deliver(with_version(initial().seal(), 0x6b3343cf));
  EXPECT_EQ(pair_.server.endpoint->stats().version_negotiations_sent, 1u);
}

// Turns the server's next datagram into a version negotiation that lists only `version`.
void forge_negotiation(QuicPair& pair, std::uint32_t version) {
  pair.world.tap = [&pair, version](Datagram& datagram) {
    if (datagram.to != pair.client.address || (datagram.bytes[0] & 0x80) == 0) return true;
    const std::size_t ids = 2u + datagram.bytes[5] + datagram.bytes[6u + datagram.bytes[5]];
    auto forged = with_version(datagram.bytes, 0);
    forged.resize(5 + ids);
    for (int shift = 24; shift >= 0; shift -= 8) {
      forged.push_back(static_cast<std::uint8_t>(version >> shift));
    }
    pair.world.deliver(pair.client, datagram.from, forged);
    return true;
  };
}

TEST_F(Hostile, ClientEndsWhenTheServerSpeaksNoVersionOfIts) {
  // The ids are not those of the client's first packet: such a forgery is ignored.
  forge_negotiation(pair_, 0x1a2a3a4a);
  EXPECT_TRUE(pair_.connect());
  // The real thing swaps the client's ids.
  RecordingSink second;
  pair_.world.tap = [this](Datagram& datagram) {
    if (datagram.to != pair_.server.address) return true;
    auto packet = with_version(datagram.bytes, 0x1a2a3a4a);
    pair_.world.deliver(pair_.server, datagram.from, packet);
    while (const auto answer = pair_.server.endpoint->poll_transmit(pair_.world.now())) {
      std::vector<std::uint8_t> bytes(answer->data.begin(), answer->data.end());
      // Lists a version that we do not speak in place of version 1.
      bytes[bytes.size() - 8] = 0x0a;
      pair_.world.inject({pair_.server.address, pair_.client.address, 0, bytes});
    }
    return false;
  };
  pair_.world.dial(pair_.client, pair_.server, second);
  ASSERT_TRUE(pair_.world.run_until([&] { return second.is_closed(); }, 5s));
  EXPECT_EQ(second.close_message(), "the peer speaks no version of QUIC that this side does");
}

// ---- Packets of connections that we do not know.

TEST_F(Hostile, T08_UnknownIdIsAnsweredSmallerAndRarely) {
  auto packet = random_bytes(1200);
  packet[0] = 0x40;
  for (int ms = 0; ms < 3000; ++ms) {
    deliver(packet);
    pair_.world.run_for(1ms);
  }
  EXPECT_LE(answers(), 400u);
  EXPECT_GE(answers(), 390u);
  EXPECT_LT(largest_, 43u);
  for (std::size_t size = 0; size < 43; ++size) {
    pair_.world.run_for(1s);
    const std::uint64_t before = answers();
    auto small = random_bytes(size);
    if (!small.empty()) small[0] = 0x40;
    deliver(small);
    EXPECT_EQ(answers(), before) << size;
  }
}

TEST_F(Hostile, T08_TwoEndpointsDoNotAnswerEachOtherForEver) {
  QuicHost& other = pair_.world.add_server(SocketAddress::ipv4({192, 0, 2, 2}, 4433), {});
  auto packet = random_bytes(1200);
  packet[0] = 0x40;
  const std::uint64_t before = pair_.world.datagrams_sent;
  pair_.world.inject({other.address, pair_.server.address, 0, packet});
  pair_.world.run_for(60s);
  EXPECT_EQ(pair_.world.datagrams_sent - before, 1u);
}

TEST_F(Hostile, ReplayedPacketsOfAnOpenConnectionDoNoHarm) {
  std::vector<std::vector<std::uint8_t>> all;
  pair_.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair_.server.address) all.push_back(datagram.bytes);
    return true;
  };
  ASSERT_TRUE(pair_.connect());
  const StreamId id = pair_.send(*pair_.connection, pattern(50'000, 1), true);
  pair_.world.run_for(1s);
  for (int round = 0; round < 3; ++round) {
    for (const auto& bytes : std::vector(all)) deliver(bytes, pair_.client.address);
  }
  pair_.world.run_for(1s);
  EXPECT_TRUE(pair_.server_sink().stream(id).received == pattern(50'000, 1));
  EXPECT_EQ(connections(), 1u);
  EXPECT_FALSE(pair_.sink.is_closed());
}

}  // namespace
}  // namespace echostream::testing
