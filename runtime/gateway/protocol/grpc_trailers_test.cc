#include "runtime/gateway/protocol/grpc_trailers.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/rpc_status.h"

namespace echostream::gateway {
namespace {

Status detailed() {
  return Status(StatusCode::kNotFound, "no such robot: 100 % sure\n")
      .add_detail({"type.googleapis.com/acme.A", "one"})
      .add_detail({"type.googleapis.com/acme.B", ""});
}

TEST(RpcStatus, IsEncodedAsProtobufWould) {
  EXPECT_EQ(to_rpc_status(Status(StatusCode::kNotFound, "a").add_detail({"t", "v"})),
            std::string("\x08\x05\x12\x01"
                        "a\x1a\x06\x0a\x01t\x12\x01v"));
  EXPECT_EQ(to_rpc_status(Status(StatusCode::kInternal, std::string(300, 'x'))).substr(0, 5),
            "\x08\x0d\x12\xac\x02");
}

TEST(RpcStatus, ComesBack) {
  EXPECT_EQ(parse_rpc_status(as_bytes(to_rpc_status(detailed()))), detailed());
}

TEST(RpcStatus, PassesOverFieldsThatNobodyKnows) {
  const std::string unknown = std::string("\x20\x96\x01", 3) + std::string("\x29", 1) + "12345678" +
                              std::string("\x35", 1) + "1234" + std::string("\x3a\x02xx", 4);
  const auto status = parse_rpc_status(as_bytes(unknown + to_rpc_status(detailed())));
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, detailed());
}

TEST(RpcStatus, RefusesWhatIsNone) {
  const std::string whole = to_rpc_status(detailed());
  EXPECT_FALSE(parse_rpc_status(as_bytes(std::string_view("\x0b\x0c"))));       // groups
  EXPECT_FALSE(parse_rpc_status(as_bytes(std::string_view("\x12\xff\x01x"))));  // longer than all
  EXPECT_FALSE(parse_rpc_status(as_bytes(std::string_view("\x00\x01", 2))));    // field 0
  EXPECT_FALSE(parse_rpc_status(as_bytes(std::string(11, '\xff'))));
  EXPECT_FALSE(parse_rpc_status(as_bytes(std::string_view("\x1a\x02\x0a\x05"))));
  EXPECT_FALSE(parse_rpc_status(
      as_bytes(std::string_view("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"))));
}

TEST(GrpcTrailers, SayHowACallEnded) {
  http3::Fields fields;
  write_grpc_trailers(Status(), {{"cost", "3"}}, fields);
  EXPECT_EQ(fields, (http3::Fields{{"grpc-status", "0"}, {"cost", "3"}}));
  http3::Fields failed;
  write_grpc_trailers(detailed(), {}, failed);
  EXPECT_EQ(failed.get("grpc-status"), "5");
  EXPECT_EQ(failed.get("grpc-message"), "no such robot: 100 %25 sure%0A");
  EXPECT_EQ(failed.get("grpc-status-details-bin"), to_base64(as_bytes(to_rpc_status(detailed()))));
  EXPECT_EQ(read_grpc_status(failed), detailed());
}

TEST(GrpcTrailers, WithoutAStatusAreUnknown) {
  EXPECT_EQ(read_grpc_status({}).code(), StatusCode::kUnknown);
  EXPECT_EQ(read_grpc_status({{"grpc-status", "x"}}).code(), StatusCode::kUnknown);
  EXPECT_EQ(read_grpc_status({{"grpc-status", "-1"}}).code(), StatusCode::kUnknown);
  EXPECT_EQ(read_grpc_status({{"grpc-status", "99"}}).code(), StatusCode::kUnknown);
  EXPECT_TRUE(read_grpc_status({{"grpc-status", "0"}}).is_ok());
}

TEST(GrpcTrailers, DetailsOfAnotherCodeAreNotBelieved) {
  const Status status = read_grpc_status(
      {{"grpc-status", "7"},
       {"grpc-status-details-bin", to_base64(as_bytes(to_rpc_status(detailed())))}});
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(status.details().empty());
  EXPECT_EQ(read_grpc_status({{"grpc-status", "7"}, {"grpc-status-details-bin", "!"}}).code(),
            StatusCode::kPermissionDenied);
}

TEST(TrailerBlock, IsLinesOfFields) {
  const http3::Fields fields{{"grpc-status", "0"}, {"a", "b: c"}};
  EXPECT_EQ(to_trailer_block(fields), "grpc-status: 0\r\na: b: c\r\n");
  EXPECT_EQ(*parse_trailer_block("grpc-status: 0\r\na: b: c\r\n"), fields);
  EXPECT_EQ(*parse_trailer_block("Grpc-Status:0\na:  b: c  "), fields);
  EXPECT_EQ(*parse_trailer_block(""), http3::Fields());
}

TEST(TrailerBlock, RefusesWhatAreNoFields) {
  for (const char* block : {"grpc-status", ": 0", "a b: c", "a: \x01", "a: b\rc"}) {
    EXPECT_FALSE(parse_trailer_block(block)) << block;
  }
}

}  // namespace
}  // namespace echostream::gateway
