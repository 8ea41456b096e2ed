// Connect (connectrpc.com/docs/protocol) with a node's services.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/gateway/gateway_lab.h"

namespace echostream::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST(ConnectUnary, AnswersJsonWithJson) {
  GatewayLab lab;
  const auto response = lab.post_json("Echo", R"({"text": "hello", "number": "7"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.fields.get("content-type"), "application/json");
  EXPECT_THAT(body_of(response), AllOf(HasSubstr(R"("text":"hello")"), HasSubstr(R"("7")")));
}

TEST(ConnectUnary, AnswersProtobufWithProtobuf) {
  GatewayLab lab;
  lab::v1::Text request = text("hello");
  const auto response =
      lab.fetch(GatewayLab::post("Echo", "application/proto", request.SerializeAsString()));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.fields.get("content-type"), "application/proto");
  lab::v1::Text reply;
  ASSERT_TRUE(reply.ParseFromString(body_of(response)));
  EXPECT_EQ(reply.text(), "hello");
}

TEST(ConnectUnary, CarriesMetadataBothWays) {
  GatewayLab lab;
  auto request = GatewayLab::post("Echo", "application/json", "{}");
  request.fields.add("x-echo", "there and back");
  const auto response = lab.fetch(request);
  EXPECT_EQ(lab.server_handler->last_metadata.find("x-echo"), "there and back");
  EXPECT_EQ(response.fields.get("x-echo"), "there and back");
  EXPECT_EQ(response.fields.get("trailer-x-trailer"), "end");
}

TEST(ConnectUnary, TellsErrorsWithTheirCodes) {
  GatewayLab lab;
  const auto response = lab.post_json("Fail", R"({"text": "no such robot", "number": 5})");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.fields.get("content-type"), "application/json");
  EXPECT_THAT(body_of(response),
              AllOf(HasSubstr(R"("code":"not_found")"), HasSubstr("no such robot")));
}

TEST(ConnectUnary, SaysWhereBadJsonIsBad) {
  GatewayLab lab;
  const auto response = lab.post_json("Echo", "{\n  \"text\": \"x\",\n  \"numbr\": 7\n}");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(body_of(response), AllOf(HasSubstr("invalid_argument"), HasSubstr("number")));
  EXPECT_THAT(body_of(response), HasSubstr("3"));
  EXPECT_EQ(lab.server_handler->started, 0);
}

TEST(ConnectUnary, R04_DepthBombsAreRefusedAndOthersServed) {
  GatewayLab lab;
  const auto response = lab.post_json("Echo", std::string(500'000, '['));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(lab.post_json("Echo", "{}").status, 200);
}

TEST(ConnectUnary, R09_UnknownMethodsAreNotFoundWithTheNearestName) {
  GatewayLab lab;
  const auto response = lab.post_json("Ehco", "{}");
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(body_of(response), AllOf(HasSubstr("unimplemented"), HasSubstr("lab.v1.Lab/Echo")));
  EXPECT_EQ(lab.fetch(GatewayLab::post("Echo", "text/plain", "{}")).status, 415);
  gateway::HttpRequest deletion("DELETE", "/lab.v1.Lab/Echo");
  EXPECT_EQ(lab.fetch(deletion).status, 405);
}

TEST(ConnectUnary, GetsWhatHasNoSideEffects) {
  GatewayLab lab;
  gateway::HttpRequest get(
      "GET", "/lab.v1.Lab/Echo?connect=v1&encoding=json&message=%7B%22text%22%3A%22by%20GET%22%7D");
  const auto response = lab.fetch(get);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(body_of(response), HasSubstr("by GET"));
  // One that changes things, and one of which we know only that it may be repeated.
  for (const std::string method : {"Fail", "WhoAmI"}) {
    gateway::HttpRequest other(
        "GET", "/lab.v1.Lab/" + method + "?connect=v1&encoding=json&message=%7B%7D");
    const auto refused = lab.fetch(other);
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.fields.get("allow"), "POST, OPTIONS");
    EXPECT_THAT(body_of(refused), HasSubstr("idempotency_level = NO_SIDE_EFFECTS"));
  }
}

TEST(ConnectUnary, EndsWithTheDeadlineOfTheClient) {
  GatewayLab lab;
  auto request = GatewayLab::post("Delay", "application/json", R"({"number": "5000"})");
  request.fields.add("connect-timeout-ms", "200");
  const auto response = lab.fetch(request);
  EXPECT_EQ(response.status, 504);
  EXPECT_THAT(body_of(response), HasSubstr("deadline_exceeded"));
}

TEST(ConnectUnary, EndsWithTheDeadlineOfTheProtoWhereTheClientHasNone) {
  GatewayLab lab;
  auto exchange =
      lab.http->request(GatewayLab::post("Delay", "application/json", R"({"number": "100000"})"));
  ASSERT_TRUE(exchange);
  const auto head = lab.run(exchange->head(), 70s);
  ASSERT_TRUE(head && *head) << head->status();
  EXPECT_EQ((*head)->status, 504);
}

TEST(ConnectUnary, TakesEventsWithoutAnAnswerOfTheirOwn) {
  GatewayLab lab;
  const auto response = lab.post_json("Note", R"({"text": "a note"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body_of(response), "{}");
  lab.run_for(10ms);
  EXPECT_THAT(lab.server_handler->notes, ::testing::ElementsAre("a note"));
}

TEST(ConnectUnary, RefusesEventsWhileTooManyWaitForTheirHandlers) {
  GatewayLab lab;
  const std::string event = R"({"number":"60000","text":")" + std::string(100'000, 'e') + R"("})";
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const int status = lab.post_json("Note", event).status;
    EXPECT_TRUE(status == 200 || status == 429) << status;
    refused += status == 429 ? 1 : 0;
  }
  // 64 run, and half a megabyte waits.
  EXPECT_GT(refused, 20);
  EXPECT_EQ(lab.post_json("Echo", "{}").status, 200);
}

TEST(ConnectUnary, IsCancelledWithTheClientsRequest) {
  GatewayLab lab;
  {
    auto exchange =
        lab.http->request(GatewayLab::post("Delay", "application/json", R"({"number": "50000"})"));
    ASSERT_TRUE(exchange) << exchange.status();
    lab.run_for(50ms);
    EXPECT_EQ(lab.server_handler->running, 1);
  }
  lab.run_for(50ms);
  EXPECT_EQ(lab.server_handler->running, 0);
  EXPECT_EQ(lab.server_handler->cancelled, 1);
}

TEST(ConnectUnary, ThrowingHandlersAreInternalErrors) {
  GatewayLab lab;
  const auto response = lab.post_json("Throw", "{}");
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(body_of(response), HasSubstr("internal"));
}

TEST(ConnectStream, CountsUpInJson) {
  GatewayLab lab;
  const auto response = lab.fetch(
      GatewayLab::post("CountUp", "application/connect+json", envelope(R"({"count": "3"})")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.fields.get("content-type"), "application/connect+json");
  const auto parts = envelopes(body_of(response));
  ASSERT_THAT(parts, SizeIs(4));
  EXPECT_EQ(parts[0].message, "{}");
  EXPECT_EQ(parts[2].message, R"({"count":"2"})");
  EXPECT_EQ(parts[3].flags & 2, 2);
  EXPECT_EQ(parts[3].message, "{}");
}

TEST(ConnectStream, AddsUpWhatTheClientSends) {
  GatewayLab lab;
  const auto response = lab.fetch(GatewayLab::post(
      "Sum", "application/connect+json",
      envelope(R"({"count":"3"})") + envelope(R"({"count":"4"})") + envelope(R"({"count":"5"})")));
  const auto parts = envelopes(body_of(response));
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(parts[0].message, R"({"count":"12"})");
}

// The handler answers each message before the next one is sent.
Task<int> talk(gateway::HttpClient& http, const std::string& method, int rounds) {
  gateway::HttpRequest request("POST", "/lab.v1.Lab/" + method);
  request.fields.add("content-type", "application/connect+json");
  request.streams_body = true;
  auto exchange = http.request(request);
  if (!exchange) co_return -1;
  int answered = 0;
  for (int i = 0; i < rounds; ++i) {
    Status written = co_await exchange->write(Buffer::copy(envelope(R"({"text":"ping"})")));
    if (!written.is_ok()) co_return -2;
    auto piece = co_await exchange->read();
    if (!piece || !*piece) co_return answered;
    answered += static_cast<int>(envelopes(as_text((*piece)->view())).size());
  }
  Status finished = exchange->finish();
  if (!finished.is_ok()) co_return -3;
  auto last = co_await exchange->read();
  if (!last || !*last) co_return -4;
  co_return answered;
}

TEST(ConnectStream, TalksBothWays) {
  GatewayLab lab;
  EXPECT_EQ(lab.run(talk(*lab.http, "Mirror", 5)), 5);
}

TEST(ConnectStream, CarriesFramesThatNeedNotArrive) {
  GatewayLab lab;
  EXPECT_EQ(lab.run(talk(*lab.http, "ExpiringMirror", 5)), 5);
  EXPECT_EQ(lab.run(talk(*lab.http, "DatagramMirror", 5)), 5);
}

TEST(ConnectStream, GetsAllFramesBeforeTheEnd) {
  GatewayLab lab;
  for (const char* method : {"Expiring", "Datagrams"}) {
    const auto response = lab.fetch(
        GatewayLab::post(method, "application/connect+json", envelope(R"({"count": "10"})")));
    EXPECT_THAT(envelopes(body_of(response)), SizeIs(11)) << method;
  }
}

// More than what waits for a stream at a time, both ways.
TEST(ConnectStream, CarriesMessagesThatAreLargerThanItsQueues) {
  GatewayLab lab;
  const std::string message = R"({"text":")" + std::string(300'000, 'm') + R"("})";
  for (const char* method : {"Mirror", "ExpiringMirror"}) {
    const auto response =
        lab.fetch(GatewayLab::post(method, "application/connect+json",
                                   envelope(message) + envelope(message) + envelope(message)));
    EXPECT_THAT(envelopes(body_of(response)), SizeIs(4)) << method;
  }
}

// What cannot be sent at once waits, and the node goes on.
TEST(ConnectStream, FramesThatNeedNotArriveDoNotHoldTheNodeUp) {
  GatewayLab lab;
  std::string frames;
  for (int i = 0; i < 200; ++i) frames += envelope(R"({"text":")" + std::string(1000, 'f') + "\"}");
  for (const char* method : {"DatagramMirror", "ExpiringMirror"}) {
    const auto response = lab.fetch(GatewayLab::post(method, "application/connect+json", frames));
    EXPECT_EQ(response.status, 200) << method;
    EXPECT_GT(body_of(response).size(), 1000u) << method;
  }
  EXPECT_EQ(lab.post_json("Echo", "{}").status, 200);
}

TEST(ConnectStream, RefusesAStreamAsAUnaryCall) {
  GatewayLab lab;
  EXPECT_EQ(lab.post_json("CountUp", R"({"count": "3"})").status, 415);
}

// A subscription lasts until the client leaves.
Task<std::string> first_news(gateway::HttpClient& http) {
  auto exchange = http.request(
      GatewayLab::post("News", "application/connect+json", envelope(R"({"prefix": "a"})")));
  if (!exchange) co_return exchange.status().to_string();
  auto piece = co_await exchange->read();
  if (!piece || !*piece) co_return "nothing";
  co_return std::string(as_text((*piece)->view()));
}

TEST(ConnectStream, SubscribesToPublishedEvents) {
  GatewayLab lab;
  lab.server_handler->PublishNews(text("about robots"));
  const auto news = lab.run(first_news(*lab.http));
  ASSERT_TRUE(news.has_value());
  EXPECT_THAT(*news, HasSubstr("about robots"));
}

// It may be long before there is something to tell.
TEST(ConnectStream, SubscribersHearThatTheyAreBeforeTheFirstEvent) {
  GatewayLab lab;
  for (const std::string type : {"application/connect+json", "application/connect+proto",
                                 "application/grpc+json", "application/grpc-web+json"}) {
    const std::string filter = type.ends_with("json") ? R"({"prefix": "z"})" : "";
    auto exchange = lab.http->request(GatewayLab::post("News", type, envelope(filter)));
    ASSERT_TRUE(exchange) << exchange.status();
    const auto head = lab.run(exchange->head(), 1s);
    ASSERT_TRUE(head && *head) << type;
    EXPECT_EQ((*head)->status, 200) << type;
    EXPECT_EQ((*head)->fields.get("content-type"), type);
    lab.server_handler->PublishNews(text("zebras"));
    const auto event = lab.run(exchange->read(), 1s);
    ASSERT_TRUE(event && *event && **event) << type;
    EXPECT_THAT(std::string(as_text((**event)->view())), HasSubstr("zebras"));
  }
}

TEST(ConnectStream, ASubscriptionThatIsRefusedSaysSoAtOnce) {
  Lab::Options options;
  options.server_limits.max_subscriptions = 0;
  GatewayLab lab(options);
  const auto response = lab.fetch(GatewayLab::post("News", "application/grpc", envelope("")));
  EXPECT_EQ(response.fields.get("grpc-status"), "8");
}

TEST(Gateway, ServesItsOwnProtocolBesideHttp) {
  GatewayLab lab;
  EXPECT_EQ(lab.post_json("Echo", "{}").status, 200);
  auto reply = lab.run(lab.client().Echo(text("native")));
  ASSERT_TRUE(reply && *reply);
  EXPECT_EQ((*reply)->text(), "native");
  EXPECT_THAT(lab.server_node->sessions(), SizeIs(2));
}

TEST(Gateway, TellsHandlersThatTheClientCannotBeCalled) {
  GatewayLab lab;
  const auto response = lab.post_json("CallBack", R"({"text": "hello"})");
  EXPECT_EQ(response.status, 501);
  EXPECT_THAT(body_of(response), HasSubstr("HTTP client"));
}

TEST(Gateway, LetsRequestsEndWhenItShutsDown) {
  GatewayLab lab;
  auto exchange =
      lab.http->request(GatewayLab::post("Delay", "application/json", R"({"number": "500"})"));
  ASSERT_TRUE(exchange);
  lab.run_for(50ms);
  TaskGroup closing(*lab.server_side);
  closing.spawn(lab.server_node->shutdown(5s));
  lab.run_for(100ms);
  EXPECT_FALSE(lab.http->status().is_ok()) << "GOAWAY has come";
  const auto head = lab.run(exchange->head());
  ASSERT_TRUE(head && *head) << head->status();
  EXPECT_EQ((*head)->status, 200);
}

// A handler, and what it holds, go with the node; who holds the session still may ask it.
TEST(Gateway, ASessionOutlivesItsNode) {
  GatewayLab lab;
  auto exchange =
      lab.http->request(GatewayLab::post("Delay", "application/json", R"({"number": "50000"})"));
  ASSERT_TRUE(exchange);
  lab.run_for(50ms);
  const std::vector<Session> sessions = lab.server_node->sessions();
  ASSERT_THAT(sessions, SizeIs(2));
  lab.server_node.reset();
  lab.server_handler.reset();
  for (Session session : sessions) {
    EXPECT_FALSE(session.is_open());
    EXPECT_TRUE(session.remote_address().is_set());
    session.close();
  }
  const auto head = lab.run(exchange->head());
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->status().code(), StatusCode::kUnavailable) << head->status();
}

TEST(Gateway, SlowBodiesAreGivenUp) {
  HttpOptions options;
  options.body_timeout = 2s;
  GatewayLab lab({}, options);
  gateway::HttpRequest request("POST", "/lab.v1.Lab/Echo");
  request.fields.add("content-type", "application/json");
  request.streams_body = true;
  auto exchange = lab.http->request(request);
  ASSERT_TRUE(exchange);
  const auto head = lab.run(exchange->head(), 10s);
  ASSERT_TRUE(head && *head) << head->status();
  EXPECT_EQ((*head)->status, 504);
}

TEST(Gateway, R01_MessagesOverTheLimitAreRefused) {
  Lab::Options options;
  options.server_limits.max_message_bytes = 10'000;
  GatewayLab lab(options);
  const auto response = lab.post_json("Echo", R"({"text": ")" + std::string(20'000, 'x') + R"("})");
  EXPECT_EQ(response.status, 429);
  EXPECT_THAT(body_of(response), HasSubstr("resource_exhausted"));
}

TEST(Gateway, NeedsToBeSwitchedOnBeforeListening) {
  GatewayLab lab;
  EXPECT_EQ(enable_http(*lab.server_node).code(), StatusCode::kAlreadyExists);
  Lab plain;
  plain.connect();
  EXPECT_EQ(enable_http(*plain.server_node).code(), StatusCode::kFailedPrecondition);
  HttpOptions wrong;
  wrong.body_timeout = {};
  EXPECT_EQ(enable_http(*plain.server_node, wrong).code(), StatusCode::kInvalidArgument);
  HttpOptions never_met;
  never_met.allowed_origins = {"https://console.example", "https://console.example/"};
  EXPECT_EQ(enable_http(*plain.server_node, never_met).code(), StatusCode::kInvalidArgument);
}

// Whatever the network does, a request is answered once, or its client hears that it was lost.
TEST(Gateway, SurvivesALossyNetwork) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Lab::Options options;
    options.seed = seed;
    options.link.delay = 20ms;
    options.link.loss = 0.05;
    GatewayLab lab(options);
    for (int i = 0; i < 20; ++i) {
      const std::string payload(static_cast<std::size_t>(i) * 997, 'p');
      const auto response = lab.post_json("Echo", R"({"text":")" + payload + R"("})");
      EXPECT_EQ(response.status, 200) << "seed " << seed;
      EXPECT_THAT(body_of(response), HasSubstr(payload));
    }
    EXPECT_EQ(lab.server_handler->calls, 20) << "seed " << seed;
  }
}

}  // namespace
}  // namespace echostream::testing
