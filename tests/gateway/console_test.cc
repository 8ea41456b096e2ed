// The console of a node, as a browser meets it: its page, and what the page asks the node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/gateway/gateway_lab.h"

namespace echostream::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using namespace std::chrono_literals;

HttpOptions with_console() {
  HttpOptions options;
  options.console = true;
  return options;
}

gateway::HttpRequest get(const std::string& path) { return gateway::HttpRequest("GET", path); }

/// What a Connect client gets of Watch within `time`.
std::vector<Envelope> watch_for(GatewayLab& lab, Duration time) {
  gateway::HttpRequest request("POST", "/echostream.console.v1.Console/Watch");
  request.fields.add("content-type", "application/connect+json");
  request.fields.add("connect-timeout-ms", std::to_string(time / std::chrono::milliseconds(1)));
  request.body = Buffer::copy(envelope(R"({"intervalMs": 200})"));
  return envelopes(body_of(lab.fetch(std::move(request))));
}

TEST(GatewayConsole, ServesItsPageWhenItIsSwitchedOn) {
  GatewayLab lab({}, with_console());
  const auto page = lab.fetch(get("/"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.fields.get("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(body_of(page), HasSubstr("console.js"));
  EXPECT_EQ(lab.fetch(get("/console.js")).status, 200);
  auto again = get("/console.css");
  again.fields.add("if-none-match", std::string(lab.fetch(get("/console.css")).fields.get("etag")));
  EXPECT_EQ(lab.fetch(again).status, 304);
  // Services are there as before.
  EXPECT_EQ(lab.post_json("Echo", "{}").status, 200);
  EXPECT_THAT(lab.fetch(get("/nothing")).status, Not(200));
}

// DNS rebinding: a page of another site, whose name has come to mean this machine, gets nothing.
TEST(GatewayConsole, H06_IsServedForTheNodesOwnHostsOnly) {
  HttpOptions options = with_console();
  options.allowed_hosts = {"robot.example", "10.0.0.2"};
  GatewayLab lab({}, options);
  for (const char* path : {"/", "/console.js", "/favicon.ico"}) {
    EXPECT_EQ(lab.fetch(get(path)).status, 421) << path;
    EXPECT_EQ(lab.fetch(gateway::HttpRequest("HEAD", path)).status, 421) << path;
  }
  options.allowed_hosts.push_back("10.0.0.1");
  GatewayLab listed({}, options);
  EXPECT_EQ(listed.fetch(get("/")).status, 200);
  EXPECT_EQ(listed.fetch(gateway::HttpRequest("HEAD", "/")).status, 200);
}

TEST(GatewayConsole, IsNotThereUnlessItIsSwitchedOn) {
  GatewayLab lab;
  EXPECT_NE(lab.fetch(get("/")).status, 200);
  EXPECT_NE(lab.fetch(get("/console.js")).status, 200);
  gateway::HttpRequest describe("POST", "/echostream.reflection.v1.Reflection/Describe");
  describe.fields.add("content-type", "application/json");
  describe.body = Buffer::copy("{}");
  EXPECT_EQ(lab.fetch(describe).status, 404);
}

TEST(GatewayConsole, TellsThePageWhatTheNodeServes) {
  GatewayLab lab({}, with_console());
  gateway::HttpRequest describe("POST", "/echostream.reflection.v1.Reflection/Describe");
  describe.fields.add("content-type", "application/json");
  describe.body = Buffer::copy("{}");
  const auto response = lab.fetch(describe);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(body_of(response),
              AllOf(HasSubstr("lab.v1.Lab"), HasSubstr("echostream.console.v1.Console"),
                    HasSubstr("files")));
}

TEST(GatewayConsole, ShowsTheBrowserAmongTheSessions) {
  GatewayLab lab({}, with_console());
  const auto told = watch_for(lab, 1s);
  ASSERT_GT(told.size(), 3u);
  EXPECT_THAT(told.front().message,
              AllOf(HasSubstr("\"sessionsOpen\":2"), HasSubstr("\"protocol\":\"HTTP3\""),
                    HasSubstr("\"peerAddress\"")));
  EXPECT_THAT(told.back().message, HasSubstr("deadline_exceeded"));
}

TEST(GatewayConsole, ASecondEnableHttpIsRefusedAsBefore) {
  GatewayLab lab({}, with_console());
  EXPECT_EQ(enable_http(*lab.server_node, with_console()).code(), StatusCode::kAlreadyExists);
}

TEST(GatewayConsole, AClientThatAsksForThePageAndTakesNothingHoldsUpNobody) {
  GatewayLab lab({}, with_console());
  std::vector<std::unique_ptr<gateway::HttpExchange>> unread;
  for (int i = 0; i < 50; ++i) {
    auto exchange = lab.http->request(get("/console.css"));
    ASSERT_TRUE(exchange) << exchange.status();
    unread.push_back(std::make_unique<gateway::HttpExchange>(*std::move(exchange)));
  }
  lab.run_for(500ms);
  unread.clear();
  EXPECT_EQ(lab.fetch(get("/")).status, 200);
}

}  // namespace
}  // namespace echostream::testing
