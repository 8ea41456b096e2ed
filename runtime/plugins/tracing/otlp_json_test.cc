#include "runtime/plugins/tracing/otlp_json.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "runtime/plugins/text/json.h"

namespace echostream::internal {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Span example() {
  Span span;
  for (std::size_t i = 0; i < 16; ++i) span.trace_id[i] = static_cast<std::uint8_t>(i + 1);
  span.span_id = {0xf0, 0x67, 0xaa, 0x0b, 0xa9, 2, 0xb7, 1};
  span.parent_id[7] = 9;
  span.method = "acme.v1.Robot/Grip";
  span.start = WallTime(std::chrono::seconds(1'700'000'000));
  span.end = span.start + std::chrono::nanoseconds(1234);
  span.peer = SocketAddress::parse("192.0.2.7:4433").value();
  return span;
}

std::string json_of(const Span& span) {
  return to_otlp_json(std::span(&span, 1), {{"service.name", "robot"}});
}

// Null when it is no JSON.
std::optional<google::protobuf::Struct> parsed(const std::string& json) {
  google::protobuf::Struct out;
  if (!google::protobuf::util::JsonStringToMessage(json, &out).ok()) return std::nullopt;
  return out;
}

TEST(OtlpJson, WritesASpanAsTheSpecificationSays) {
  EXPECT_EQ(
      json_of(example()),
      "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
      "{\"stringValue\":\"robot\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"echostream\"},"
      "\"spans\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"
      "\"f067aa0ba902b701\",\"parentSpanId\":\"0000000000000009\",\"name\":"
      "\"acme.v1.Robot/Grip\",\"kind\":3,\"startTimeUnixNano\":\"1700000000000000000\","
      "\"endTimeUnixNano\":\"1700000000000001234\",\"attributes\":[{\"key\":"
      "\"rpc.system.name\",\"value\":{\"stringValue\":\"echostream\"}},{\"key\":"
      "\"rpc.method\",\"value\":{\"stringValue\":\"acme.v1.Robot/Grip\"}},{\"key\":"
      "\"rpc.response.status_code\",\"value\":{\"stringValue\":\"OK\"}},{\"key\":"
      "\"server.address\",\"value\":{\"stringValue\":\"192.0.2.7\"}},{\"key\":"
      "\"server.port\",\"value\":{\"intValue\":\"4433\"}}]}]}]}]}");
}

TEST(OtlpJson, SaysWhoseErrorItIs) {
  Span span = example();
  span.code = StatusCode::kNotFound;
  span.message = "no such robot";
  EXPECT_THAT(json_of(span), HasSubstr("\"status\":{\"code\":2,\"message\":\"no such robot\"}"));
  EXPECT_THAT(json_of(span), HasSubstr("\"error.type\""));
  span.is_server = true;
  EXPECT_THAT(json_of(span), HasSubstr("\"kind\":2"));
  EXPECT_THAT(json_of(span), HasSubstr("client.address"));
  EXPECT_THAT(json_of(span), Not(HasSubstr("\"status\":"))) << "the caller's mistake";
  span.code = StatusCode::kInternal;
  EXPECT_THAT(json_of(span), HasSubstr("\"status\":{\"code\":2"));
}

TEST(OtlpJson, WritesMessagesAndCountsThoseLeftOut) {
  Span span = example();
  span.events.push_back({span.start, true, 100});
  span.events.push_back({span.start, false, 7});
  span.dropped_events = 3;
  const std::string json = json_of(span);
  EXPECT_THAT(json,
              HasSubstr("{\"stringValue\":\"SENT\"}},{\"key\":"
                        "\"rpc.message.uncompressed_size\",\"value\":{\"intValue\":\"100\"}"));
  EXPECT_THAT(json, HasSubstr("\"droppedEventsCount\":3"));
  EXPECT_TRUE(parsed(json));
}

TEST(OtlpJson, O02_StaysOneLineOfJsonWhateverAPeerSays) {
  std::uint64_t random = 7;
  for (int round = 0; round < 2000; ++round) {
    Span span = example();
    span.code = StatusCode::kInternal;
    const std::size_t length = round % 60;
    for (std::size_t i = 0; i < length; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      span.message += static_cast<char>(random >> 56);
    }
    const std::string json = json_of(span);
    ASSERT_EQ(json.find('\n'), std::string::npos);
    ASSERT_TRUE(parsed(json)) << json;
  }
  Span span = example();
  span.code = StatusCode::kInternal;
  span.message = "\"}],\n\"x\":\"\\" + std::string(1, '\0') + "\x7f\xc3\x28\xed\xa0\x80\xf5";
  const auto json = parsed(json_of(span));
  ASSERT_TRUE(json);
  span.message = std::string(1'000'000, '"');
  EXPECT_LT(json_of(span).size(), 4000u);
}

TEST(JsonString, CutsBetweenCharacters) {
  std::string out;
  append_json_string(out, "aä€", 2);
  EXPECT_EQ(out, "\"aä...\"");
}

}  // namespace
}  // namespace echostream::internal
