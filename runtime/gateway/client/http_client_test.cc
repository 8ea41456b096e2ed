#include "runtime/gateway/client/http_client.h"

#include <gmock/gmock.h>

#include <vector>

#include "runtime/gateway/client/http_client_test_support.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Answers each request with its own body.
void echo(HttpTestServer& server) {
  server.on_end = [](HttpTestServer::Request& request) {
    request.begin(200, {{"content-type", "text/plain"}, {"x-path", request.path()}});
    request.write(request.body);
    request.finish({{"x-bytes", std::to_string(request.body.size())}});
  };
}

TEST(HttpClient, FetchesAResponseWithItsFieldsAndTrailers) {
  SimHttp world;
  echo(*world.server);
  ASSERT_TRUE(world.connect().is_ok());
  HttpRequest asked = post("/a?b=c", "hello");
  asked.fields = {{"x-question", "42"}};
  const auto response = world.fetch(std::move(asked));
  ASSERT_TRUE(response) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->fields, (Fields{{"content-type", "text/plain"}, {"x-path", "/a?b=c"}}));
  EXPECT_EQ(response->body.text(), "hello");
  EXPECT_EQ(response->trailers, (Fields{{"x-bytes", "5"}}));
  EXPECT_EQ(world.request(0).head, (Fields{{":method", "POST"},
                                           {":scheme", "https"},
                                           {":authority", "server.test:4433"},
                                           {":path", "/a?b=c"},
                                           {"x-question", "42"},
                                           {"content-length", "5"}}));
  EXPECT_EQ(world.client->remote_address().to_string(), "10.0.0.1:4433");
  EXPECT_EQ(world.client->peer_identity()->fingerprint(), world.identity.fingerprint());
  EXPECT_EQ(world.client->request_count(), 0u);
}

TEST(HttpClient, AnyStatusOfHttpIsAResponse) {
  SimHttp world;
  world.server->on_head = [](HttpTestServer::Request& request) {
    request.answer(std::stoi(request.path().substr(1)), "");
  };
  ASSERT_TRUE(world.connect().is_ok());
  for (const int status : {204, 302, 404, 500, 599}) {
    const auto response = world.fetch(HttpRequest("GET", "/" + std::to_string(status)));
    ASSERT_TRUE(response) << response.status();
    EXPECT_EQ(response->status, status);
    EXPECT_TRUE(response->body.empty());
  }
}

TEST(HttpClient, AnAnswerToHeadHasALengthButNoBody) {
  SimHttp world;
  world.server->on_head = [](HttpTestServer::Request& request) {
    request.begin(200, {{"content-length", "100000000"}}, true);
  };
  ASSERT_TRUE(world.connect().is_ok());
  const auto response = world.fetch(HttpRequest("HEAD", "/"));
  ASSERT_TRUE(response) << response.status();
  EXPECT_EQ(response->fields.get("content-length"), "100000000");
  EXPECT_TRUE(response->body.empty());
}

TEST(HttpClient, BodiesAreExactOnABadNetwork) {
  for_each_seed(10, [](std::uint64_t seed) {
    LinkOptions link;
    link.delay = 10ms;
    link.jitter = 5ms;
    link.loss = 0.05;
    link.reorder = 0.05;
    link.corrupt = 0.01;
    SimHttp world(seed, link);
    world.options.handshake_timeout = 120s;
    echo(*world.server);
    ASSERT_TRUE(world.connect().is_ok());
    const std::string text = numbered_text(500'000 + seed);
    const auto response = world.fetch(post("/", text));
    ASSERT_TRUE(response) << response.status();
    EXPECT_TRUE(response->body.text() == text);
  });
}

Task<std::size_t> fetch_many(HttpClient& client, std::size_t count) {
  const auto internal = co_await internal::current_context();
  TaskGroup group(*internal.executor);
  std::size_t good = 0;
  const auto one = [](HttpClient& asked, std::size_t n, std::size_t& counter) -> Task<void> {
    const std::string text = "request " + std::to_string(n);
    HttpRequest request = post("/", text);
    auto response = co_await asked.fetch(std::move(request));
    if (response && response->body.text() == text) ++counter;
  };
  for (std::size_t n = 0; n < count; ++n) group.spawn(one(client, n, good));
  co_await group.join();
  co_return good;
}

TEST(HttpClient, R12_RequestsWaitForStreamsAndNoneFails) {
  HttpTestServer::Options few;
  few.quic.max_bidirectional_streams = 10;
  LinkOptions link;
  link.delay = 2ms;
  SimHttp world(1, link, few);
  echo(*world.server);
  ASSERT_TRUE(world.connect().is_ok());
  EXPECT_EQ(world.run(fetch_many(*world.client, 5000)), 5000u);
  EXPECT_EQ(world.client->request_count(), 0u);
}

TEST(HttpClient, TooManyWaitingRequestsAreRefused) {
  HttpTestServer::Options few;
  few.quic.max_bidirectional_streams = 2;
  SimHttp world(1, {}, few);
  world.options.max_waiting_requests = 3;
  ASSERT_TRUE(world.connect().is_ok());
  std::vector<HttpExchange> exchanges;
  for (int i = 0; i < 5; ++i) {
    auto exchange = world.client->request(HttpRequest());
    ASSERT_TRUE(exchange) << exchange.status();
    exchanges.push_back(*std::move(exchange));
  }
  EXPECT_EQ(world.client->request_count(), 5u);
  const auto refused = world.client->request(HttpRequest());
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  exchanges.pop_back();
  EXPECT_TRUE(world.client->request(HttpRequest()));
}

TEST(HttpClient, R01_ABodyOverTheLimitIsNotCollected) {
  SimHttp world;
  world.options.max_response_bytes = 100'000;
  world.server->on_head = [](HttpTestServer::Request& request) {
    const std::size_t bytes = std::stoul(request.path().substr(2));
    const bool announced = request.path()[1] == 'a';
    const Fields length{{"content-length", std::to_string(bytes)}};
    request.answer(200, numbered_text(bytes), announced ? length : Fields());
  };
  ASSERT_TRUE(world.connect().is_ok());
  for (const char* path : {"/a100000", "/s100000"}) {
    const auto whole = world.fetch(HttpRequest("GET", path));
    ASSERT_TRUE(whole) << whole.status();
    EXPECT_EQ(whole->body.size(), 100'000u);
  }
  for (const char* path : {"/a100001", "/s100001", "/s9000000"}) {
    const auto refused = world.fetch(HttpRequest("GET", path));
    EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted) << path;
    EXPECT_THAT(refused.status().to_string(), HasSubstr("more than 100000 bytes"));
  }
  EXPECT_TRUE(world.fetch(HttpRequest("GET", "/a1")));
}

TEST(HttpClient, H02_HeadersAndTrailersOverTheLimitFailTheirRequestAlone) {
  SimHttp world;
  world.options.max_field_section_bytes = 4096;
  world.server->on_head = [](HttpTestServer::Request& request) {
    const Fields large{{"x-large", std::string(5000, 'x')}};
    request.begin(200, request.path() == "/headers" ? large : Fields());
    request.write("body");
    request.finish(request.path() == "/trailers" ? large : Fields());
  };
  ASSERT_TRUE(world.connect().is_ok());
  for (const char* path : {"/headers", "/trailers"}) {
    const auto response = world.fetch(HttpRequest("GET", path));
    EXPECT_EQ(response.status().code(), StatusCode::kResourceExhausted) << path;
    EXPECT_THAT(response.status().to_string(), HasSubstr("max_field_section_bytes"));
  }
  EXPECT_TRUE(world.fetch(HttpRequest("GET", "/small")));
}

TEST(HttpClient, H02_AHeaderBombEndsTheConnection) {
  SimHttp world;
  world.options.max_field_section_bytes = 1000;
  world.server->on_head = [](HttpTestServer::Request& request) {
    Fields bomb;
    for (int i = 0; i < 1000; ++i) bomb.add("accept-encoding", "gzip, deflate, br");
    request.begin(200, bomb, true);
  };
  ASSERT_TRUE(world.connect().is_ok());
  EXPECT_FALSE(world.fetch(HttpRequest()));
  ASSERT_TRUE(world.run_until([&] { return !world.client->status().is_ok(); }));
  EXPECT_THAT(world.client->status().to_string(), HasSubstr("H3_EXCESSIVE_LOAD"));
}

TEST(HttpClient, WhatCannotBeARequestIsNotSent) {
  SimHttp world;
  ASSERT_TRUE(world.connect().is_ok());
  HttpRequest split("GET", "/");
  split.fields = {{"x", "a\r\ny: b"}};
  EXPECT_EQ(world.fetch(std::move(split)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(world.fetch(HttpRequest("GET", "a b")).status().code(), StatusCode::kInvalidArgument);
  world.run_for(1s);
  EXPECT_TRUE(world.server->requests.empty());
}

TEST(HttpClient, H04_AServerThatGoesAwayFinishesWhatItBeganAndGetsNothingNew) {
  HttpTestServer::Options few;
  few.quic.max_bidirectional_streams = 1;
  SimHttp world(1, {}, few);
  ASSERT_TRUE(world.connect().is_ok());
  auto begun = world.client->request(HttpRequest("GET", "/begun"));
  auto waiting = world.client->request(HttpRequest("GET", "/waiting"));
  ASSERT_TRUE(begun && waiting);
  ASSERT_TRUE(world.run_until([&] { return !world.server->requests.empty(); }));
  world.server->connections[0]->http().refuse_requests();
  world.server->connections[0]->flush_soon();
  ASSERT_TRUE(world.run_until([&] { return !world.client->status().is_ok(); }));

  const auto head = world.run(waiting->head());
  EXPECT_EQ(head.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(head.status().to_string(), HasSubstr("did not process the request"));
  EXPECT_TRUE(waiting->is_unprocessed());
  const auto refused = world.client->request(HttpRequest());
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.status().to_string(), HasSubstr("GOAWAY"));

  world.request(0).answer(200, "done");
  EXPECT_EQ(world.run(begun->head())->status, 200);
  EXPECT_EQ((*world.run(begun->read()))->text(), "done");
  EXPECT_FALSE(begun->is_unprocessed());
}

TEST(HttpClient, H04_ARequestThatCrossesTheGoawayIsKnownToBeUnprocessed) {
  LinkOptions link;
  link.delay = 50ms;
  SimHttp world(1, link);
  ASSERT_TRUE(world.connect().is_ok());
  world.run_for(1s);
  world.server->connections[0]->http().refuse_requests();
  world.server->connections[0]->flush_soon();
  world.run_for(20ms);
  auto late = world.client->request(HttpRequest());
  ASSERT_TRUE(late) << late.status();
  const auto head = world.run(late->head());
  EXPECT_EQ(head.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(head.status().to_string(), HasSubstr("H3_REQUEST_REJECTED"));
  EXPECT_TRUE(late->is_unprocessed());
  world.run_for(1s);
  EXPECT_TRUE(world.server->requests.empty());
}

TEST(HttpClient, ALostConnectionFailsWhatIsUnderWayAndWhatComes) {
  SimHttp world;
  world.options.idle_timeout = 5s;
  ASSERT_TRUE(world.connect().is_ok());
  auto exchange = world.client->request(HttpRequest());
  ASSERT_TRUE(exchange);
  ASSERT_TRUE(world.run_until([&] { return !world.server->requests.empty(); }));
  LinkOptions cut;
  cut.cut = true;
  world.sim.set_link("server", "client", cut);
  const auto head = world.run(exchange->head());
  EXPECT_EQ(head.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(head.status().to_string(), HasSubstr("the connection was lost"));
  EXPECT_FALSE(exchange->is_unprocessed());
  EXPECT_EQ(world.client->request(HttpRequest()).status().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(world.client->status().is_ok());
  EXPECT_EQ(world.client->remote_address().to_string(), "10.0.0.1:4433");
}

TEST(HttpClient, AServerThatClosesSaysWhy) {
  SimHttp world;
  ASSERT_TRUE(world.connect().is_ok());
  auto exchange = world.client->request(HttpRequest());
  ASSERT_TRUE(world.run_until([&] { return !world.server->requests.empty(); }));
  world.server->connections[0]->http().close(Http3Error::kExcessiveLoad, "too much");
  world.server->connections[0]->flush_soon();
  EXPECT_EQ(world.run(exchange->head()).status().to_string(),
            "UNAVAILABLE: the server closed the connection (H3_EXCESSIVE_LOAD): too much");
}

TEST(HttpClient, DestroyingItClosesTheConnectionAndFailsExchanges) {
  SimHttp world;
  ASSERT_TRUE(world.connect().is_ok());
  auto exchange = world.client->request(HttpRequest());
  ASSERT_TRUE(world.run_until([&] { return !world.server->requests.empty(); }));
  std::optional<Result<HttpHead>> head;
  TaskGroup group(world.client_loop);
  group.spawn(internal::store(exchange->head(), head));
  world.run_for(1s);
  world.client.reset();
  ASSERT_TRUE(world.run_until([&] { return head.has_value(); }));
  EXPECT_EQ(head->status().to_string(), "UNAVAILABLE: the HTTP client was closed");
  EXPECT_EQ(world.run(exchange->read()).status().code(), StatusCode::kUnavailable);
  exchange->cancel();
  ASSERT_TRUE(world.run_until([&] { return world.server->connections[0]->closed.has_value(); }));
  EXPECT_EQ(world.server->connections[0]->closed->application_code, 0x100u);
}

}  // namespace
}  // namespace echostream::testing
