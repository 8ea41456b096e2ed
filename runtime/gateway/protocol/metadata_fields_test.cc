#include "runtime/gateway/protocol/metadata_fields.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace echostream::gateway {
namespace {

constexpr std::size_t kRoom = 8 * 1024;

TEST(MetadataFields, LeaveOutWhatIsHttpsAndTheProtocols) {
  Metadata metadata;
  ASSERT_TRUE(read_metadata({{":method", "POST"},
                             {":path", "/a/b"},
                             {"content-type", "application/json"},
                             {"content-length", "2"},
                             {"connect-protocol-version", "1"},
                             {"connect-timeout-ms", "1"},
                             {"grpc-timeout", "1S"},
                             {"grpc-anything", "x"},
                             {"te", "trailers"},
                             {"host", "a"},
                             {"connection", "close"},
                             {"transfer-encoding", "chunked"},
                             {"accept", "*/*"},
                             {"accept-encoding", "gzip"},
                             {"origin", "https://a"},
                             {"referer", "https://a"},
                             {"sec-fetch-mode", "cors"},
                             {"access-control-request-method", "POST"},
                             {"proxy-authorization", "x"},
                             {"echostream-packed", "1"},
                             {"x-grpc-web", "1"},
                             {"user-agent", "a/1"},
                             {"authorization", "Bearer x"},
                             {"traceparent", "00-1-2-01"},
                             {"x!odd", "not ours"}},
                            kRoom, metadata)
                  .is_ok());
  EXPECT_EQ(metadata, (Metadata{{"user-agent", "a/1"},
                                {"authorization", "Bearer x"},
                                {"traceparent", "00-1-2-01"}}));
}

TEST(MetadataFields, R07_KeepDuplicatesInTheirOrder) {
  Metadata metadata;
  ASSERT_TRUE(
      read_metadata({{"a", "1"}, {"b", "x"}, {"a", "2"}, {"a", "1, 2"}}, kRoom, metadata).is_ok());
  EXPECT_EQ(metadata, (Metadata{{"a", "1"}, {"b", "x"}, {"a", "2"}, {"a", "1, 2"}}));
}

TEST(MetadataFields, BinaryKeysCarryBase64WithAndWithoutPadding) {
  Metadata metadata;
  ASSERT_TRUE(
      read_metadata({{"a-bin", "AQI"}, {"a-bin", "AQI="}, {"b-bin", "AQ,Ag==, Aw"}, {"c-bin", ""}},
                    kRoom, metadata)
          .is_ok());
  EXPECT_EQ(metadata, (Metadata{{"a-bin", "\1\2"},
                                {"a-bin", "\1\2"},
                                {"b-bin", "\1"},
                                {"b-bin", "\2"},
                                {"b-bin", "\3"},
                                {"c-bin", ""}}));
}

TEST(MetadataFields, R07_BadBase64AndControlCharactersAreRefused) {
  for (const http3::Field& field :
       {http3::Field{"a-bin", "!"}, http3::Field{"a-bin", "A"}, http3::Field{"a", "x\r\ny: z"},
        http3::Field{"a", std::string_view("x\0y", 3)}, http3::Field{"a", "\x7f"}}) {
    Metadata metadata;
    EXPECT_EQ(read_metadata({field}, kRoom, metadata).code(), StatusCode::kInvalidArgument);
  }
}

TEST(MetadataFields, R07_NonAsciiIsTakenAsItIs) {
  Metadata metadata;
  ASSERT_TRUE(read_metadata({{"a", "caf\xC3\xA9 \xFF"}}, kRoom, metadata).is_ok());
  EXPECT_EQ(metadata.find("a"), "caf\xC3\xA9 \xFF");
}

TEST(MetadataFields, R07_AThousandKeysAreOverTheLimit) {
  http3::Fields fields;
  for (int i = 0; i < 1000; ++i) fields.add("k" + std::to_string(i), "v");
  Metadata metadata;
  EXPECT_EQ(read_metadata(fields, kRoom, metadata).code(), StatusCode::kResourceExhausted);
  Metadata exact;
  EXPECT_TRUE(read_metadata({{"key", "value"}}, 40, exact).is_ok());
  EXPECT_EQ(read_metadata({{"key", "value"}}, 39, exact).code(), StatusCode::kResourceExhausted);
}

TEST(MetadataFields, AreWrittenWithTheirPrefix) {
  http3::Fields fields;
  write_metadata({{"cost", " 3 "}, {"data-bin", std::string("\0\xFB\xFF", 3)}}, "trailer-", fields);
  EXPECT_EQ(fields, (http3::Fields{{"trailer-cost", "3"}, {"trailer-data-bin", "APv/"}}));
}

TEST(MetadataFields, R07_NothingIsInjected) {
  http3::Fields fields;
  write_metadata({{"a", "x\r\nset-cookie: y"},
                  {"a\r\nb", "x"},
                  {"", "x"},
                  {"Upper", "x"},
                  {":status", "200"},
                  {"content-type", "text/html"},
                  {"grpc-status", "0"},
                  {"connect-x", "y"},
                  {"access-control-allow-origin", "*"},
                  {"transfer-encoding", "chunked"},
                  {"a", std::string("\0", 1)},
                  {"a", "caf\xC3\xA9"},
                  {"good", "value"}},
                 "", fields);
  EXPECT_EQ(fields, (http3::Fields{{"good", "value"}}));
}

}  // namespace
}  // namespace echostream::gateway
