#include "runtime/gateway/protocol/error_json.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "runtime/gateway/protocol/json_text.h"
#include "runtime/gateway/protocol/status_codes.h"

namespace echostream::gateway {
namespace {

Status overloaded() {
  return Status(StatusCode::kUnavailable, "overloaded: back off and retry")
      .add_detail({"type.googleapis.com/google.rpc.RetryInfo", "\x0a\x02\x08\x3c"});
}

TEST(StatusCodes, HaveConnectsNamesAndHttpStatuses) {
  const std::pair<const char*, int> rows[] = {{"canceled", 499},
                                              {"unknown", 500},
                                              {"invalid_argument", 400},
                                              {"deadline_exceeded", 504},
                                              {"not_found", 404},
                                              {"already_exists", 409},
                                              {"permission_denied", 403},
                                              {"resource_exhausted", 429},
                                              {"failed_precondition", 400},
                                              {"aborted", 409},
                                              {"out_of_range", 400},
                                              {"unimplemented", 501},
                                              {"internal", 500},
                                              {"unavailable", 503},
                                              {"data_loss", 500},
                                              {"unauthenticated", 401}};
  int number = 0;
  for (const auto& [name, http_status] : rows) {
    const auto code = static_cast<StatusCode>(++number);
    EXPECT_EQ(connect_code_name(code), name);
    EXPECT_EQ(http_status_of(code), http_status);
    EXPECT_EQ(status_code_from_connect(name), code);
  }
  EXPECT_FALSE(status_code_from_connect("cancelled"));
  EXPECT_FALSE(status_code_from_connect(""));
  EXPECT_EQ(http_status_of(StatusCode::kOk), 200);
}

TEST(StatusCodes, AreInferredFromHttp) {
  EXPECT_EQ(status_code_from_http(400), StatusCode::kInternal);
  EXPECT_EQ(status_code_from_http(401), StatusCode::kUnauthenticated);
  EXPECT_EQ(status_code_from_http(403), StatusCode::kPermissionDenied);
  EXPECT_EQ(status_code_from_http(404), StatusCode::kUnimplemented);
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_EQ(status_code_from_http(status), StatusCode::kUnavailable);
  }
  for (const int status : {0, 204, 302, 415, 500}) {
    EXPECT_EQ(status_code_from_http(status), StatusCode::kUnknown);
  }
}

TEST(ErrorJson, IsWhatConnectShows) {
  EXPECT_EQ(to_error_json(Status(StatusCode::kUnavailable, "")), R"({"code":"unavailable"})");
  EXPECT_EQ(to_error_json(overloaded()),
            R"({"code":"unavailable","message":"overloaded: back off and retry",)"
            R"("details":[{"type":"google.rpc.RetryInfo","value":"CgIIPA"}]})");
}

TEST(ErrorJson, ComesBack) {
  EXPECT_EQ(parse_error_json(to_error_json(overloaded())), overloaded());
}

TEST(ErrorJson, EscapesWhatWouldEndItsStrings) {
  std::string json;
  append_json_string(json, "\"\\\n\r\t\x01\x7f</script>\xC3\xA9\xF0\x9F\xA4\x96");
  EXPECT_EQ(json, "\"\\\"\\\\\\n\\r\\t\\u0001\\u007f</script>\xC3\xA9\xF0\x9F\xA4\x96\"");
}

TEST(ErrorJson, ReplacesWhatIsNoUtf8) {
  for (const std::string bad : {"\xFF", "\x80", "\xC3", "\xC0\xAF", "\xED\xA0\x80",
                                "\xF4\x90\x80\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80"}) {
    std::string json;
    append_json_string(json, "a" + bad + "b");
    std::string expected = "\"a";
    for (std::size_t i = 0; i < bad.size(); ++i) expected += "\xEF\xBF\xBD";
    EXPECT_EQ(json, expected + "b\"");
  }
}

TEST(ErrorJson, ReadsWhatOthersWrite) {
  const auto status = parse_error_json(
      " { \"details\" : [ {\"debug\":{\"a\":[1,{\"b\":null}]}, \"value\":\"CgIIPA==\", "
      "\"type\":\"google.rpc.RetryInfo\", \"x\":-1.5e3} ],\n"
      "\"message\":\"caf\\u00e9 \\ud83e\\udd16 \\ud800\\/\", \"code\":\"unavailable\", \"z\":true "
      "} ");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->message(), "caf\xC3\xA9 \xF0\x9F\xA4\x96 \xEF\xBF\xBD/");
  ASSERT_EQ(status->details().size(), 1u);
  EXPECT_EQ(status->details()[0], overloaded().details()[0]);
}

TEST(ErrorJson, BrokenDetailsDoNotCostTheError) {
  const auto status = parse_error_json(
      R"({"code":"aborted","details":[{"type":"a.B","value":"!"},{"value":"AA"},{}]})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code(), StatusCode::kAborted);
  EXPECT_TRUE(status->details().empty());
}

TEST(ErrorJson, RefusesWhatIsNone) {
  for (const char* text :
       {"", "{}", "null", "[]", "{\"code\":null}", "{\"code\":\"ok\"}", "{\"code\":1}",
        "{\"code\":\"aborted\"", "{\"code\":\"aborted\"}x", "{\"code\":\"aborted\",}",
        "{\"code\" \"aborted\"}", "{\"code\":\"aborted\",\"message\":\"\\x\"}", "<html>",
        "{\"code\":\"aborted\",\"message\":\"\n\"}", "{\"code\":\"aborted\"]",
        "{,\"code\":\"aborted\"}", "{\"code\":\"aborted\",\"d\":[}]}",
        "{\"code\":\"aborted\",\"message\":\"\\u12\"}"}) {
    EXPECT_FALSE(parse_error_json(text)) << text;
  }
}

TEST(ErrorJson, R04_DepthBombsAreRefused) {
  const std::string bomb(1024 * 1024, '[');
  EXPECT_FALSE(parse_error_json(bomb));
  EXPECT_FALSE(parse_error_json("{\"code\":\"aborted\",\"debug\":" + bomb));
  EXPECT_FALSE(parse_end_json("{\"x\":" + bomb));
}

TEST(ErrorJson, EveryCutIsRefused) {
  const std::string json = to_error_json(overloaded());
  for (std::size_t size = 0; size < json.size(); ++size) {
    EXPECT_FALSE(parse_error_json(json.substr(0, size))) << size;
  }
}

TEST(EndJson, SaysHowAStreamEnded) {
  EXPECT_EQ(to_end_json(Status(), {}), "{}");
  EXPECT_EQ(to_end_json(Status(StatusCode::kUnavailable, ""),
                        {{"acme-operation-cost", "237"}, {"x", "y"}, {"acme-operation-cost", "1"}}),
            R"({"error":{"code":"unavailable"},)"
            R"("metadata":{"acme-operation-cost":["237","1"],"x":["y"]}})");
  EXPECT_EQ(to_end_json(Status(), {{"trace-bin", "\x01\x02"}}),
            R"({"metadata":{"trace-bin":["AQI"]}})");
}

TEST(EndJson, LeavesOutWhatCannotBeSaid) {
  EXPECT_EQ(to_end_json(Status(), {{"connect-x", "y"}, {"a", "b\r\nc"}, {"Upper", "x"}}),
            R"({"metadata":{}})");
}

TEST(EndJson, ComesBack) {
  const Metadata metadata{{"a", "1"}, {"a", "2"}, {"b-bin", std::string("\0\xFF", 2)}};
  const auto end = parse_end_json(to_end_json(overloaded(), metadata));
  ASSERT_TRUE(end) << end.error();
  EXPECT_EQ(end->status, overloaded());
  EXPECT_EQ(end->metadata, metadata);
}

TEST(EndJson, RefusesWhatIsNone) {
  for (const char* text :
       {"", "[]", "{\"error\":null}", "{\"error\":{}}", "{\"error\":{\"code\":null}}",
        "{\"metadata\":{\"a\":\"b\"}}", "{}{}", "{\"metadata\":{\"a\":[1]}}"}) {
    const auto end = parse_end_json(text);
    ASSERT_FALSE(end) << text;
    EXPECT_EQ(end.error().code(), StatusCode::kInternal) << text;
  }
  const auto end = parse_end_json(R"({"metadata":{"a-bin":["!"]}})");
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace echostream::gateway
