#include "runtime/gateway/protocol/query.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/gzip.h"
#include "runtime/gateway/protocol/path.h"

namespace echostream::gateway {
namespace {

Result<Buffer> message_in(std::string_view text, std::size_t max_bytes = 1024) {
  const auto query = parse_query(text);
  if (!query) return query.error();
  return message_of_query(*query, max_bytes);
}

TEST(Query, TakesItsPartsInAnyOrderAndOthersBesides) {
  const auto query = parse_query(
      "x=1&encoding=json&&message=%7B%7D&connect=v1&base64=0&compression=gzip&message=2");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->encoding, "json");
  EXPECT_EQ(query->message, "{}");
  EXPECT_EQ(query->connect, "v1");
  EXPECT_EQ(query->base64, "0");
  EXPECT_EQ(query->compression, "gzip");
}

TEST(Query, MayBeNothing) {
  const auto query = parse_query("");
  ASSERT_TRUE(query);
  EXPECT_FALSE(query->message);
}

TEST(Query, HoldsTheMessagePlainInBase64AndPacked) {
  EXPECT_EQ(message_in("message=%7B%22a%22%3A1%7D")->text(), "{\"a\":1}");
  EXPECT_EQ(message_in("message=")->text(), "");
  EXPECT_EQ(message_in("message=CgNCdWY&base64=1")->text(),
            "\x0a\x03"
            "Buf");
  EXPECT_EQ(message_in("message=-_8%3D&base64=1")->text(), "\xFB\xFF");
  EXPECT_EQ(message_in("message=abcd&base64=2")->text(), "abcd");  // ignored
  const std::string packed = to_base64(*gzip(as_bytes(std::string(500, 'a'))));
  std::string escaped;
  for (const char c : packed) escaped += c == '+' ? "%2B" : std::string(1, c);
  EXPECT_EQ(message_in("compression=gzip&base64=1&message=" + escaped)->text(),
            std::string(500, 'a'));
  EXPECT_EQ(message_in("compression=gzip&base64=1&message=")->text(), "");
  EXPECT_EQ(message_in("compression=identity&message=a")->text(), "a");
}

TEST(Query, R08_WhatIsNoMessageIsRefused) {
  const std::pair<const char*, StatusCode> rows[] = {
      {"", StatusCode::kInvalidArgument},
      {"encoding=json", StatusCode::kInvalidArgument},
      {"message=%zz", StatusCode::kInvalidArgument},
      {"message=A&base64=1", StatusCode::kInvalidArgument},
      {"message=%00&base64=1", StatusCode::kInvalidArgument},
      {"message=abc&compression=gzip", StatusCode::kInvalidArgument},
      {"message=abc&compression=br", StatusCode::kUnimplemented},
  };
  for (const auto& [text, code] : rows) {
    const auto message = message_in(text);
    ASSERT_FALSE(message) << text;
    EXPECT_EQ(message.error().code(), code) << text;
  }
}

TEST(Query, R01_AMessageAboveTheLimitIsRefused) {
  EXPECT_TRUE(message_in("message=" + std::string(1024, 'a')));
  const auto over = message_in("message=" + std::string(1025, 'a'));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), StatusCode::kResourceExhausted);
}

TEST(Path, NamesAMethod) {
  EXPECT_EQ(method_of_path("/acme.v1.Robot/Grip"), "acme.v1.Robot/Grip");
  EXPECT_EQ(method_of_path("/_a/b_2"), "_a/b_2");
  EXPECT_EQ(split_target("/a/b?x=1?y").path, "/a/b");
  EXPECT_EQ(split_target("/a/b?x=1?y").query, "x=1?y");
}

TEST(Path, H05_TraversalAndNulAreNoMethods) {
  const std::string nul("/a.b/c\0d", 8);
  for (const std::string& path : {std::string(),
                                  std::string("/"),
                                  std::string("//"),
                                  std::string("a/b"),
                                  std::string("/a"),
                                  std::string("/a/"),
                                  std::string("//b"),
                                  std::string("/a/b/"),
                                  std::string("/a/b/c"),
                                  std::string("/../etc/passwd"),
                                  std::string("/a/.."),
                                  std::string("/./a"),
                                  std::string("/a/%00"),
                                  std::string("/a%2Fb/c"),
                                  std::string("/%61/b"),
                                  std::string("/a..b/c"),
                                  std::string("/.a/b"),
                                  std::string("/a./b"),
                                  std::string("/1a/b"),
                                  std::string("/a/b.c"),
                                  std::string("/a\\b/c"),
                                  std::string("/a/b#c"),
                                  std::string("*"),
                                  std::string("https://h/a/b"),
                                  nul,
                                  "/" + std::string(2000, 'a') + "/b"}) {
    EXPECT_FALSE(method_of_path(path)) << path;
  }
}

}  // namespace
}  // namespace echostream::gateway
