#include "runtime/gateway/client/http_target.h"

#include <gmock/gmock.h>

namespace echostream::gateway {
namespace {

void expect_target(std::string_view text, std::string_view host_and_port,
                   std::string_view authority) {
  const auto target = parse_http_target(text);
  ASSERT_TRUE(target) << text << ": " << target.status();
  EXPECT_EQ(target->host_and_port, host_and_port) << text;
  EXPECT_EQ(target->authority, authority) << text;
}

TEST(HttpTarget, IsAHostWithItsPortOrAnAddressOfTheWeb) {
  expect_target("robot.test:4433", "robot.test:4433", "robot.test:4433");
  expect_target("https://robot.test:4433", "robot.test:4433", "robot.test:4433");
  expect_target("https://robot.test:4433/", "robot.test:4433", "robot.test:4433");
  expect_target("https://robot.test", "robot.test:443", "robot.test");
  expect_target("HTTPS://robot.test:443/", "robot.test:443", "robot.test");
  expect_target("127.0.0.1:4433", "127.0.0.1:4433", "127.0.0.1:4433");
  expect_target("[::1]:4433", "[::1]:4433", "[::1]:4433");
  expect_target("https://[::1]", "[::1]:443", "[::1]");
}

TEST(HttpTarget, DoesNotShowOthersTheZoneOfAnAddress) {
  expect_target("[fe80::1%3]:4433", "[fe80::1%3]:4433", "[fe80::1]:4433");
}

TEST(HttpTarget, RefusesWhatCannotBeDialledAndSaysWhy) {
  for (const std::string_view text :
       {"", "robot.test", "https://", "http://robot.test:80", "ftp://robot.test", "robot.test:0",
        "https://robot.test:99999", "https://robot.test/path", "https://robot.test:1?q",
        "https://user@robot.test", "https://ro bot.test", "https://robot.test\r\nx:1", "::1:4433",
        "robot.test:443/x"}) {
    const auto target = parse_http_target(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(target.error().message().find('\n'), std::string_view::npos);
  }
  EXPECT_THAT(std::string(parse_http_target("https://a/b").error().message()),
              ::testing::HasSubstr("the path belongs into the request"));
}

}  // namespace
}  // namespace echostream::gateway
