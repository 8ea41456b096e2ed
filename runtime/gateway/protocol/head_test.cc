#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/authority.h"
#include "runtime/gateway/protocol/error_json.h"
#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

using namespace std::chrono_literals;

http3::Fields request(std::string verb, std::string path, const http3::Fields& more = {}) {
  return with({{":method", std::move(verb)},
               {":scheme", "https"},
               {":authority", "robot.example"},
               {":path", std::move(path)}},
              more);
}

TEST(Head, OfAConnectCall) {
  const RequestHead head = called(post("application/json", {{"connect-protocol-version", "1"},
                                                            {"connect-timeout-ms", "5000"},
                                                            {"content-encoding", "gzip"},
                                                            {"accept-encoding", "br, gzip"},
                                                            {"acme-shard-id", "42"},
                                                            {"blob-bin", "AQI"}}));
  EXPECT_EQ(head.protocol, Protocol::kConnectUnary);
  EXPECT_EQ(head.codec, Codec::kJson);
  EXPECT_EQ(head.compression, Compression::kGzip);
  EXPECT_EQ(head.response_compression, Compression::kGzip);
  EXPECT_EQ(head.method, "acme.v1.Robot/Grip");
  EXPECT_EQ(head.timeout, Duration(5s));
  EXPECT_EQ(head.metadata, (Metadata{{"acme-shard-id", "42"}, {"blob-bin", "\1\2"}}));
  EXPECT_FALSE(head.message);
}

TEST(Head, OfAConnectStream) {
  const RequestHead head =
      called(post("application/connect+proto", {{"connect-content-encoding", "gzip"},
                                                {"connect-accept-encoding", "identity"},
                                                {"content-encoding", "identity"},
                                                {"accept-encoding", "gzip"}}));
  EXPECT_EQ(head.protocol, Protocol::kConnectStream);
  EXPECT_EQ(head.codec, Codec::kProto);
  EXPECT_EQ(head.compression, Compression::kGzip);
  EXPECT_EQ(head.response_compression, Compression::kNone);
  EXPECT_EQ(head.timeout, Duration::zero());
}

TEST(Head, OfGrpcAndItsWebForms) {
  const http3::Fields fields{{"te", "trailers"},
                             {"grpc-timeout", "100m"},
                             {"grpc-accept-encoding", "identity, deflate, gzip"}};
  const std::pair<const char*, Protocol> rows[] = {
      {"application/grpc", Protocol::kGrpc},
      {"application/grpc-web+proto", Protocol::kGrpcWeb},
      {"application/grpc-web-text", Protocol::kGrpcWebText}};
  for (const auto& [type, protocol] : rows) {
    const RequestHead head = called(post(type, fields));
    EXPECT_EQ(head.protocol, protocol);
    EXPECT_EQ(head.codec, Codec::kProto);
    EXPECT_EQ(head.timeout, Duration(100ms));
    EXPECT_EQ(head.compression, Compression::kNone);
    EXPECT_EQ(head.response_compression, Compression::kGzip);
    EXPECT_TRUE(head.metadata.empty());
  }
}

TEST(Head, OfAConnectGet) {
  const RequestHead head = called(get("connect=v1&encoding=json&message=%7B%7D",
                                      {{"accept-encoding", "gzip"}, {"connect-timeout-ms", "1"}}));
  EXPECT_EQ(head.protocol, Protocol::kConnectGet);
  EXPECT_EQ(head.codec, Codec::kJson);
  ASSERT_TRUE(head.message);
  EXPECT_EQ(head.message->text(), "{}");
  EXPECT_EQ(head.timeout, Duration(1ms));
  EXPECT_EQ(head.response_compression, Compression::kGzip);
  EXPECT_TRUE(called(get("encoding=proto&message=")).message->empty());
}

TEST(Head, WithoutAnAcceptListTakesTheRequestsOwnPacking) {
  EXPECT_EQ(called(post("application/json", {{"content-encoding", "gzip"}})).response_compression,
            Compression::kGzip);
  EXPECT_EQ(called(post("application/json")).response_compression, Compression::kNone);
}

TEST(Head, AConnectVersionMayBeMissingButNotUnknown) {
  called(post("application/json"));
  called(get("encoding=json&message="));
  const ResponsePart part = refused(post("application/json", {{"connect-protocol-version", "2"}}));
  EXPECT_EQ(status_of(part), "400");
  EXPECT_EQ(parse_error_json(text_of(part))->code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status_of(refused(get("connect=v2&encoding=json&message="))), "400");
}

TEST(Head, R05_AnUnknownEncodingIsUnimplementedAndTheListSaid) {
  const ResponsePart unary = refused(post("application/proto", {{"content-encoding", "br"}}));
  EXPECT_EQ(status_of(unary), "501");
  EXPECT_EQ(unary.head.get("accept-encoding"), "gzip, identity");
  EXPECT_NE(text_of(unary).find("gzip"), std::string::npos);
  const ResponsePart grpc = refused(post("application/grpc", {{"grpc-encoding", "snappy"}}));
  EXPECT_EQ(status_of(grpc), "200");
  EXPECT_EQ(grpc.head.get("grpc-status"), "12");
  EXPECT_EQ(grpc.head.get("grpc-accept-encoding"), "gzip, identity");
  const ResponsePart stream =
      refused(post("application/connect+json", {{"connect-content-encoding", "zstd"}}));
  EXPECT_EQ(status_of(stream), "200");
  EXPECT_EQ(stream.head.get("connect-accept-encoding"), "gzip, identity");
  EXPECT_EQ(status_of(refused(get("encoding=json&message=a&compression=br"))), "501");
}

TEST(Head, R06_BadTimeoutsAreRefusedInTheRequestsProtocol) {
  EXPECT_EQ(status_of(refused(post("application/json", {{"connect-timeout-ms", "0"}}))), "400");
  const ResponsePart grpc = refused(post("application/grpc", {{"grpc-timeout", "1s"}}));
  EXPECT_EQ(grpc.head.get("grpc-status"), "3");
  const ResponsePart stream =
      refused(post("application/connect+json", {{"connect-timeout-ms", "-1"}}));
  EXPECT_EQ(text_of(stream)[0], 2);
  EXPECT_EQ(parse_end_json(text_of(stream).substr(5))->status.code(), StatusCode::kInvalidArgument);
  // Each protocol's own only.
  EXPECT_EQ(called(post("application/json", {{"grpc-timeout", "garbage"}})).timeout,
            Duration::zero());
}

TEST(Head, R07_BadMetadataIsRefused) {
  EXPECT_EQ(status_of(refused(post("application/json", {{"a-bin", "!"}}))), "400");
  EXPECT_EQ(status_of(refused(post("application/json", {{"a", std::string(9000, 'x')}}))), "429");
  EXPECT_EQ(refused(post("application/grpc", {{"a", "b\r\nc"}})).head.get("grpc-status"), "3");
}

TEST(Head, R01_AnAnnouncedLengthAboveTheLimitIsRefusedAtOnce) {
  const std::string limit = std::to_string(1024 * 1024);
  called(post("application/json", {{"content-length", limit}}));
  const ResponsePart part =
      refused(post("application/json", {{"content-length", std::to_string(1024 * 1024 + 1)}}));
  EXPECT_EQ(status_of(part), "429");
  EXPECT_EQ(parse_error_json(text_of(part))->code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status_of(refused(post("application/json", {{"content-length", "-1"}}))), "400");
  // A stream may be long.
  called(post("application/connect+json", {{"content-length", "99999999999"}}));
}

TEST(Head, R09_AnotherContentTypeIs415AndSaysWhichAreTaken) {
  for (const char* type :
       {"text/plain", "application/xml", "application/x-www-form-urlencoded", ""}) {
    const ResponsePart part = refused(post(type));
    EXPECT_EQ(status_of(part), "415");
    EXPECT_NE(part.head.get("accept-post").find("application/connect+json"),
              std::string_view::npos);
    EXPECT_TRUE(parse_error_json(text_of(part)));
  }
  EXPECT_EQ(status_of(refused(get("encoding=xml&message="))), "415");
  EXPECT_EQ(status_of(refused(get("message="))), "415");
}

TEST(Head, R09_AnotherVerbIs405AndSaysWhichAreTaken) {
  for (const char* verb : {"PUT", "DELETE", "PATCH", "post", "TRACE", "CONNECT", ""}) {
    const ResponsePart part = refused(request(verb, "/acme.v1.Robot/Grip"));
    EXPECT_EQ(status_of(part), "405") << verb;
    EXPECT_EQ(part.head.get("allow"), "GET, POST, OPTIONS");
    EXPECT_TRUE(parse_error_json(text_of(part)));
  }
  const ResponsePart grpc_get = refused(request(
      "GET",
      "/acme.v1.Robot/Grip?encoding=proto&message=", {{"content-type", "application/grpc"}}));
  EXPECT_EQ(status_of(grpc_get), "405");
  EXPECT_EQ(grpc_get.head.get("allow"), "POST, OPTIONS");
}

TEST(Head, H05_AnAnswerToHeadHasNoBody) {
  GatewayRules rules;
  EXPECT_EQ(status_of(refused(request("HEAD", "/acme.v1.Robot/Grip"), rules)), "405");
  rules.allowed_hosts = {"other.example"};
  EXPECT_EQ(status_of(refused(request("HEAD", "/acme.v1.Robot/Grip"), rules)), "421");
  for (const GatewayRules& each : {GatewayRules(), rules}) {
    const ResponsePart part = refused(request("HEAD", "/acme.v1.Robot/Grip"), each);
    EXPECT_TRUE(part.body.empty());
    EXPECT_TRUE(part.trailers.empty());
  }
}

TEST(Head, H05_ExtendedConnectIsRefused) {
  EXPECT_EQ(status_of(refused(request("CONNECT", "/a/b", {{":protocol", "websocket"}}))), "405");
  EXPECT_EQ(status_of(refused(request("GET", "/a/b", {{":protocol", "webtransport"}}))), "405");
}

TEST(Head, H05_PathsThatAreNoMethodsAre404) {
  for (const char* path : {"/", "", "/favicon.ico", "/../../etc/passwd", "/acme.v1.Robot/%00",
                           "/acme.v1.Robot/..%2fGrip", "/acme.v1.Robot/Grip/", "*"}) {
    http3::Fields fields = request("POST", path, {{"content-type", "application/json"}});
    const ResponsePart part = refused(fields);
    EXPECT_EQ(status_of(part), "404") << path;
    EXPECT_EQ(parse_error_json(text_of(part))->code(), StatusCode::kUnimplemented);
  }
}

TEST(Head, H05_OptionsWithoutAnOriginSaysWhatIsAllowed) {
  const ResponsePart part = refused(request("OPTIONS", "*"));
  EXPECT_EQ(status_of(part), "204");
  EXPECT_EQ(part.head.get("allow"), "GET, POST, OPTIONS");
  EXPECT_FALSE(part.head.has("access-control-allow-origin"));
}

TEST(Head, H05_AMissingHostIs400) {
  const http3::Fields rest{
      {":scheme", "https"}, {":path", "/a/b"}, {"content-type", "application/json"}};
  EXPECT_EQ(status_of(refused(with({{":method", "POST"}}, rest))), "400");
  EXPECT_EQ(
      status_of(refused(with({{":method", "POST"}, {":authority", "a"}, {"host", "b"}}, rest))),
      "400");
  EXPECT_EQ(status_of(refused(with({{":method", "POST"}, {":authority", "u@a"}}, rest))), "400");
  called(with({{":method", "POST"}, {"host", "a"}}, rest));
}

TEST(Head, H06_AHostThatIsNotOursIsRefused) {
  GatewayRules rules;
  rules.allowed_hosts = {"Robot.example", "::1", "127.0.0.1"};
  called(post("application/json"), rules);
  for (const char* ours :
       {"robot.example", "ROBOT.example:1", "robot.example.:443", "[::1]:4433", "127.0.0.1:4433"}) {
    called({{":method", "POST"},
            {":authority", ours},
            {":path", "/a/b"},
            {"content-type", "application/json"}},
           rules);
  }
  for (const char* theirs : {"evil.example", "robot.example.evil.example", "127.0.0.2", "[::2]",
                             "localhost", "xrobot.example"}) {
    const ResponsePart part = refused({{":method", "POST"},
                                       {":authority", theirs},
                                       {":path", "/a/b"},
                                       {"content-type", "application/json"}},
                                      rules);
    EXPECT_EQ(status_of(part), "421") << theirs;
    EXPECT_NE(text_of(part).find("allowed hosts"), std::string::npos);
  }
}

TEST(Authority, HasANameAndPerhapsAPort) {
  EXPECT_EQ(name_of_authority("Console.example.:4433"), "console.example");
  EXPECT_EQ(name_of_authority("[FE80::1]:4433"), "fe80::1");
  EXPECT_EQ(name_of_authority("a:"), "a");
  for (const char* bad : {"", ":1", "a:b", "a:123456", "[::1", "::1", "a b", "u@a", "a/b", "[]",
                          "[a b]", "[::1]x", "a:1:2"}) {
    EXPECT_EQ(name_of_authority(bad), "") << bad;
  }
}

}  // namespace
}  // namespace echostream::gateway
