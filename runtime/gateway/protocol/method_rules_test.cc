#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/error_json.h"
#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

MethodInfo method_of(MethodKind kind, bool no_side_effects = false) {
  MethodInfo method;
  method.full_name = "acme.v1.Robot/Grip";
  method.kind = kind;
  method.idempotent = no_side_effects;
  method.no_side_effects = no_side_effects;
  return method;
}

std::string answer(const http3::Fields& head, const MethodInfo& method) {
  const auto refusal = refuse_method(called(head), method, {}, "");
  return refusal ? status_of(*refusal) : "taken";
}

TEST(MethodRules, UnaryRequestsAreForRpcsAndEvents) {
  for (const char* type : {"application/json", "application/proto"}) {
    EXPECT_EQ(answer(post(type), method_of(MethodKind::kRpc)), "taken");
    EXPECT_EQ(answer(post(type), method_of(MethodKind::kEvent)), "taken");
    EXPECT_EQ(answer(post(type), method_of(MethodKind::kStream)), "415");
    EXPECT_EQ(answer(post(type), method_of(MethodKind::kPublished)), "415");
  }
}

TEST(MethodRules, StreamRequestsAreForStreams) {
  const http3::Fields head = post("application/connect+json");
  EXPECT_EQ(answer(head, method_of(MethodKind::kRpc)), "415");
  EXPECT_EQ(answer(head, method_of(MethodKind::kEvent)), "415");
  EXPECT_EQ(answer(head, method_of(MethodKind::kStream)), "taken");
  EXPECT_EQ(answer(head, method_of(MethodKind::kPublished)), "taken");
}

TEST(MethodRules, R09_ARefusalSaysWhatTheMethodTakes) {
  const auto refusal =
      refuse_method(called(post("application/json")), method_of(MethodKind::kStream), {}, "");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->head.get("accept-post").find("application/json"), std::string_view::npos);
  EXPECT_NE(refusal->head.get("accept-post").find("application/connect+json"),
            std::string_view::npos);
  EXPECT_NE(refusal->head.get("accept-post").find("application/grpc"), std::string_view::npos);
}

TEST(MethodRules, GrpcHasOneShapeForAll) {
  for (const char* type :
       {"application/grpc", "application/grpc-web", "application/grpc-web-text"}) {
    for (const MethodKind kind :
         {MethodKind::kRpc, MethodKind::kEvent, MethodKind::kPublished, MethodKind::kStream}) {
      EXPECT_EQ(answer(post(type), method_of(kind)), "taken");
    }
  }
}

TEST(MethodRules, R08_AGetOfWhatHasSideEffectsIsRefused) {
  const std::string bodies[] = {"encoding=json&message=%7B%7D", "encoding=proto&message=&base64=1",
                                "encoding=proto&message=&base64=1&compression=gzip"};
  for (const std::string& query : bodies) {
    EXPECT_EQ(answer(get(query), method_of(MethodKind::kRpc, true)), "taken");
    EXPECT_EQ(answer(get(query), method_of(MethodKind::kRpc)), "405");
    EXPECT_EQ(answer(get(query), method_of(MethodKind::kEvent)), "405");
    EXPECT_EQ(answer(get(query), method_of(MethodKind::kPublished)), "405");
    EXPECT_EQ(answer(get(query), method_of(MethodKind::kStream)), "405");
  }
}

// Setting the speed to 3 twice is as good as once, but no page may make a browser do it.
TEST(MethodRules, R08_ThatACallMayBeRepeatedMakesItNoGet) {
  MethodInfo method = method_of(MethodKind::kRpc);
  method.idempotent = true;
  const auto refusal = refuse_method(called(get("encoding=json&message=%7B%7D")), method, {}, "");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(status_of(*refusal), "405");
  EXPECT_EQ(refusal->head.get("allow"), "POST, OPTIONS");
  const auto error = parse_error_json(text_of(*refusal));
  ASSERT_TRUE(error);
  EXPECT_NE(error->message().find("option idempotency_level = NO_SIDE_EFFECTS;"),
            std::string_view::npos);
}

TEST(MethodRules, R09_AnUnknownMethodIsUnimplementedInEachProtocol) {
  const Status unknown(StatusCode::kUnimplemented, "no such method");
  const ResponsePart unary =
      refuse_unknown_method(called(post("application/json")), unknown, {}, "");
  EXPECT_EQ(status_of(unary), "404");
  EXPECT_EQ(parse_error_json(text_of(unary))->code(), StatusCode::kUnimplemented);
  const ResponsePart stream =
      refuse_unknown_method(called(post("application/connect+proto")), unknown, {}, "");
  EXPECT_EQ(parse_end_json(text_of(stream).substr(5))->status.code(), StatusCode::kUnimplemented);
  const ResponsePart grpc =
      refuse_unknown_method(called(post("application/grpc")), unknown, {}, "");
  EXPECT_EQ(status_of(grpc), "200");
  EXPECT_EQ(grpc.head.get("grpc-status"), "12");
}

}  // namespace
}  // namespace echostream::gateway
