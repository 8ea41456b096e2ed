#include "runtime/gateway/client/request_check.h"

#include <gtest/gtest.h>

namespace echostream::gateway {
namespace {

TEST(RequestCheck, TakesWhatHttpTakes) {
  for (const char* path : {"/", "/a/b?c=d&e=%00", "*", "/~x;y=1,2"}) {
    EXPECT_TRUE(check_request(HttpRequest("POST", path)).is_ok()) << path;
  }
  HttpRequest request("PUT", "/x");
  request.fields = {{"content-type", "text/plain"},
                    {"te", "trailers"},
                    {"x-empty", ""},
                    {"x-more", "a b\tc, \xc3\xa9"}};
  EXPECT_TRUE(check_request(request).is_ok()) << check_request(request);
}

TEST(RequestCheck, RefusesMethodsAndPathsThatAreNone) {
  for (const char* method : {"", "GE T", "GET\r\n", "CONNECT"}) {
    EXPECT_EQ(check_request(HttpRequest(method, "/")).code(), StatusCode::kInvalidArgument);
  }
  for (const char* path : {"", "x", "/a b", "/a\r\nb", "/a#b", "https://a/", "/\xc3\xa9"}) {
    EXPECT_EQ(check_request(HttpRequest("GET", path)).code(), StatusCode::kInvalidArgument) << path;
  }
}

// R07
TEST(RequestCheck, R07_NothingThatIsMoreThanOneFieldIsSent) {
  const std::vector<http3::Field> bad = {
      {"x", "a\r\nb: c"},
      {"x", std::string_view("a\0b", 3)},
      {"x", " a"},
      {"x", "a "},
      {"x\n", "a"},
      {"x y", "a"},
      {"", "a"},
      {"X-Upper", "a"},
      {":path", "/other"},
      {"connection", "close"},
      {"transfer-encoding", "chunked"},
      {"te", "gzip"},
  };
  for (const http3::Field& field : bad) {
    EXPECT_EQ(check_fields({field}).code(), StatusCode::kInvalidArgument)
        << field.name << ": " << field.value;
  }
}

TEST(RequestCheck, ABodyIsWholeOrStreamed) {
  HttpRequest request("POST", "/");
  request.body = Buffer::copy("x");
  request.streams_body = true;
  EXPECT_EQ(check_request(request).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace echostream::gateway
