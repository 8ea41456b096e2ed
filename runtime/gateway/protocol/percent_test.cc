#include "runtime/gateway/protocol/percent.h"

#include <gtest/gtest.h>

namespace echostream::gateway {
namespace {

TEST(QueryText, IsDecoded) {
  EXPECT_EQ(decode_query_text("%7B%22name%22%3a%22Buf%22%7D"), "{\"name\":\"Buf\"}");
  EXPECT_EQ(decode_query_text("a+b%2B%20c"), "a b+ c");
  EXPECT_EQ(decode_query_text(""), "");
  EXPECT_EQ(decode_query_text("%00"), std::string(1, '\0'));
}

TEST(QueryText, RefusesBrokenEncodings) {
  for (const char* text : {"%", "%7", "a%", "%zz", "%7g", "%%41"}) {
    EXPECT_FALSE(decode_query_text(text)) << text;
  }
}

TEST(GrpcMessage, IsVisibleAsciiWhateverItSays) {
  EXPECT_EQ(encode_grpc_message("no such robot"), "no such robot");
  EXPECT_EQ(encode_grpc_message("100 %"), "100 %25");
  EXPECT_EQ(encode_grpc_message("a\r\nb: \x7f"), "a%0D%0Ab: %7F");
  EXPECT_EQ(encode_grpc_message("\xC3\xA9"), "%C3%A9");
  EXPECT_EQ(encode_grpc_message(" a "), "%20a%20");
}

TEST(GrpcMessage, ComesBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(decode_grpc_message(encode_grpc_message(all)), all);
}

TEST(GrpcMessage, KeepsWhatIsNoEncoding) {
  EXPECT_EQ(decode_grpc_message("50% of %zz%41%"), "50% of %zzA%");
}

}  // namespace
}  // namespace echostream::gateway
