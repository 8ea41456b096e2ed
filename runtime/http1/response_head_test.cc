#include "runtime/http1/response_head.h"

#include <gtest/gtest.h>

namespace echostream::http1 {
namespace {

TEST(ResponseHead, HasAStatusLineAndFields) {
  EXPECT_EQ(write_response_head({{":status", "200"}, {"content-type", "text/plain"}},
                                {{"content-length", "5"}, {"connection", "close"}}),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n"
            "connection: close\r\n\r\n");
  EXPECT_EQ(write_response_head({{":status", "599"}}, {}), "HTTP/1.1 599 \r\n\r\n");
}

TEST(ResponseHead, HasNothingThatTheConnectionSaysItself) {
  EXPECT_EQ(write_response_head({{":status", "204"},
                                 {"content-length", "7"},
                                 {"connection", "close"},
                                 {"transfer-encoding", "chunked"}},
                                {}),
            "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(ResponseHead, KeepsFieldsWithinTheirLines) {
  EXPECT_EQ(
      write_response_head({{":status", "200"}, {"a", "b\r\nc: d"}, {"e\n", "f"}, {"g", "h"}}, {}),
      "HTTP/1.1 200 OK\r\ng: h\r\n\r\n");
}

TEST(ResponseHead, KnowsWhatHasNoBody) {
  EXPECT_TRUE(has_no_body("100"));
  EXPECT_TRUE(has_no_body("204"));
  EXPECT_TRUE(has_no_body("304"));
  EXPECT_FALSE(has_no_body("200"));
}

}  // namespace
}  // namespace echostream::http1
