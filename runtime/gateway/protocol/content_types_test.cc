#include "runtime/gateway/protocol/content_types.h"

#include <gtest/gtest.h>

#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/field_values.h"

namespace echostream::gateway {
namespace {

TEST(ContentTypes, SayHowARequestTalks) {
  const struct {
    const char* value;
    Protocol protocol;
    Codec codec;
  } rows[] = {
      {"application/json", Protocol::kConnectUnary, Codec::kJson},
      {"application/proto", Protocol::kConnectUnary, Codec::kProto},
      {"application/connect+json", Protocol::kConnectStream, Codec::kJson},
      {"application/grpc", Protocol::kGrpc, Codec::kProto},
      {"application/grpc+json", Protocol::kGrpc, Codec::kJson},
      {"application/grpc-web", Protocol::kGrpcWeb, Codec::kProto},
      {"application/grpc-web+proto", Protocol::kGrpcWeb, Codec::kProto},
      {"application/grpc-web-text", Protocol::kGrpcWebText, Codec::kProto},
      {"Application/JSON; Charset=UTF-8", Protocol::kConnectUnary, Codec::kJson},
      {"application/json;charset=\"utf-8\";x=y", Protocol::kConnectUnary, Codec::kJson},
  };
  for (const auto& row : rows) {
    const auto type = parse_content_type(row.value);
    ASSERT_TRUE(type) << row.value;
    EXPECT_EQ(type->protocol, row.protocol) << row.value;
    EXPECT_EQ(type->codec, row.codec) << row.value;
  }
}

TEST(ContentTypes, RefuseOthers) {
  for (const char* value :
       {"", ";", "text/plain", "application/xml", "application/grpc+thrift", "application/connect",
        "application/connect+xml", "application", "application/json; charset=latin1",
        "application/grpcx", "multipart/form-data; boundary=x"}) {
    EXPECT_FALSE(parse_content_type(value)) << value;
  }
}

TEST(ContentTypes, AnswersSayWhatRequestsSaid) {
  for (const Protocol protocol : {Protocol::kConnectUnary, Protocol::kConnectStream,
                                  Protocol::kGrpc, Protocol::kGrpcWeb, Protocol::kGrpcWebText}) {
    for (const Codec codec : {Codec::kProto, Codec::kJson}) {
      const auto type = parse_content_type(content_type_of(protocol, codec));
      ASSERT_TRUE(type);
      EXPECT_EQ(type->protocol, protocol);
      EXPECT_EQ(type->codec, codec);
    }
  }
  EXPECT_EQ(content_type_of(Protocol::kConnectGet, Codec::kJson), "application/json");
}

TEST(ContentTypes, WhatIsAcceptedIsParsed) {
  const std::string all = accepted_types();
  EXPECT_EQ(split_list(all).size(), 13u);
  for (const auto type : split_list(all)) EXPECT_TRUE(parse_content_type(type)) << type;
  const std::string streams = accepted_types_of_streams();
  for (const auto type : split_list(streams)) {
    EXPECT_FALSE(is_unary(parse_content_type(type)->protocol)) << type;
  }
}

TEST(Encodings, AreChosenInTheClientsOrder) {
  EXPECT_EQ(preferred_encoding("gzip, br"), Compression::kGzip);
  EXPECT_EQ(preferred_encoding("br,GZIP;q=0.5"), Compression::kGzip);
  EXPECT_EQ(preferred_encoding("identity, gzip"), Compression::kNone);
  EXPECT_EQ(preferred_encoding("gzip;q=0"), Compression::kNone);
  EXPECT_EQ(preferred_encoding("gzip;q=0.000, br"), Compression::kNone);
  EXPECT_EQ(preferred_encoding("gzip;q=0.001"), Compression::kGzip);
  EXPECT_EQ(preferred_encoding(""), Compression::kNone);
  EXPECT_EQ(preferred_encoding(";;,,;q=1"), Compression::kNone);
  EXPECT_EQ(best_encoding("identity,deflate,gzip"), Compression::kGzip);
}

TEST(FieldValues, DigitsAreDigitsAlone) {
  EXPECT_EQ(parse_digits("0", 3), 0);
  EXPECT_EQ(parse_digits("999", 3), 999);
  EXPECT_EQ(parse_digits("999999999999999999", 18), 999'999'999'999'999'999);
  for (const char* text : {"", "1000", "-1", "+1", "1 ", "a"}) EXPECT_EQ(parse_digits(text, 3), -1);
}

}  // namespace
}  // namespace echostream::gateway
