#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/error_json.h"
#include "runtime/gateway/protocol/gzip.h"
#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

std::unique_ptr<ResponseMaker> response_to(const char* type, const http3::Fields& more = {}) {
  return make_response(called(post(type, more)), {}, "");
}

TEST(UnaryResponse, HasAllItsPartsAtTheEnd) {
  const auto response = response_to("application/json");
  const ResponsePart begun = response->begin({{"leading", "1"}});
  EXPECT_TRUE(begun.head.empty() && begun.body.empty() && !begun.is_end);
  EXPECT_TRUE(response->message(Buffer::copy("{}")).body.empty());
  const ResponsePart part = response->end(Status(), {{"late", "2"}, {"late-bin", "\1"}});
  EXPECT_TRUE(part.is_end);
  EXPECT_EQ(part.head, (http3::Fields{{":status", "200"},
                                      {"content-type", "application/json"},
                                      {"content-length", "2"},
                                      {"leading", "1"},
                                      {"trailer-late", "2"},
                                      {"trailer-late-bin", "AQ"}}));
  EXPECT_EQ(text_of(part), "{}");
  EXPECT_TRUE(part.trailers.empty());
}

TEST(UnaryResponse, OfAnErrorIsJsonWithItsHttpStatus) {
  const auto response = response_to("application/proto");
  const ResponsePart part =
      response->end(Status(StatusCode::kNotFound, "no such robot"), {{"a", "b"}});
  EXPECT_EQ(status_of(part), "404");
  EXPECT_EQ(part.head.get("content-type"), "application/json");
  EXPECT_EQ(part.head.get("trailer-a"), "b");
  EXPECT_EQ(text_of(part), R"({"code":"not_found","message":"no such robot"})");
}

TEST(UnaryResponse, WithoutItsOneReplyIsInternal) {
  EXPECT_EQ(status_of(response_to("application/json")->end(Status(), {})), "500");
  const auto twice = response_to("application/json");
  twice->message(Buffer::copy("1"));
  twice->message(Buffer::copy("2"));
  EXPECT_EQ(status_of(twice->end(Status(), {})), "500");
}

TEST(UnaryResponse, MayBeEmpty) {
  const auto response = response_to("application/proto", {{"accept-encoding", "gzip"}});
  response->message({});
  const ResponsePart part = response->end(Status(), {});
  EXPECT_TRUE(part.body.empty());
  EXPECT_EQ(part.head.get("content-length"), "0");
  EXPECT_FALSE(part.head.has("content-encoding"));
}

TEST(UnaryResponse, IsPackedForClientsThatTakeItAndWhenItIsWorthIt) {
  const std::string text(1024, 'a');
  const auto packed = response_to("application/json", {{"accept-encoding", "gzip"}});
  packed->message(Buffer::copy(text));
  const ResponsePart part = packed->end(Status(), {});
  EXPECT_EQ(part.head.get("content-encoding"), "gzip");
  EXPECT_EQ(gunzip(as_bytes(text_of(part)), 2000)->text(), text);
  EXPECT_EQ(part.head.get("content-length"), std::to_string(text_of(part).size()));
  for (const char* accepted : {"identity", "br", "gzip;q=0"}) {
    const auto plain = response_to("application/json", {{"accept-encoding", accepted}});
    plain->message(Buffer::copy(text));
    EXPECT_EQ(text_of(plain->end(Status(), {})), text);
  }
  const auto small = response_to("application/json", {{"accept-encoding", "gzip"}});
  small->message(Buffer::copy(text.substr(1)));
  EXPECT_FALSE(small->end(Status(), {}).head.has("content-encoding"));
}

TEST(UnaryResponse, ToAGetTellsCachesOnWhatItDepends) {
  const auto response = make_response(called(get("encoding=json&message=")), {}, "");
  response->message(Buffer::copy("{}"));
  EXPECT_EQ(response->end(Status(), {}).head.get("vary"), "accept-encoding");
}

TEST(ConnectStream, SendsMessagesAndItsEndInEnvelopes) {
  const auto response = response_to("application/connect+json");
  const ResponsePart begun = response->begin({{"leading", "1"}});
  EXPECT_EQ(begun.head, (http3::Fields{{":status", "200"},
                                       {"content-type", "application/connect+json"},
                                       {"leading", "1"}}));
  const ResponsePart message = response->message(Buffer::copy("{}"));
  EXPECT_TRUE(message.head.empty());
  EXPECT_EQ(text_of(message), enveloped(0, "{}"));
  const ResponsePart end = response->end(Status(), {{"late", "2"}});
  EXPECT_TRUE(end.is_end && end.head.empty() && end.trailers.empty());
  EXPECT_EQ(text_of(end), enveloped(2, R"({"metadata":{"late":["2"]}})"));
}

TEST(ConnectStream, ThatFailsIs200AllTheSame) {
  const ResponsePart end = response_to("application/connect+proto")
                               ->end(Status(StatusCode::kUnavailable, "overloaded"), {});
  EXPECT_EQ(status_of(end), "200");
  EXPECT_EQ(end.head.get("content-type"), "application/connect+proto");
  EXPECT_EQ(text_of(end),
            enveloped(2, R"({"error":{"code":"unavailable","message":"overloaded"}})"));
}

TEST(ConnectStream, PacksMessagesOneByOne) {
  const auto response =
      response_to("application/connect+proto", {{"connect-accept-encoding", "gzip"}});
  EXPECT_EQ(response->begin({}).head.get("connect-content-encoding"), "gzip");
  EXPECT_EQ(text_of(response->message(Buffer::copy("small"))), enveloped(0, "small"));
  const std::string big = text_of(response->message(Buffer::copy(std::string(5000, 'a'))));
  EXPECT_EQ(big[0], 1);
  EXPECT_EQ(gunzip(as_bytes(big.substr(5)), 5000)->text(), std::string(5000, 'a'));
}

TEST(GrpcResponse, EndsInTrailers) {
  const auto response = response_to("application/grpc");
  const ResponsePart first = response->message(Buffer::copy("reply"));  // begins by itself
  EXPECT_EQ(status_of(first), "200");
  EXPECT_EQ(first.head.get("content-type"), "application/grpc+proto");
  EXPECT_EQ(text_of(first), enveloped(0, "reply"));
  const ResponsePart end = response->end(Status(), {{"cost", "3"}});
  EXPECT_TRUE(end.is_end && end.head.empty() && end.body.empty());
  EXPECT_EQ(end.trailers, (http3::Fields{{"grpc-status", "0"}, {"cost", "3"}}));
}

TEST(GrpcResponse, OfAnErrorBeforeAnythingIsOneSection) {
  const ResponsePart part =
      response_to("application/grpc")->end(Status(StatusCode::kNotFound, "no"), {{"a", "b"}});
  EXPECT_EQ(part.head, (http3::Fields{{":status", "200"},
                                      {"content-type", "application/grpc+proto"},
                                      {"grpc-status", "5"},
                                      {"grpc-message", "no"},
                                      {"a", "b"}}));
  EXPECT_TRUE(part.is_end && part.body.empty() && part.trailers.empty());
}

TEST(GrpcResponse, WithoutMessagesHasHeadAndTrailers) {
  const ResponsePart part = response_to("application/grpc")->end(Status(), {});
  EXPECT_EQ(status_of(part), "200");
  EXPECT_EQ(part.trailers, (http3::Fields{{"grpc-status", "0"}}));
}

TEST(GrpcWebResponse, EndsInItsBody) {
  const auto response = response_to("application/grpc-web+proto");
  EXPECT_EQ(text_of(response->message(Buffer::copy("reply"))), enveloped(0, "reply"));
  const ResponsePart end = response->end(Status(StatusCode::kAborted, "x"), {{"cost", "3"}});
  EXPECT_EQ(text_of(end), enveloped(0x80, "grpc-status: 10\r\ngrpc-message: x\r\ncost: 3\r\n"));
  EXPECT_TRUE(end.trailers.empty());
}

TEST(GrpcWebResponse, InTextIsBase64OfEachPart) {
  const auto response = response_to("application/grpc-web-text");
  const std::string message = text_of(response->message(Buffer::copy("reply")));
  EXPECT_EQ(message, to_padded_base64(as_bytes(enveloped(0, "reply"))));
  const std::string end = text_of(response->end(Status(), {}));
  EXPECT_EQ(end, to_padded_base64(as_bytes(enveloped(0x80, "grpc-status: 0\r\n"))));
}

TEST(Responses, R07_MetadataOfTheProgramCannotChangeThem) {
  for (const char* type : {"application/json", "application/connect+json", "application/grpc",
                           "application/grpc-web"}) {
    const auto response = response_to(type);
    const Metadata hostile{{"content-type", "text/html"},
                           {"grpc-status", "0"},
                           {"a", "b\r\ngrpc-status: 0"},
                           {":status", "200"}};
    std::string all;
    for (const ResponsePart& part :
         {response->begin(hostile),
          response->end(Status(StatusCode::kInternal, "a\r\nb"), hostile)}) {
      for (const http3::Fields& fields : {part.head, part.trailers}) {
        for (const http3::Field& field : fields) {
          EXPECT_EQ(field.value.find('\n'), std::string::npos);
          EXPECT_NE(field.value, "text/html");
          EXPECT_TRUE(field.name != "grpc-status" || field.value == "13");
        }
      }
      all += text_of(part);
    }
    EXPECT_EQ(all.find("grpc-status: 0"), std::string::npos);
  }
}

}  // namespace
}  // namespace echostream::gateway
