// DATAGRAM frames (RFC 9221): unreliable, most urgent first, dropped rather than late.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/quic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

OutgoingDatagramFrame frame(std::string_view payload, transport::Priority priority = 3,
                            LocalTime expires_at = kNever, std::uint64_t tag = 0) {
  OutgoingDatagramFrame made;
  made.payload = Buffer::copy(payload);
  made.priority = priority;
  made.expires_at = expires_at;
  made.tag = tag;
  return made;
}

TEST(Datagrams, ArriveWithHeaderAndPayloadJoined) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  OutgoingDatagramFrame both = frame("payload");
  both.header = Buffer::copy("header+");
  ASSERT_TRUE(pair.connection->send_datagram(std::move(both)).is_ok());
  OutgoingDatagramFrame only_header;
  only_header.header = Buffer::copy("alone");
  ASSERT_TRUE(pair.server_connection().send_datagram(std::move(only_header)).is_ok());
  pair.world.run_for(1s);
  EXPECT_THAT(pair.server_sink().datagrams, ElementsAre("header+payload"));
  EXPECT_THAT(pair.sink.datagrams, ElementsAre("alone"));
}

TEST(Datagrams, MostUrgentGoesFirst) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  for (const auto& [text, priority] : std::vector<std::pair<const char*, int>>{
           {"late", 7}, {"first", 0}, {"middle", 3}, {"second", 0}}) {
    ASSERT_TRUE(
        pair.connection->send_datagram(frame(text, static_cast<transport::Priority>(priority)))
            .is_ok());
  }
  pair.world.run_for(1s);
  EXPECT_THAT(pair.server_sink().datagrams, ElementsAre("first", "second", "middle", "late"));
}

TEST(Datagrams, ExpiredOnesAreDroppedAndToldWhereverTheyWait) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  const LocalTime now = pair.world.now();
  const LocalTime soon = now + 1ms;
  // All would share one packet.
  for (const auto& [tag, expires_at] : std::vector<std::pair<std::uint64_t, LocalTime>>{
           {1, kNever}, {2, soon}, {3, kNever}, {4, now}, {5, soon + 1ns}}) {
    ASSERT_TRUE(
        pair.connection->send_datagram(frame(std::to_string(tag), 3, expires_at, tag)).is_ok());
  }
  // Nobody writes before then.
  ASSERT_EQ(pair.world.now(), now);
  std::vector<std::uint8_t> sent;
  while (const auto transmit = pair.client.endpoint->poll_transmit(soon)) {
    sent.assign(transmit->data.begin(), transmit->data.end());
    pair.world.inject({pair.client.address, pair.server.address, 0, sent});
  }
  pair.world.run_for(1s);
  EXPECT_THAT(pair.server_sink().datagrams, ElementsAre("1", "3", "5"));
  EXPECT_THAT(pair.sink.dropped_datagrams, ElementsAre(2, 4));
}

TEST(Datagrams, LargestFitsAndOneMoreIsRefused) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(5s);  // path MTU discovery has ended
  const std::size_t most = pair.connection->max_datagram_bytes();
  EXPECT_GT(most, 1200u);
  const std::string largest = pattern(most, 1);
  EXPECT_TRUE(pair.connection->send_datagram(frame(largest)).is_ok());
  const Status refused = pair.connection->send_datagram(frame(largest + "x"));
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "the datagram has " + std::to_string(most + 1) +
                                   " bytes, the path takes " + std::to_string(most));
  pair.world.run_for(1s);
  EXPECT_THAT(pair.server_sink().datagrams, ElementsAre(largest));
}

TEST(Datagrams, LargestFitsRightAfterTheHandshake) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  for (QuicConnection* connection : {pair.connection, &pair.server_connection()}) {
    const std::size_t most = connection->max_datagram_bytes();
    EXPECT_GT(most, 1100u);
    EXPECT_TRUE(connection->send_datagram(frame(pattern(most, 1))).is_ok());
  }
  pair.world.run_for(1s);
  EXPECT_EQ(pair.server_sink().datagrams.size(), 1u);
  EXPECT_EQ(pair.sink.datagrams.size(), 1u);
  EXPECT_THAT(pair.sink.dropped_datagrams, IsEmpty());
}

// ngtcp2 before 1.12 aborts on an empty DATAGRAM.
TEST(Datagrams, P07_EmptyOneIsRefused) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.connection->send_datagram({}).code(), StatusCode::kInvalidArgument);
}

TEST(Datagrams, PeerThatTakesNoneGetsNone) {
  QuicWorld::Options none;
  none.quic.max_datagram_frame_bytes = 0;
  QuicPair pair(1, {}, none);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.connection->max_datagram_bytes(), 0u);
  EXPECT_EQ(pair.connection->send_datagram(frame("x")).code(), StatusCode::kInvalidArgument);
  // The other way they are taken.
  EXPECT_TRUE(pair.server_connection().send_datagram(frame("x")).is_ok());
  pair.world.run_for(1s);
  EXPECT_THAT(pair.sink.datagrams, ElementsAre("x"));
  EXPECT_FALSE(pair.sink.is_closed());
}

TEST(Datagrams, PeersLimitOnTheFrameCounts) {
  QuicWorld::Options small;
  small.quic.max_datagram_frame_bytes = 100;
  QuicPair pair(1, {}, small);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.connection->max_datagram_bytes(), 97u);
  EXPECT_TRUE(pair.connection->send_datagram(frame(std::string(97, 'x'))).is_ok());
  EXPECT_FALSE(pair.connection->send_datagram(frame(std::string(98, 'x'))).is_ok());
  pair.world.run_for(1s);
  EXPECT_EQ(pair.server_sink().datagrams.size(), 1u);
  EXPECT_FALSE(pair.sink.is_closed());
}

TEST(Datagrams, NoneBeforeTheHandshakeAndNoneAfterTheEnd) {
  QuicPair pair;
  QuicConnection& early = pair.world.dial(pair.client, pair.server, pair.sink);
  EXPECT_EQ(early.max_datagram_bytes(), 0u);
  EXPECT_EQ(early.send_datagram(frame("x")).code(), StatusCode::kUnavailable);
  pair.world.run_for(1s);
  early.close(0, "");
  EXPECT_EQ(early.send_datagram(frame("x")).code(), StatusCode::kUnavailable);
  pair.world.run_for(1s);
  EXPECT_EQ(early.send_datagram(frame("x")).code(), StatusCode::kUnavailable);
}

TEST(Datagrams, FullQueueDropsTheOldestAndTells) {
  QuicWorld::Options small;
  small.quic.max_queued_datagram_bytes = 3000;
  QuicPair pair(1, small, {});
  ASSERT_TRUE(pair.connect());
  for (std::uint64_t tag = 1; tag <= 5; ++tag) {
    ASSERT_TRUE(
        pair.connection->send_datagram(frame(std::string(1000, 'x'), 3, kNever, tag)).is_ok());
  }
  pair.world.run_for(1s);
  EXPECT_THAT(pair.sink.dropped_datagrams, ElementsAre(1, 2));
  EXPECT_EQ(pair.server_sink().datagrams.size(), 3u);
}

TEST(Datagrams, LostOnesAreNotSentAgain) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(5s);
  bool is_down = true;
  pair.world.tap = [&](Datagram& datagram) {
    return !(is_down && datagram.to == pair.server.address);
  };
  ASSERT_TRUE(pair.connection->send_datagram(frame("lost")).is_ok());
  pair.world.run_for(10ms);
  is_down = false;
  ASSERT_TRUE(pair.connection->send_datagram(frame("arrives")).is_ok());
  pair.world.run_for(5s);
  EXPECT_THAT(pair.server_sink().datagrams, ElementsAre("arrives"));
}

}  // namespace
}  // namespace echostream::testing
