#include "runtime/gateway/protocol/envelope.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

TEST(Envelope, HasALengthOfFourBytes) {
  EXPECT_EQ(envelope_header(2, 0x01020304).text(), std::string("\x02\x01\x02\x03\x04", 5));
}

TEST(Envelope, IsReadInPiecesOfAnySize) {
  const std::string bytes =
      enveloped(0, "one") + enveloped(1, "") + enveloped(0x80, std::string(300, 'x'));
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    EnvelopeReader reader(300);
    std::vector<Envelope> read;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      BytesView data = as_bytes(std::string_view(bytes).substr(at, piece));
      while (true) {
        auto next = reader.next(data);
        ASSERT_TRUE(next) << next.error();
        if (!next->has_value()) break;
        read.push_back(**next);
      }
      EXPECT_TRUE(data.empty());
      EXPECT_LE(reader.held_bytes(), 305u);
    }
    EXPECT_TRUE(reader.is_between());
    ASSERT_EQ(read.size(), 3u);
    EXPECT_EQ(read[0].message.text(), "one");
    EXPECT_EQ(read[1].flags, 1);
    EXPECT_TRUE(read[1].message.empty());
    EXPECT_EQ(read[2].flags, 0x80);
    EXPECT_EQ(read[2].message.size(), 300u);
  }
}

TEST(Envelope, R02_RefusesALengthOverTheLimitBeforeItsMessageCame) {
  const std::string headers[] = {std::string("\0\xFF\xFF\xFF\xFF", 5),
                                 std::string("\0\0\x10\0\1", 5)};  // 2^32 - 1, 1 MiB + 1
  for (const std::string& header : headers) {
    EnvelopeReader reader(1024 * 1024);
    BytesView data = as_bytes(header);
    const auto next = reader.next(data);
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code(), StatusCode::kResourceExhausted);
    EXPECT_LE(reader.held_bytes(), kEnvelopeHeaderBytes);
  }
}

TEST(Envelope, R02_HoldsWhatCameAndNotWhatWasAnnounced) {
  EnvelopeReader reader(1024 * 1024);
  const std::string bytes = std::string("\0\0\x10\0\0", 5) + "abc";  // 1 MiB, just allowed
  BytesView data = as_bytes(bytes);
  const auto next = reader.next(data);
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->has_value());
  EXPECT_FALSE(reader.is_between());
  EXPECT_LT(reader.held_bytes(), 64u);
}

}  // namespace
}  // namespace echostream::gateway
