// gRPC and gRPC-Web over HTTP/3 with a node's services.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/gateway/gateway_lab.h"

namespace echostream::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string count(std::int64_t number) {
  lab::v1::Count message;
  message.set_count(number);
  return message.SerializeAsString();
}

TEST(Grpc, AnswersAnRpcWithTrailers) {
  GatewayLab lab;
  const auto response = lab.fetch(
      GatewayLab::post("Echo", "application/grpc+proto", envelope(text("hi").SerializeAsString())));
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(std::string(response.fields.get("content-type")), HasSubstr("application/grpc"));
  const auto parts = envelopes(body_of(response));
  ASSERT_THAT(parts, SizeIs(1));
  lab::v1::Text reply;
  ASSERT_TRUE(reply.ParseFromString(parts[0].message));
  EXPECT_EQ(reply.text(), "hi");
  EXPECT_EQ(response.trailers.get("grpc-status"), "0");
}

TEST(Grpc, TellsErrorsInTrailersOrTheHead) {
  GatewayLab lab;
  lab::v1::Text wish = text("nö");
  wish.set_number(7);
  const auto response =
      lab.fetch(GatewayLab::post("Fail", "application/grpc", envelope(wish.SerializeAsString())));
  EXPECT_EQ(response.status, 200);
  const auto& where = response.trailers.empty() ? response.fields : response.trailers;
  EXPECT_EQ(where.get("grpc-status"), "7");
  EXPECT_EQ(where.get("grpc-message"), "n%C3%B6");
}

TEST(Grpc, StreamsBothWays) {
  GatewayLab lab;
  auto request = GatewayLab::post("CountUp", "application/grpc+proto", envelope(count(3)));
  const auto counted = lab.fetch(request);
  EXPECT_THAT(envelopes(body_of(counted)), SizeIs(3));
  EXPECT_EQ(counted.trailers.get("grpc-status"), "0");
  const auto summed = lab.fetch(
      GatewayLab::post("Sum", "application/grpc+proto", envelope(count(3)) + envelope(count(39))));
  const auto parts = envelopes(body_of(summed));
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_EQ(parts[0].message, count(42));
}

TEST(Grpc, UnknownMethodsAreUnimplemented) {
  GatewayLab lab;
  const auto response =
      lab.fetch(GatewayLab::post("Nothing", "application/grpc+proto", envelope("")));
  EXPECT_EQ(response.status, 200);
  const auto& where = response.trailers.empty() ? response.fields : response.trailers;
  EXPECT_EQ(where.get("grpc-status"), "12");
}

TEST(Grpc, TwoMessagesOfAnRpcAreOneTooMany) {
  GatewayLab lab;
  const auto response =
      lab.fetch(GatewayLab::post("Echo", "application/grpc+proto", envelope("") + envelope("")));
  const auto& where = response.trailers.empty() ? response.fields : response.trailers;
  EXPECT_NE(where.get("grpc-status"), "0");
}

TEST(Grpc, AnEventWithoutItsMessageIsAnswered) {
  GatewayLab lab;
  const auto response = lab.fetch(GatewayLab::post("Note", "application/grpc+proto", ""));
  const auto& where = response.trailers.empty() ? response.fields : response.trailers;
  EXPECT_EQ(where.get("grpc-status"), "12");
}

TEST(GrpcWeb, EndsInTheBody) {
  GatewayLab lab;
  const auto response =
      lab.fetch(GatewayLab::post("CountUp", "application/grpc-web+proto", envelope(count(2))));
  const auto parts = envelopes(body_of(response));
  ASSERT_THAT(parts, SizeIs(3));
  EXPECT_EQ(parts[2].flags & 0x80, 0x80);
  EXPECT_THAT(parts[2].message, HasSubstr("grpc-status: 0"));
}

}  // namespace
}  // namespace echostream::testing
