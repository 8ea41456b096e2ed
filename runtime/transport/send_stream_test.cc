#include "runtime/transport/send_stream.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace echostream::transport {
namespace {

constexpr StreamId kId{4};

class SendStreamTest : public ::testing::Test {
 protected:
  // What next() offers, joined, with room for `most` pieces.
  std::string offered(std::size_t most = 32) const {
    std::vector<ngtcp2_vec> pieces(most);
    const SendStream::Next next = stream_.next(pieces);
    std::string text;
    for (std::size_t i = 0; i < next.pieces; ++i) {
      text += as_text({pieces[i].base, pieces[i].len});
    }
    EXPECT_EQ(text.size(), next.bytes);
    return text;
  }
  SendStream stream_{kId, kDefaultPriority};
};

TEST_F(SendStreamTest, WantsNothingWhileItHasNothing) {
  EXPECT_FALSE(stream_.wants_to_send());
  EXPECT_EQ(offered(), "");
  stream_.push(Buffer(), false);
  EXPECT_FALSE(stream_.wants_to_send());
  EXPECT_EQ(stream_.unsent_bytes(), 0u);
}

TEST_F(SendStreamTest, OffersWhatIsUnsentInOrder) {
  stream_.push(Buffer::copy("hello "), false);
  stream_.push(Buffer::copy("world"), false);
  EXPECT_EQ(stream_.unsent_bytes(), 11u);
  EXPECT_EQ(offered(), "hello world");
  stream_.mark_sent(8, false);
  EXPECT_EQ(offered(), "rld");
  EXPECT_EQ(stream_.unsent_bytes(), 3u);
  stream_.mark_sent(3, false);
  EXPECT_FALSE(stream_.wants_to_send());
}

TEST_F(SendStreamTest, OffersNoMorePiecesThanThereIsRoomFor) {
  for (const char* text : {"a", "b", "c"}) stream_.push(Buffer::copy(text), false);
  EXPECT_EQ(offered(2), "ab");
  EXPECT_FALSE(stream_.fin_is_next(2));
}

TEST_F(SendStreamTest, EndGoesWithTheLastByteOrAlone) {
  stream_.push(Buffer::copy("ab"), true);
  EXPECT_FALSE(stream_.fin_is_next(1));
  EXPECT_TRUE(stream_.fin_is_next(2));
  stream_.mark_sent(2, false);
  EXPECT_TRUE(stream_.wants_to_send());
  EXPECT_TRUE(stream_.fin_is_next(0));
  stream_.mark_sent(0, true);
  EXPECT_FALSE(stream_.wants_to_send());
  EXPECT_TRUE(stream_.fin_is_sent());
}

TEST_F(SendStreamTest, NothingIsQueuedBehindTheEnd) {
  stream_.push(Buffer::copy("ab"), true);
  stream_.push(Buffer::copy("cd"), false);
  EXPECT_EQ(offered(), "ab");
}

TEST_F(SendStreamTest, OffersNoMoreChunksThanFillAPacket) {
  stream_.push(Buffer::copy("abc"), false);
  stream_.push(Buffer::copy("def"), false);
  stream_.push(Buffer::copy("ghi"), true);
  std::array<ngtcp2_vec, 8> pieces;
  const SendStream::Next next = stream_.next(pieces, 4);
  EXPECT_EQ(next.pieces, 2U);
  EXPECT_EQ(next.bytes, 6U);
  EXPECT_FALSE(stream_.fin_is_next(next.bytes));
}

TEST_F(SendStreamTest, SentBytesStayWhereTheyAreUntilAcknowledged) {
  const Buffer bytes = Buffer::copy("payload");
  stream_.push(bytes, false);
  std::array<ngtcp2_vec, 1> before;
  stream_.next(before);
  EXPECT_EQ(before[0].base, bytes.data());
  stream_.mark_sent(7, false);
  // Many more come and go; the pointer that ngtcp2 holds must stay good (ASan looks on).
  for (int i = 0; i < 100; ++i) stream_.push(Buffer::copy("x"), false);
  stream_.mark_sent(100, false);
  EXPECT_EQ(as_text({before[0].base, before[0].len}), "payload");
}

TEST_F(SendStreamTest, AcknowledgedInAnyPiecesItOffersTheRightRest) {
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string text(static_cast<std::size_t>(i % 7 + 1), static_cast<char>('a' + i % 26));
    all += text;
    stream_.push(Buffer::copy(text), false);
  }
  std::size_t sent = 0;
  std::size_t acknowledged = 0;
  for (std::size_t step = 1; sent < all.size(); step = step % 11 + 1) {
    const std::size_t bytes = std::min(step, all.size() - sent);
    stream_.mark_sent(bytes, false);
    sent += bytes;
    EXPECT_EQ(offered(64), all.substr(sent));
    const std::size_t more = (sent - acknowledged) * 2 / 3;
    stream_.mark_acknowledged(more);
    acknowledged += more;
    EXPECT_EQ(offered(64), all.substr(sent));
  }
  stream_.mark_acknowledged(all.size() - acknowledged);
  stream_.push(Buffer::copy("more"), true);
  EXPECT_EQ(offered(), "more");
}

TEST_F(SendStreamTest, EndingDropsWhatWasNeverSent) {
  stream_.push(Buffer::copy("sent"), false);
  stream_.push(Buffer::copy("half"), false);
  stream_.push(Buffer::copy("never"), false);
  std::array<ngtcp2_vec, 3> pieces;
  stream_.next(pieces);
  stream_.mark_sent(6, false);
  stream_.end();
  EXPECT_TRUE(stream_.has_ended());
  EXPECT_FALSE(stream_.wants_to_send());
  EXPECT_EQ(stream_.unsent_bytes(), 0u);
  EXPECT_EQ(offered(), "lf");  // still held, for it is in a packet in part
  EXPECT_EQ(as_text({pieces[0].base, 4}), "sent");
  stream_.push(Buffer::copy("after"), true);
  EXPECT_FALSE(stream_.wants_to_send());
  stream_.mark_acknowledged(6);
}

// A peer that does not read must not make each of them a block of its own.
TEST_F(SendStreamTest, SmallPiecesThatWaitTakeFewBlocks) {
  std::string all;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    stream_.push(Buffer::copy(piece), false);
    all += piece;
  }
  std::vector<ngtcp2_vec> pieces(10'000);
  EXPECT_LE(stream_.next(pieces).pieces, 10'000 / 32 + 32);
  EXPECT_EQ(offered(10'000), all);
  EXPECT_EQ(stream_.unsent_bytes(), all.size());
}

// Packets refer to what is in them until it is acknowledged.
TEST_F(SendStreamTest, WhatIsInAPacketIsNotMovedByWhatFollows) {
  for (const std::size_t sent : {1u, 25u, 26u, 29u, 30u, 31u}) {
    SendStream stream(kId, kDefaultPriority);
    for (int i = 0; i < 31; ++i) stream.push(Buffer::copy("ab"), false);
    std::array<ngtcp2_vec, 40> before;
    stream.next(before);
    stream.mark_sent(sent * 2 - 1, false);
    const std::vector<ngtcp2_vec> packet(before.begin(), before.begin() + sent);
    for (int i = 0; i < 200; ++i) stream.push(Buffer::copy("cd"), false);
    for (const ngtcp2_vec& piece : packet) EXPECT_EQ(as_text({piece.base, piece.len}), "ab");
    std::string rest;
    while (stream.unsent_bytes() > 0) {
      std::array<ngtcp2_vec, 8> pieces;
      const SendStream::Next next = stream.next(pieces);
      for (std::size_t i = 0; i < next.pieces; ++i) {
        rest += as_text({pieces[i].base, pieces[i].len});
      }
      stream.mark_sent(next.bytes, false);
      stream.mark_acknowledged(next.bytes / 2);
    }
    std::string expected = "b";
    for (std::size_t i = sent; i < 31; ++i) expected += "ab";
    for (int i = 0; i < 200; ++i) expected += "cd";
    EXPECT_EQ(rest, expected) << sent;
  }
}

TEST_F(SendStreamTest, BlockedByThePeerItWantsNothing) {
  stream_.push(Buffer::copy("x"), false);
  stream_.set_blocked(true);
  EXPECT_FALSE(stream_.wants_to_send());
  stream_.set_blocked(false);
  EXPECT_TRUE(stream_.wants_to_send());
}

TEST_F(SendStreamTest, TellsOnceThatItHasDrained) {
  stream_.push(Buffer::copy("0123456789"), false);
  EXPECT_FALSE(stream_.take_notification());
  stream_.notify_at(4);
  EXPECT_FALSE(stream_.take_notification());
  stream_.mark_sent(5, false);
  EXPECT_FALSE(stream_.take_notification());
  stream_.mark_sent(1, false);
  EXPECT_TRUE(stream_.take_notification());
  EXPECT_FALSE(stream_.take_notification());
}

}  // namespace
}  // namespace echostream::transport
