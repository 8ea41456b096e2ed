// Peers that keep to the letter of QUIC and send what is of no use, as much as they can: what they
// make us hold is bounded, and sooner or later they are put out.
#include <algorithm>

#include "runtime/transport/abuse_guard.h"
#include "tests/hostile/hostile_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using transport::Abuse;

const std::vector<std::uint8_t> kToken(16, 0x55);

// An id of our length, the same for the same number.
std::vector<std::uint8_t> id_of(std::uint64_t number) {
  std::vector<std::uint8_t> id(8, 0xcc);
  for (std::size_t i = 0; i < 6; ++i) id[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

std::vector<std::uint8_t> token_of(std::uint64_t number) {
  std::vector<std::uint8_t> token = kToken;
  for (std::size_t i = 0; i < 8; ++i) token[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return token;
}

class Flood : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(hostile_.peer.connect());
    hostile_.peer.run_for(1s);
  }
  // Sends what `frames` makes until the server closes or `most` packets are out; returns how many.
  int flood(int most, Duration interval, const std::function<Frames(int)>& frames) {
    const std::size_t before = live_bytes();
    int sent = 0;
    while (sent < most && !hostile_.peer.is_closed()) {
      hostile_.peer.send(frames(sent++));
      if (interval > Duration{}) hostile_.peer.run_for(interval);
      most_bytes_ = std::max(most_bytes_, live_bytes() - std::min(before, live_bytes()));
    }
    return sent;
  }
  void expect_put_out(Abuse abuse) {
    ASSERT_TRUE(hostile_.peer.is_closed());
    EXPECT_EQ(hostile_.code(), kProtocolViolation);
    EXPECT_EQ(as_text(hostile_.peer.close->data), transport::describe(abuse));
    EXPECT_EQ(hostile_.sink().close_message(),
              "this side put the peer out: " + transport::describe(abuse));
  }
  void expect_alive() {
    hostile_.peer.send(Frames().stream(400, 0, "still here", true));
    EXPECT_EQ(hostile_.sink().stream(StreamId{400}).received, "still here");
    EXPECT_FALSE(hostile_.sink().is_closed()) << hostile_.sink().close_message();
  }

  HostileClient hostile_;
  std::size_t most_bytes_ = 0;
};

// ---- Path challenges.

TEST_F(Flood, P01_HundredThousandPathChallengesAreBounded) {
  constexpr int kEach = 130;
  const int packets = flood(100'000 / kEach, {}, [](int packet) {
    Frames frames;
    for (int i = 0; i < kEach; ++i)
      frames.path_challenge(static_cast<std::uint64_t>(packet * kEach + i));
    return frames;
  });
  hostile_.peer.run_for(1s);
  // ngtcp2 keeps the last four.
  EXPECT_LE(hostile_.peer.count(0x1b), 4u * static_cast<unsigned>(packets));
  EXPECT_LT(most_bytes_, 64u * 1024);
  expect_alive();
}

TEST_F(Flood, P01_OneChallengeInEachOfManyPacketsIsPutOut) {
  flood(100'000, {},
        [](int packet) { return Frames().path_challenge(static_cast<std::uint64_t>(packet)); });
  expect_put_out(Abuse::kUselessPackets);
  EXPECT_LT(most_bytes_, 256u * 1024);
}

TEST_F(Flood, P01_ChangingTheAddressWithEveryPacketIsFollowedAFewTimesASecond) {
  // Ten seconds of it. Most of the packets are dropped unread.
  for (int sent = 0; sent < 100'000; ++sent) {
    hostile_.peer.rebind(
        SocketAddress::ipv4({203, 0, 113, 66}, static_cast<std::uint16_t>(1000 + sent % 5000)));
    hostile_.peer.send(Frames().ping());
    hostile_.peer.run_for(100us);
  }
  constexpr std::uint8_t kPathChallenge = 0x1a;
  constexpr std::size_t kChallengesEach = 4;
  const std::size_t challenges = hostile_.peer.count(kPathChallenge);
  EXPECT_GT(challenges, 0u);
  EXPECT_LE(challenges,
            12 * kChallengesEach * transport::QuicOptions().max_path_changes_per_second);
}

// ---- Connection ids.

TEST_F(Flood, P02_NewConnectionIdsThatRetireTheOldWithoutAcknowledgementsEndTheConnection) {
  const int sent = flood(100'000, {}, [](int packet) {
    const auto sequence = static_cast<std::uint64_t>(packet) + 1;
    return Frames().new_connection_id(sequence, sequence, id_of(sequence), token_of(sequence));
  });
  EXPECT_EQ(hostile_.code(), kConnectionIdLimitError);
  EXPECT_LT(sent, 100);
  EXPECT_LT(most_bytes_, 64u * 1024);
}

TEST_F(Flood, P02_WithAcknowledgementsTheyArePutOut) {
  flood(100'000, 1ms, [this](int packet) {
    const auto sequence = static_cast<std::uint64_t>(packet) + 1;
    const std::uint64_t largest = *hostile_.peer.largest_number(PacketType::kOneRtt);
    return Frames()
        .ack(largest, largest)
        .new_connection_id(sequence, sequence, id_of(sequence), token_of(sequence));
  });
  expect_put_out(Abuse::kConnectionIds);
  EXPECT_LT(most_bytes_, 128u * 1024);
}

TEST_F(Flood, P02_RetiringOurIdsAsFastAsTheyComeIsPutOut) {
  std::uint64_t newest = 6;
  hostile_.peer.on_frame = [&](PacketType, const Frame& frame) {
    if (frame.type == 0x18) newest = std::max(newest, frame.id);
  };
  std::uint64_t next = 1;
  const int sent = flood(100'000, 1ms, [&](int) {
    const std::uint64_t largest = *hostile_.peer.largest_number(PacketType::kOneRtt);
    Frames frames;
    frames.ack(largest, largest);
    for (; next <= newest; ++next) frames.retire_connection_id(next);
    return frames.ping();
  });
  expect_put_out(Abuse::kConnectionIds);
  EXPECT_LT(sent, 20'000);
  EXPECT_LT(most_bytes_, 128u * 1024);
}

// ---- No progress.

struct Useless {
  const char* name;
  std::function<Frames(HostileClient&)> frames;
};
void PrintTo(const Useless& useless, std::ostream* out) { *out << useless.name; }

class P03_UselessPackets : public ::testing::TestWithParam<Useless> {};

// Packets at that distance; for how many seconds they are put up with, up to twenty.
double seconds_until_out(const Useless& useless, Duration interval) {
  HostileClient hostile;
  if (!hostile.peer.connect()) return -1;
  hostile.peer.run_for(1s);
  const LocalTime start = hostile.world.now();
  while (hostile.world.now() < start + 20s && !hostile.peer.is_closed()) {
    hostile.peer.send(useless.frames(hostile));
    hostile.peer.run_for(interval);
    // A peer that acknowledges nothing at all is given up for another reason.
    if (hostile.peer.next_number(PacketType::kOneRtt) % 2000 == 0) {
      const std::uint64_t largest = *hostile.peer.largest_number(PacketType::kOneRtt);
      hostile.peer.send(Frames().ack(largest, largest));
    }
  }
  if (hostile.peer.is_closed()) {
    EXPECT_EQ(hostile.code(), kProtocolViolation);
    EXPECT_EQ(as_text(hostile.peer.close->data), transport::describe(Abuse::kUselessPackets));
  }
  return std::chrono::duration<double>(hostile.world.now() - start).count();
}

TEST_P(P03_UselessPackets, ArePutOutAtFiveThousandASecondAndPutUpWithAtNineHundred) {
  // Five seconds' worth, one window of packets, and what few acknowledgements earn.
  const double seconds = seconds_until_out(GetParam(), 200us);
  EXPECT_GT(seconds, 2.5);
  EXPECT_LT(seconds, 5.0);
  EXPECT_GE(seconds_until_out(GetParam(), 1111us), 20.0);
}

INSTANTIATE_TEST_SUITE_P(
    All, P03_UselessPackets,
    ::testing::Values(
        Useless{"Pings", [](HostileClient&) { return Frames().ping(); }},
        Useless{"ManyPings",
                [](HostileClient&) {
                  Frames frames;
                  for (int i = 0; i < 1000; ++i) frames.ping();
                  return frames;
                }},
        Useless{"EmptyAcks", [](HostileClient&) { return Frames().ack(0, 0); }},
        Useless{"Padding", [](HostileClient&) { return Frames().padding(40); }},
        Useless{"MaxData", [](HostileClient&) { return Frames().max_data(1 << 30); }},
        Useless{"MaxStreams", [](HostileClient&) { return Frames().max_streams(true, 1); }},
        Useless{"OldStreamBytes",
                [](HostileClient&) { return Frames().stream(0, 0, "again and again"); }},
        Useless{"OneByteInALargePacket",
                [offset = std::make_shared<std::uint64_t>(0)](HostileClient& hostile) {
                  if (hostile.peer.next_number(PacketType::kOneRtt) < 2) *offset = 0;
                  return Frames().stream(0, (*offset)++, "x").padding(1000);
                }}),
    [](const auto& one) { return std::string(one.param.name); });

// Somebody on the way copies what he sees; that is not the peer's fault.
TEST_F(Flood, CopiesOfThePeersPacketsByAStrangerDoNotPutItOut) {
  std::vector<std::vector<std::uint8_t>> seen;
  for (int i = 0; i < 50; ++i) {
    seen.push_back(hostile_.peer.seal(PacketType::kOneRtt, Frames().ping().bytes()));
    hostile_.peer.send_datagram(seen.back());
  }
  for (int i = 0; i < 100'000; ++i) {
    auto copy = seen[static_cast<std::size_t>(i) % seen.size()];
    if (i % 2 == 0) copy.back() ^= 1;
    hostile_.peer.send_datagram(copy);
  }
  expect_alive();
}

// ---- Gaps.

TEST_F(Flood, P04_OneByteFramesWithGapsOnOneStreamAreBounded) {
  std::uint64_t offset = 1;
  flood(10'000, {}, [&](int) {
    Frames frames;
    for (int i = 0; i < 150; ++i, offset += 2) frames.stream(0, offset, "x");
    return frames;
  });
  // ngtcp2 allows 5000 gaps on a stream.
  EXPECT_TRUE(hostile_.peer.is_closed());
  EXPECT_LT(most_bytes_, 2u << 20);
}

TEST_F(Flood, P04_OneByteFramesWithGapsOnManyStreamsAreBounded) {
  std::int64_t id = 0;
  std::uint64_t offset = 1;
  const int sent = flood(100'000, {}, [&](int) {
    Frames frames;
    for (int i = 0; i < 150; ++i, offset += 2) {
      if (offset > 9000) {
        offset = 1;
        id += 4;
      }
      frames.stream(id, offset, "x");
    }
    return frames;
  });
  expect_put_out(Abuse::kMemory);
  EXPECT_LT(sent, 10'000);
  // One window of eight megabytes, and the allowance of sixteen.
  EXPECT_LT(most_bytes_, 32u << 20);
}

// ---- Acknowledgements.

TEST_F(Flood, P05_AcknowledgingWhatWasNeverSentIsAnError) {
  hostile_.peer.send(Frames().ack(*hostile_.peer.largest_number(PacketType::kOneRtt) + 1, 0));
  EXPECT_EQ(hostile_.code(), kProtocolViolation);
}

TEST(SendCeiling, P05_HoldsAgainstAPeerThatAcknowledgesBeforeItReceives) {
  QuicWorld::Options options;
  options.quic.max_send_bytes_per_second = 2'000'000;
  HostileClient hostile(options);
  ASSERT_TRUE(hostile.peer.connect());
  hostile.peer.send(Frames().stream(0, 0, "give me", true));
  hostile.sink().connection->write(StreamId{0}, Buffer::copy(pattern(40'000'000, 1)), true);
  // Everything is acknowledged the moment it is sent.
  const LocalTime start = hostile.world.now();
  const std::uint64_t before = hostile.peer.bytes_seen;
  std::uint64_t most = 0;
  std::uint64_t last = before;
  for (int ms = 0; ms < 5000; ms += 10) {
    const std::uint64_t largest = *hostile.peer.largest_number(PacketType::kOneRtt);
    hostile.peer.send(Frames().ack(largest, largest));
    hostile.peer.run_for(10ms);
    most = std::max(most, hostile.peer.bytes_seen - last);
    last = hostile.peer.bytes_seen;
  }
  const double seconds = std::chrono::duration<double>(hostile.world.now() - start).count();
  const double rate = static_cast<double>(hostile.peer.bytes_seen - before) / seconds;
  EXPECT_LE(rate, 2'000'000 * 1.02);
  EXPECT_GE(rate, 2'000'000 * 0.9);
  // A burst is what passes in ten milliseconds, and one batch of packets more.
  EXPECT_LE(most, 2u * 20'000 + 64u * 1452);
}

// ---- Keys.

TEST_F(Flood, P06_SecondKeyUpdateThatComesTooEarlyIsNotFollowed) {
  hostile_.peer.update_keys();
  hostile_.peer.send(Frames().stream(0, 0, "a"));
  EXPECT_EQ(hostile_.sink().stream(StreamId{0}).received, "a");
  hostile_.peer.update_keys();
  hostile_.peer.send(Frames().stream(0, 1, "b"));
  EXPECT_EQ(hostile_.sink().stream(StreamId{0}).received, "a");
}

TEST_F(Flood, P06_StormOfKeyUpdatesIsNotFollowed) {
  flood(10'000, 1ms, [this](int) {
    hostile_.peer.update_keys();
    return Frames().ping();
  });
  EXPECT_LT(most_bytes_, 64u * 1024);
  hostile_.peer.run_for(100s);
  EXPECT_TRUE(hostile_.sink().is_closed());
}

TEST_F(Flood, P06_KeyUpdatesThatWaitForEachOtherAreFollowed) {
  flood(50, 100ms, [this](int packet) {
    // The last one is confirmed with the keys that it brought, and has time to settle.
    const std::uint64_t largest = *hostile_.peer.largest_number(PacketType::kOneRtt);
    hostile_.peer.send(Frames().ack(largest, largest));
    hostile_.peer.run_for(5s);
    hostile_.peer.update_keys();
    return Frames().stream(0, static_cast<std::uint64_t>(packet), "x");
  });
  EXPECT_EQ(hostile_.sink().stream(StreamId{0}).received.size(), 50u);
  EXPECT_LT(most_bytes_, 64u * 1024);
  expect_alive();
}

// ---- Datagrams.

TEST_F(Flood, P07_EmptyDatagramIsTaken) {
  hostile_.peer.send(Frames().datagram("").varint(0x30));
  EXPECT_EQ(hostile_.sink().datagrams, (std::vector<std::string>{"", ""}));
}

TEST(Datagram, P07_LargerThanAllowedOrNotNegotiatedIsAnError) {
  for (const std::uint64_t limit : {0, 100}) {
    for (const std::size_t excess : {1, 500}) {
      QuicWorld::Options options;
      options.quic.max_datagram_frame_bytes = limit;
      HostileClient hostile(options);
      ASSERT_TRUE(hostile.peer.connect());
      // The limit is on the whole frame: type, length and data (RFC 9221 section 3).
      const std::size_t header = limit == 0 ? 0 : 3;
      hostile.peer.send(Frames().datagram(std::string(limit + excess - header, 'x')));
      EXPECT_EQ(hostile.code(), kProtocolViolation) << limit << " + " << excess;
      EXPECT_TRUE(hostile.sink().datagrams.empty());
    }
  }
}

// ---- The end.

TEST_F(Flood, P08_CloseWithAKilobyteOfBinaryReasonIsShownEscapedAndCut) {
  std::string reason;
  for (int i = 0; i < 1000; ++i) reason += static_cast<char>(i % 256);
  hostile_.peer.send(Frames().connection_close(true, 7, reason));
  ASSERT_TRUE(hostile_.sink().is_closed());
  const std::string message = hostile_.sink().close_message();
  EXPECT_LT(message.size(), 1000u);
  EXPECT_TRUE(std::all_of(message.begin(), message.end(), [](char c) {
    return c >= 0x20 && c < 0x7f;
  })) << message;
  EXPECT_EQ(hostile_.sink().closed->application_code, 7u);
}

}  // namespace
}  // namespace echostream::testing
