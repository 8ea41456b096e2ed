#include "runtime/gateway/protocol/cors.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

constexpr char kConsole[] = "https://console.example";

GatewayRules allowing(std::vector<std::string> origins) {
  GatewayRules rules;
  rules.allowed_origins = std::move(origins);
  return rules;
}

http3::Fields preflight(std::string origin) {
  return {{":method", "OPTIONS"},
          {":scheme", "https"},
          {":authority", "robot.example:4433"},
          {":path", "/acme.v1.Robot/Grip"},
          {"origin", std::move(origin)},
          {"access-control-request-method", "POST"},
          {"access-control-request-headers",
           "Authorization,content-type, x y,connect-protocol-version"}};
}

TEST(Cors, AnswersAPreflight) {
  const ResponsePart part = refused(preflight(kConsole), allowing({kConsole}));
  EXPECT_EQ(status_of(part), "204");
  EXPECT_TRUE(part.body.empty());
  EXPECT_EQ(part.head.get("access-control-allow-origin"), kConsole);
  EXPECT_EQ(part.head.get("access-control-allow-credentials"), "true");
  EXPECT_EQ(part.head.get("access-control-allow-methods"), "GET, POST");
  EXPECT_EQ(part.head.get("access-control-allow-headers"),
            "authorization, content-type, connect-protocol-version");
  EXPECT_EQ(part.head.get("access-control-max-age"), "7200");
  EXPECT_EQ(part.head.get("vary"),
            "origin, access-control-request-method, access-control-request-headers");
}

TEST(Cors, AStarLetsAnyPageInButWithoutCredentials) {
  const ResponsePart part = refused(preflight("https://any.example"), allowing({"*"}));
  EXPECT_EQ(part.head.get("access-control-allow-origin"), "*");
  EXPECT_FALSE(part.head.has("access-control-allow-credentials"));
  // A listed one beside the star keeps what it may.
  const ResponsePart listed = refused(preflight(kConsole), allowing({"*", kConsole}));
  EXPECT_EQ(listed.head.get("access-control-allow-origin"), kConsole);
  EXPECT_TRUE(listed.head.has("access-control-allow-credentials"));
}

TEST(Cors, H06_AnOriginThatNobodyAllowedIsRefused) {
  for (const GatewayRules& rules : {allowing({}), allowing({"https://other.example"})}) {
    for (const char* origin : {kConsole, "null", "http://robot.example:4433",
                               "https://robot.example:4434", "https://robot.example"}) {
      const ResponsePart asked = refused(preflight(origin), rules);
      EXPECT_EQ(status_of(asked), "403") << origin;
      EXPECT_FALSE(asked.head.has("access-control-allow-origin"));
      const ResponsePart sent = refused(post("application/json", {{"origin", origin}}), rules);
      EXPECT_EQ(status_of(sent), "403") << origin;
      EXPECT_FALSE(sent.head.has("access-control-allow-origin"));
    }
  }
}

TEST(Cors, H06_APageCannotMakeABrowserGetWithoutAWord) {
  const std::string query = "encoding=json&message=%7B%7D";
  for (const char* site : {"cross-site", "same-site"}) {
    const http3::Fields head =
        get(query, {{"sec-fetch-site", site}, {"sec-fetch-mode", "no-cors"}});
    EXPECT_EQ(status_of(refused(head)), "403");
    EXPECT_EQ(status_of(refused(head, allowing({kConsole}))), "403");
    called(head, allowing({"*"}));
  }
  for (const char* site : {"none", "same-origin"}) called(get(query, {{"sec-fetch-site", site}}));
  called(get(query, {{"sec-fetch-site", "cross-site"}, {"origin", kConsole}}),
         allowing({kConsole}));
}

TEST(Cors, OriginsThatNoBrowserSendsAreRefusedWithWhatToWrite) {
  for (const char* good : {"*", "null", "https://console.example", "http://localhost:8080",
                           "https://[::1]:8443", "chrome-extension://abc"}) {
    EXPECT_TRUE(check_allowed_origin(good).is_ok()) << good;
  }
  for (const char* bad : {"", "console.example", "://a", "https://", "https://a.example/",
                          "https://a.example/x", "https://*.example", "https://a.example:443",
                          "http://a.example:80", "https://a.example, https://b.example"}) {
    const Status status = check_allowed_origin(bad);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_NE(status.message().find("https://console.example"), std::string_view::npos);
  }
}

TEST(Cors, OurOwnOriginMayCallWithoutAWord) {
  called(post("application/json", {{"origin", "https://Robot.example:4433"}}));
  called({{":method", "POST"},
          {":authority", "robot.example:443"},
          {":path", "/a/b"},
          {"content-type", "application/json"},
          {"origin", "https://robot.example"}});
}

TEST(Cors, AnswersLetThePageSeeTheirFields) {
  const RequestHead head =
      called(post("application/json", {{"origin", kConsole}}), allowing({kConsole}));
  const auto response = make_response(head, allowing({kConsole}), kConsole);
  response->begin({{"acme-cost", "1"}, {"status", "fine"}});
  response->message(Buffer::copy("{}"));
  const ResponsePart part = response->end(Status(), {{"later", "2"}});
  EXPECT_EQ(part.head.get("access-control-allow-origin"), kConsole);
  EXPECT_EQ(part.head.get("access-control-expose-headers"),
            "grpc-status, grpc-message, grpc-status-details-bin, acme-cost, status, trailer-later");
  EXPECT_EQ(part.head.get("vary"), "origin");
}

TEST(Cors, AnswersThatDependOnTheOriginSaySoToAll) {
  const GatewayRules rules = allowing({kConsole});
  const auto response = make_response(called(post("application/json"), rules), rules, "");
  response->message(Buffer::copy("{}"));
  const ResponsePart part = response->end(Status(), {});
  EXPECT_FALSE(part.head.has("access-control-allow-origin"));
  EXPECT_EQ(part.head.get("vary"), "origin");
  const auto plain = make_response(called(post("application/json")), {}, "");
  plain->message(Buffer::copy("{}"));
  EXPECT_FALSE(plain->end(Status(), {}).head.has("vary"));
}

TEST(Cors, RefusalsToAllowedPagesAreReadable) {
  const GatewayRules rules = allowing({kConsole});
  const http3::Fields origin{{"origin", kConsole}};
  for (const http3::Fields& head :
       {post("text/plain", origin),
        post("application/json", with(origin, {{"content-encoding", "br"}})),
        post("application/grpc-web", with(origin, {{"grpc-timeout", "x"}})),
        get("encoding=json&message=%z", origin), get("encoding=xml", origin),
        http3::Fields{
            {":method", "PUT"}, {":authority", "a"}, {":path", "/a/b"}, {"origin", kConsole}},
        http3::Fields{
            {":method", "POST"}, {":authority", "a"}, {":path", "/"}, {"origin", kConsole}}}) {
    const ResponsePart part = refused(head, rules);
    int granted = 0;
    int vary = 0;
    for (const http3::Field& field : part.head) {
      granted += field.name == "access-control-allow-origin" ? 1 : 0;
      vary += field.name == "vary" && field.value == "origin" ? 1 : 0;
    }
    EXPECT_EQ(granted, 1) << head.get(":path");
    EXPECT_EQ(vary, 1) << head.get(":path");
  }
}

}  // namespace
}  // namespace echostream::gateway
