#include "runtime/gateway/protocol/gzip.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream::gateway {
namespace {

std::string repeated(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "robot " + std::to_string(text.size() % 97) + ' ';
  text.resize(size);
  return text;
}

TEST(Gzip, ComesBack) {
  for (const std::size_t size : {100u, 1024u, 16 * 1024u, 16 * 1024u + 1, 300'000u}) {
    const std::string text = repeated(size);
    const auto packed = gzip(as_bytes(text));
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->size(), text.size());
    const auto unpacked = gunzip(*packed, text.size());
    ASSERT_TRUE(unpacked) << unpacked.error();
    EXPECT_EQ(unpacked->text(), text);
  }
}

TEST(Gzip, LeavesAloneWhatWouldNotBecomeSmaller) {
  for (const char* text : {"", "a", "0123456789"}) EXPECT_FALSE(gzip(as_bytes(text)));
}

TEST(Gzip, R05_ABombStopsAtTheLimit) {
  const auto packed = gzip(as_bytes(std::string(10'000'000, '\0')));
  ASSERT_TRUE(packed);
  ASSERT_LT(packed->size(), 12'000u);  // about 1000:1
  for (const std::size_t limit : {0u, 1u, 1024u * 1024u, 9'999'999u}) {
    const auto unpacked = gunzip(*packed, limit);
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code(), StatusCode::kResourceExhausted);
  }
  EXPECT_TRUE(gunzip(*packed, 10'000'000));
}

TEST(Gzip, R05_MembersInARowCountTogether) {
  const std::string text = repeated(600);
  const std::string member(gzip(as_bytes(text))->text());
  const auto both = gunzip(as_bytes(member + member), 1200);
  ASSERT_TRUE(both) << both.error();
  EXPECT_EQ(both->text(), text + text);
  const auto over = gunzip(as_bytes(member + member), 1199);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), StatusCode::kResourceExhausted);
}

TEST(Gzip, R05_AMemberInsideAMemberIsUnpackedOnce) {
  // Zeros become few bytes that again are much the same.
  const auto inner = gzip(as_bytes(std::string(5'000'000, '\0')));
  const auto outer = gzip(*inner);
  ASSERT_TRUE(inner && outer);
  const auto unpacked = gunzip(*outer, 1024 * 1024);
  ASSERT_TRUE(unpacked);
  EXPECT_EQ(unpacked->text(), inner->text());
}

TEST(Gzip, R05_WhatIsNoneIsRefused) {
  const std::string member(gzip(as_bytes(repeated(600)))->text());
  std::string spoilt = member;
  spoilt[spoilt.size() - 5] ^= 1;  // of the checksum
  for (const std::string& bytes :
       {std::string(), std::string("{}"), member + "x", spoilt, member.substr(1),
        std::string("\x78\x9c\x03\x00\x00\x00\x00\x01", 8)}) {
    const auto unpacked = gunzip(as_bytes(bytes), 10'000);
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code(), StatusCode::kInvalidArgument);
  }
}

TEST(Gzip, R05_EveryCutIsNoticed) {
  const std::string member(gzip(as_bytes(repeated(600)))->text());
  for (std::size_t size = 0; size < member.size(); ++size) {
    EXPECT_FALSE(gunzip(as_bytes(member.substr(0, size)), 10'000)) << size;
  }
}

}  // namespace
}  // namespace echostream::gateway
