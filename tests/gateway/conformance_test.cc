// What a server of Connect, gRPC and gRPC-Web owes its clients, in every shape of call: the
// promises that Connect's conformance suite puts to servers, each over all protocols.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/gzip.h"
#include "tests/gateway/conformance_lab.h"

namespace echostream::testing {
namespace {

using gateway::Compression;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST_P(Conformance, EveryShapeIsAnsweredWithItsMetadata) {
  const Metadata wishes = {{"x-give-header", "foo"}, {"x-give-trailer", "bing"}, {"x-pieces", "2"}};
  for (const Shape shape : kShapes) {
    const Outcome out = ask(shape, {"one"}, wishes);
    EXPECT_EQ(out.http_status, 200);
    EXPECT_TRUE(out.status.is_ok()) << out.status;
    EXPECT_THAT(out.messages, SizeIs(kMethods[shape].server_streaming ? 2 : 1)) << shape;
    EXPECT_EQ(out.messages.at(0), "one");
    EXPECT_THAT(out.headers(), ElementsAre("foo")) << shape;
    EXPECT_THAT(out.trailers(), ElementsAre("bing")) << shape;
  }
}

TEST_P(Conformance, StreamsMayHaveNoRequestsAndNoResponses) {
  const Metadata wishes = {{"x-give-header", "foo"}, {"x-give-trailer", "bing"}};
  EXPECT_THAT(ask(kClientStream, {}).messages, ElementsAre(""));
  for (const Shape shape : {kServerStream, kDuplex}) {
    const Outcome out = ask(shape, {"one"}, wishes);
    EXPECT_TRUE(out.status.is_ok()) << out.status;
    EXPECT_THAT(out.messages, IsEmpty());
    EXPECT_THAT(out.headers(), ElementsAre("foo"));
    EXPECT_THAT(out.trailers(), ElementsAre("bing"));
  }
  EXPECT_TRUE(ask(kDuplex, {}).status.is_ok());
}

// A message of protobuf may be no bytes at all, which is not the same as none.
TEST_P(Conformance, AnEmptyMessageIsOne) {
  for (const Shape shape : kShapes) {
    const Outcome out = ask(shape, {""}, {{"x-pieces", "1"}});
    EXPECT_TRUE(out.status.is_ok()) << shape << out.status;
    EXPECT_THAT(out.messages, ElementsAre("")) << shape;
  }
}

TEST_P(Conformance, EveryValueOfAKeyArrivesInItsOrder) {
  Metadata wishes;
  for (const char* value : {"foo", "bar", "baz"}) wishes.add("x-give-header", value);
  for (const char* value : {"bing", "quux"}) wishes.add("x-give-trailer", value);
  for (const char* value : {"Value1", "Value2"}) wishes.add("x-conformance-test", value);
  for (const Shape shape : kShapes) {
    for (const char* code : {"0", "13"}) {
      for (const char* pieces : {"0", "2"}) {
        Metadata all = wishes;
        all.add("x-code", code);
        all.add("x-pieces", pieces);
        const Outcome out = ask(shape, {"m"}, all);
        EXPECT_EQ(static_cast<int>(out.status.code()), std::stoi(code)) << out.status;
        EXPECT_THAT(out.headers(), ElementsAre("foo", "bar", "baz")) << shape << code << pieces;
        EXPECT_THAT(out.trailers(), ElementsAre("bing", "quux")) << shape << code << pieces;
        EXPECT_THAT(out.values(script->last, "x-conformance-test"),
                    ElementsAre("Value1", "Value2"));
      }
    }
  }
}

TEST_P(Conformance, EveryCodeArrivesInEveryShapeWithItsMessageAndDetails) {
  const std::string message = "\nwith space\r\nand \xE2\x98\xBA and \xF0\x9F\x98\x88\n";
  for (const Shape shape : kShapes) {
    for (int code = 1; code <= 16; ++code) {
      const Outcome out = ask(shape, {"m"},
                              {{"x-code", std::to_string(code)},
                               {"x-message-bin", message},
                               {"x-detail-bin", std::string("\0\1\2", 3)}});
      EXPECT_EQ(static_cast<int>(out.status.code()), code) << shape;
      EXPECT_EQ(out.status.message(), message) << shape;
      ASSERT_THAT(out.status.details(), SizeIs(1)) << shape << " " << code;
      EXPECT_EQ(out.status.details()[0].value, std::string("\0\1\2", 3));
      if (!is_connect() || shape != kUnary) {
        EXPECT_EQ(out.http_status, 200);
      }
    }
  }
}

TEST_P(Conformance, AnErrorAfterMessagesLeavesThem) {
  for (const Shape shape : {kServerStream, kDuplex}) {
    const Outcome out = ask(shape, {"m"}, {{"x-code", "13"}, {"x-pieces", "3"}});
    EXPECT_EQ(out.status.code(), StatusCode::kInternal);
    EXPECT_THAT(out.messages, ElementsAre("m", "m", "m"));
  }
}

TEST_P(Conformance, OneMessageIsNeitherNoneNorTwo) {
  for (const Shape shape : {kUnary, kServerStream}) {
    if (is_connect() && shape == kUnary) continue;  // its body is the message
    EXPECT_EQ(ask(shape, {}).status.code(), StatusCode::kUnimplemented) << shape;
    const Outcome two = ask(shape, {"one", "two"}, {{"x-pieces", "2"}});
    EXPECT_EQ(two.status.code(), StatusCode::kUnimplemented) << shape;
    EXPECT_THAT(two.messages, IsEmpty()) << shape;
  }
}

TEST_P(Conformance, MessagesMayBePackedAndAnswersAreForThoseWhoTakeIt) {
  const std::string text(5000, 't');
  for (const Shape shape : kShapes) {
    ClientCall call = call_of(shape, {{"x-pieces", "1"}});
    call.compression = Compression::kGzip;
    gateway::HttpRequest request = request_of(call, {text});
    if (is_connect() && shape == kUnary) {
      request.fields.add("content-encoding", "gzip");
      request.body = *gateway::gzip(request.body);
    }
    const Outcome out = outcome(call, std::move(request));
    EXPECT_TRUE(out.status.is_ok()) << out.status;
    EXPECT_THAT(out.messages, ElementsAre(text)) << shape;
    EXPECT_THAT(ask_with(shape, {"m"}, encoding_name(shape), "identity").status.is_ok(), true);
  }
}

TEST_P(Conformance, AnEncodingThatNobodyKnowsIsUnimplemented) {
  for (const Shape shape : kShapes) {
    const Outcome out = ask_with(shape, {"m"}, encoding_name(shape), "foo");
    EXPECT_EQ(out.status.code(), StatusCode::kUnimplemented) << shape;
    EXPECT_THAT(std::string(out.status.message()), HasSubstr("gzip")) << shape;
  }
  EXPECT_EQ(script->calls, 0);
}

TEST_P(Conformance, APackedMessageWithoutAnEncodingIsInternal) {
  if (GetParam() == Family::kGrpcWebText) return;  // the flag is inside the base64
  for (const Shape shape : kShapes) {
    if (is_connect() && shape == kUnary) continue;
    const ClientCall call = call_of(shape);
    gateway::HttpRequest request = request_of(call, {});
    request.fields.add(encoding_name(shape), "identity");
    request.body = Buffer::copy(envelope("m", 1));
    EXPECT_EQ(outcome(call, std::move(request)).status.code(), StatusCode::kInternal) << shape;
  }
}

TEST_P(Conformance, AMessageThatIsCutOffIsAnError) {
  if (GetParam() == Family::kGrpcWebText) return;
  for (const Shape shape : kShapes) {
    if (is_connect() && shape == kUnary) continue;
    for (const std::size_t bytes : {3u, 5u, 8u}) {
      const ClientCall call = call_of(shape);
      gateway::HttpRequest request = request_of(call, {});
      request.body = Buffer::copy(envelope("message").substr(0, bytes));
      EXPECT_THAT(outcome(call, std::move(request)).status.code(),
                  AnyOf(StatusCode::kInvalidArgument, StatusCode::kInternal))
          << shape << " " << bytes;
    }
  }
}

TEST_P(Conformance, MessagesUpToTheLimitAreTaken) {
  const std::string most(kMostBytes, 'm');
  const std::string more(kMostBytes + 1, 'm');
  const Metadata wishes = {{"x-pieces", "1"}};
  for (const Shape shape : kShapes) {
    EXPECT_TRUE(ask(shape, {most}, wishes).status.is_ok()) << shape;
    const Outcome out = ask(shape, {more}, wishes);
    EXPECT_EQ(out.status.code(), StatusCode::kResourceExhausted) << shape << out.status;
    EXPECT_THAT(out.messages, IsEmpty());
  }
  for (const Shape shape : {kClientStream, kDuplex}) {
    EXPECT_TRUE(ask(shape, {most, most}).status.is_ok()) << shape;
    EXPECT_EQ(ask(shape, {most, more}, wishes).status.code(), StatusCode::kResourceExhausted);
  }
}

TEST_P(Conformance, DeadlinesReachTheHandlerAndEndTheCall) {
  for (const Shape shape : kShapes) {
    ClientCall call = call_of(shape);
    call.timeout = 2s;
    EXPECT_TRUE(outcome(call, request_of(call, {"m"})).status.is_ok());
    EXPECT_LE(script->time_left, Duration(2s)) << shape;
    EXPECT_GT(script->time_left, Duration(1900ms)) << shape;
    call.timeout = 200ms;
    call.metadata = {{"x-pause", "1500"}};
    const LocalTime begun = lab.client_side->now();
    const Outcome late = outcome(call, request_of(call, {"m"}));
    EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded) << shape << late.status;
    EXPECT_LT(lab.client_side->now() - begun, Duration(400ms)) << shape;
  }
}

// The time that the body takes is the call's.
TEST_P(Conformance, ADeadlineCountsFromTheHead) {
  for (const Shape shape : kShapes) {
    ClientCall call = call_of(shape);
    call.timeout = 2s;
    gateway::HttpRequest request = request_of(call, {"m"});
    const Buffer body = std::exchange(request.body, {});
    request.streams_body = true;
    auto exchange = lab.http->request(std::move(request));
    ASSERT_TRUE(exchange) << exchange.status();
    lab.run_for(1500ms);
    const auto written = lab.run(exchange->write(body));
    ASSERT_TRUE(written && written->is_ok());
    EXPECT_TRUE(exchange->finish().is_ok());
    lab.run_for(100ms);
    EXPECT_LE(script->time_left, Duration(500ms)) << shape;
    EXPECT_GT(script->time_left, Duration(300ms)) << shape;
  }
}

TEST_P(Conformance, MessagesAreSentAsTheyCome) {
  for (const Shape shape : {kServerStream, kDuplex}) {
    const ClientCall call = call_of(shape, {{"x-pieces", "5"}});
    auto exchange = lab.http->request(request_of(call, {"m"}));
    ASSERT_TRUE(exchange) << exchange.status();
    std::vector<LocalTime> times;
    for (int i = 0; i < 5; ++i) {
      const auto piece = lab.run(exchange->read(), 1s);
      ASSERT_TRUE(piece && *piece && **piece) << shape;
      times.push_back(lab.client_side->now());
      if (i > 0) {
        EXPECT_GE(times[i] - times[i - 1], Duration(30ms)) << shape;
      }
    }
  }
}

TEST_P(Conformance, RequestsThatAreNoCallsAreRefusedBeforeAnythingRuns) {
  for (const Shape shape : kShapes) {
    EXPECT_EQ(ask_with(shape, {"m"}, "content-type", "image/jpeg").http_status, 415);
    const ClientCall call = call_of(shape);
    for (const char* verb : {"DELETE", "PUT"}) {
      gateway::HttpRequest request = request_of(call, {"m"});
      request.method = verb;
      EXPECT_EQ(lab.fetch(std::move(request)).status, 405) << verb;
    }
    ClientCall unknown = call;
    unknown.method = "conformance.v1.Unknown/Method";
    EXPECT_EQ(outcome(unknown, request_of(unknown, {"m"})).status.code(),
              StatusCode::kUnimplemented);
  }
  EXPECT_EQ(script->calls, 0);
}

INSTANTIATE_TEST_SUITE_P(Protocols, Conformance,
                         ::testing::Values(Family::kConnect, Family::kGrpc, Family::kGrpcWeb,
                                           Family::kGrpcWebText),
                         [](const auto& family) -> std::string {
                           switch (family.param) {
                             case Family::kConnect:
                               return "Connect";
                             case Family::kGrpc:
                               return "Grpc";
                             case Family::kGrpcWeb:
                               return "GrpcWeb";
                             case Family::kGrpcWebText:
                               return "GrpcWebText";
                           }
                           return "";
                         });

// ---- Connect's GET.

class ConformanceOfGet : public Conformance {
 protected:
  Outcome get(const std::string& query, const http3::Fields& more = {}) {
    ClientCall call = call_of(kUnary);
    gateway::HttpRequest request("GET", "/" + call.method + "?" + query);
    request.fields = more;
    return outcome(call, std::move(request));
  }
};

TEST_P(ConformanceOfGet, CarriesItsMessageInEveryForm) {
  const Buffer packed = *gateway::gzip(Buffer::copy(std::string(500, 'g')));
  EXPECT_THAT(get("connect=v1&encoding=proto&message=plain").messages, ElementsAre("plain"));
  EXPECT_THAT(get("encoding=proto&message=%00%01%20%2B%26%3D%25%2F%FF").messages,
              ElementsAre(std::string("\0\1 +&=%/\xFF", 9)));
  EXPECT_THAT(get("message=AAEg&base64=1&encoding=proto").messages,
              ElementsAre(std::string("\0\1 ", 3)));
  EXPECT_THAT(get("encoding=proto&message=&base64=1").messages, ElementsAre(""));
  EXPECT_THAT(
      get("encoding=proto&base64=1&compression=gzip&message=" + gateway::to_base64(packed.view()))
          .messages,
      ElementsAre(std::string(500, 'g')));
}

TEST_P(ConformanceOfGet, HasMetadataTrailersErrorsAndADeadline) {
  const Outcome out = get("encoding=proto&message=m", {{"x-give-header", "foo"},
                                                       {"x-give-header", "bar"},
                                                       {"x-give-trailer", "bing"},
                                                       {"x-conformance-test", "Value1"},
                                                       {"x-conformance-test", "Value2"}});
  EXPECT_THAT(out.headers(), ElementsAre("foo", "bar"));
  EXPECT_THAT(out.trailers(), ElementsAre("bing"));
  EXPECT_THAT(out.values(script->last, "x-conformance-test"), ElementsAre("Value1", "Value2"));
  EXPECT_EQ(get("encoding=proto&message=m", {{"x-code", "5"}}).status.code(),
            StatusCode::kNotFound);
  const Outcome late =
      get("encoding=proto&message=m", {{"x-pause", "1500"}, {"connect-timeout-ms", "200"}});
  EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded);
}

TEST_P(ConformanceOfGet, WithoutWhatItNeedsIsRefused) {
  EXPECT_EQ(get("encoding=proto").http_status, 400);
  EXPECT_EQ(get("message=m").http_status, 415);
  EXPECT_EQ(get("encoding=xml&message=m").http_status, 415);
  EXPECT_EQ(get("connect=v2&encoding=proto&message=m").http_status, 400);
  EXPECT_EQ(get("encoding=proto&message=m&compression=br").http_status, 501);
  EXPECT_EQ(script->calls, 0);
}

INSTANTIATE_TEST_SUITE_P(Protocols, ConformanceOfGet, ::testing::Values(Family::kConnect));

}  // namespace
}  // namespace echostream::testing
