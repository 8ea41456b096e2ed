#include "runtime/gateway/protocol/client_exchange.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

using namespace std::chrono_literals;

constexpr Protocol kProtocols[] = {Protocol::kConnectUnary, Protocol::kConnectStream,
                                   Protocol::kGrpc, Protocol::kGrpcWeb, Protocol::kGrpcWebText};

ClientCall call_of(Protocol protocol, Codec codec = Codec::kProto) {
  ClientCall call;
  call.protocol = protocol;
  call.codec = codec;
  call.method = "acme.v1.Robot/Grip";
  call.authority = "robot.example:4433";
  call.timeout = 1500ms;
  call.metadata = {{"acme-shard", "42"}, {"blob-bin", std::string("\0\xFF", 2)}};
  return call;
}

struct Answered {
  Status status;
  std::vector<std::string> messages;
  Metadata metadata;
  Metadata trailing;
};

Answered read_answer(const ClientCall& call, const std::vector<ResponsePart>& parts,
                     std::size_t piece) {
  const auto reader = make_response_reader(call, 1024 * 1024, 8 * 1024);
  Buffers messages;
  Status status;
  for (const ResponsePart& part : parts) {
    if (!part.head.empty() && status.is_ok()) status = reader->on_head(part.head);
    std::string bytes = text_of(part);
    for (std::size_t at = 0; at < bytes.size() && status.is_ok(); at += piece) {
      status = reader->feed(as_bytes(std::string_view(bytes).substr(at, piece)), messages);
    }
    if (!part.trailers.empty() && status.is_ok()) status = reader->on_trailers(part.trailers);
  }
  if (status.is_ok()) status = reader->finish(messages);
  Answered answered{status, {}, reader->metadata(), reader->trailing_metadata()};
  for (const Buffer& message : messages) answered.messages.emplace_back(message.text());
  return answered;
}

// What a server that sends the given fields and body is taken for.
Answered answer(Protocol protocol, const http3::Fields& head, const std::string& body,
                const http3::Fields& trailers = {}) {
  ResponsePart part;
  part.head = head;
  if (!body.empty()) part.body.push_back(Buffer::copy(body));
  part.trailers = trailers;
  return read_answer(call_of(protocol), {part}, 1000);
}

TEST(ClientExchange, ItsRequestsAreUnderstood) {
  for (const Protocol protocol : kProtocols) {
    for (const Codec codec : {Codec::kProto, Codec::kJson}) {
      for (const Compression compression : {Compression::kNone, Compression::kGzip}) {
        ClientCall call = call_of(protocol, codec);
        call.compression = compression;
        const RequestHead head = called(make_request_head(call));
        EXPECT_EQ(head.protocol, protocol);
        EXPECT_EQ(head.codec, codec);
        EXPECT_EQ(std::string_view(head.method), call.method);
        EXPECT_EQ(head.timeout, Duration(1500ms));
        EXPECT_EQ(head.metadata, call.metadata);
        EXPECT_EQ(head.response_compression, Compression::kGzip);
        const std::string message(3000, 'm');
        const std::string body = text_of(make_request_message(call, Buffer::copy(message)));
        const BodyRead read = read_body(head, body, 11);
        EXPECT_TRUE(read.status.is_ok()) << read.status;
        EXPECT_EQ(read.messages, std::vector<std::string>{message});
      }
    }
  }
}

TEST(ClientExchange, ReadsWhatOurServerAnswers) {
  const Metadata leading{{"leading", "1"}};
  const Metadata trailing{{"late", "2"}, {"late-bin", "\xFE"}};
  for (const Protocol protocol : kProtocols) {
    const ClientCall call = call_of(protocol, Codec::kJson);
    const RequestHead head = called(make_request_head(call));
    for (const std::size_t size : {2u, 5000u}) {
      const std::string message(size, 'm');
      const auto response = make_response(head, {}, "");
      const std::vector<ResponsePart> parts{response->begin(leading),
                                            response->message(Buffer::copy(message)),
                                            response->end(Status(), trailing)};
      for (const std::size_t piece : {1u, 3u, 10'000u}) {
        const Answered answered = read_answer(call, parts, piece);
        EXPECT_TRUE(answered.status.is_ok()) << answered.status;
        EXPECT_EQ(answered.messages, std::vector<std::string>{message});
        EXPECT_EQ(answered.metadata, leading);
        EXPECT_EQ(answered.trailing, trailing);
      }
    }
  }
}

TEST(ClientExchange, ReadsErrorsWithTheirDetails) {
  const Status status =
      Status(StatusCode::kFailedPrecondition, "not h\xC3\xB6med \"yet\"\n")
          .add_detail({"type.googleapis.com/acme.Problem", std::string("\0\1\2", 3)});
  for (const Protocol protocol : kProtocols) {
    const ClientCall call = call_of(protocol);
    const RequestHead head = called(make_request_head(call));
    const auto at_once = make_response(head, {}, "");
    EXPECT_EQ(read_answer(call, {at_once->end(status, {})}, 5).status, status);
    const auto later = make_response(head, {}, "");
    const std::vector<ResponsePart> parts{later->begin({}), later->message(Buffer::copy("m")),
                                          later->end(status, {{"late", "2"}})};
    const Answered answered = read_answer(call, parts, 5);
    EXPECT_EQ(answered.status, status);
    EXPECT_EQ(answered.trailing, (Metadata{{"late", "2"}}));
  }
}

TEST(ClientExchange, InfersACodeFromHttp) {
  for (const Protocol protocol : kProtocols) {
    const Answered html =
        answer(protocol, {{":status", "503"}, {"content-type", "text/html"}}, "<html>");
    EXPECT_EQ(html.status.code(), StatusCode::kUnavailable);
    EXPECT_EQ(html.status.message(), "HTTP status 503");
    EXPECT_EQ(answer(protocol, {{":status", "404"}}, "").status.code(), StatusCode::kUnimplemented);
    EXPECT_EQ(answer(protocol, {{":status", "500"}}, "").status.code(), StatusCode::kUnknown);
  }
}

TEST(ClientExchange, AnotherContentTypeIsUnknown) {
  for (const Protocol protocol : kProtocols) {
    EXPECT_EQ(
        answer(protocol, {{":status", "200"}, {"content-type", "text/html"}}, "x").status.code(),
        StatusCode::kUnknown);
  }
}

TEST(ClientExchange, R02_AnAnswerWithoutItsEndIsAnError) {
  const http3::Fields stream{{":status", "200"}, {"content-type", "application/connect+proto"}};
  const http3::Fields grpc{{":status", "200"}, {"content-type", "application/grpc"}};
  const http3::Fields web{{":status", "200"}, {"content-type", "application/grpc-web"}};
  EXPECT_EQ(answer(Protocol::kConnectStream, stream, enveloped(0, "m")).status.code(),
            StatusCode::kInternal);
  EXPECT_EQ(answer(Protocol::kConnectStream, stream, enveloped(2, "{}").substr(0, 6)).status.code(),
            StatusCode::kInternal);
  EXPECT_EQ(answer(Protocol::kGrpc, grpc, enveloped(0, "m")).status.code(), StatusCode::kInternal);
  EXPECT_EQ(answer(Protocol::kGrpc, grpc, enveloped(0, "m"), {{"x", "y"}}).status.code(),
            StatusCode::kUnknown);
  EXPECT_EQ(answer(Protocol::kGrpc, grpc, "\1", {{"grpc-status", "0"}}).status.code(),
            StatusCode::kInternal);
  EXPECT_EQ(answer(Protocol::kGrpcWeb, web, enveloped(0, "m")).status.code(),
            StatusCode::kInternal);
}

TEST(ClientExchange, R02_AnswersThatBreakTheRulesAreErrors) {
  const http3::Fields stream{{":status", "200"}, {"content-type", "application/connect+proto"}};
  const http3::Fields web{{":status", "200"}, {"content-type", "application/grpc-web"}};
  const std::string end = enveloped(2, "{}");
  for (const std::string& body : {end + enveloped(0, "m"), end + end, enveloped(0x80, ""),
                                  enveloped(4, ""), enveloped(1, "x"), enveloped(2, "{")}) {
    EXPECT_EQ(answer(Protocol::kConnectStream, stream, body).status.code(), StatusCode::kInternal);
  }
  EXPECT_EQ(answer(Protocol::kGrpcWeb, web, end).status.code(), StatusCode::kInternal);
  EXPECT_EQ(answer(Protocol::kGrpcWeb, web, enveloped(0x80, "no field")).status.code(),
            StatusCode::kInternal);
  EXPECT_EQ(
      answer(Protocol::kConnectStream, stream, std::string("\0\xFF\xFF\xFF\xFF", 5)).status.code(),
      StatusCode::kResourceExhausted);
}

TEST(ClientExchange, R01_AnAnswerAboveTheLimitIsRefused) {
  const auto reader = make_response_reader(call_of(Protocol::kConnectUnary), 100, 1000);
  Buffers messages;
  ASSERT_TRUE(reader->on_head({{":status", "200"}, {"content-type", "application/proto"}}).is_ok());
  EXPECT_TRUE(reader->feed(as_bytes(std::string(100, 'x')), messages).is_ok());
  EXPECT_EQ(reader->feed(as_bytes("x"), messages).code(), StatusCode::kResourceExhausted);
  const auto limited = make_response_reader(call_of(Protocol::kConnectUnary), 100, 50);
  EXPECT_EQ(limited
                ->on_head({{":status", "200"},
                           {"content-type", "application/proto"},
                           {"a", std::string(60, 'x')}})
                .code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace echostream::gateway
