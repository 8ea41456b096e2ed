#include "runtime/gateway/client/http_exchange.h"

#include <gmock/gmock.h>

#include <vector>

#include "runtime/gateway/client/http_client_test_support.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::uint64_t kCancelled = 0x10c;

// A client that has one exchange under way, whose request the server has seen.
struct OneExchange : SimHttp {
  explicit OneExchange(HttpRequest asked = HttpRequest(), std::uint64_t seed = 1)
      : SimHttp(seed, slow_link()) {
    EXPECT_TRUE(connect().is_ok());
    exchange = client->request(std::move(asked)).value();
    EXPECT_TRUE(run_until([&] { return !server->requests.empty(); }));
  }
  static LinkOptions slow_link() {
    LinkOptions link;
    link.delay = 5ms;
    return link;
  }
  HttpTestServer::Request& asked() { return request(0); }

  std::optional<HttpExchange> exchange;
};

TEST(HttpExchange, BothBodiesComeAndGoPieceByPiece) {
  OneExchange world(streamed_post("/talk"));
  world.asked().begin(200, {{"content-type", "text/plain"}});
  EXPECT_EQ(world.run(world.exchange->head())->fields.get("content-type"), "text/plain");
  for (const char* word : {"one", "two", "three"}) {
    const std::size_t before = world.asked().body.size();
    EXPECT_TRUE(world.run(world.exchange->write(Buffer::copy(word))).is_ok());
    ASSERT_TRUE(world.run_until([&] { return world.asked().body.size() > before; }));
    EXPECT_EQ(world.asked().body.substr(before), word);
    world.asked().write(word);
    const auto piece = world.run(world.exchange->read());
    ASSERT_TRUE(piece && *piece) << piece.status();
    EXPECT_EQ((*piece)->text(), word);
  }
  EXPECT_FALSE(world.asked().has_ended);
  EXPECT_TRUE(world.exchange->finish({{"x-end", "of request"}}).is_ok());
  ASSERT_TRUE(world.run_until([&] { return world.asked().has_ended; }));
  EXPECT_EQ(world.asked().trailers, (Fields{{"x-end", "of request"}}));
  world.asked().finish({{"x-end", "of response"}});
  const auto end = world.run(world.exchange->read());
  ASSERT_TRUE(end) << end.status();
  EXPECT_FALSE(end->has_value());
  EXPECT_EQ(world.exchange->trailers(), (Fields{{"x-end", "of response"}}));
  EXPECT_EQ(world.run(world.exchange->write(Buffer::copy("x"))).code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(world.exchange->finish().code(), StatusCode::kFailedPrecondition);
  world.exchange.reset();
  world.run_for(1s);
  EXPECT_FALSE(world.asked().reset_code);
  EXPECT_TRUE(world.asked().is_closed);
}

TEST(HttpExchange, TrailersThatCannotBeSentAreRefused) {
  OneExchange world(streamed_post("/"));
  EXPECT_EQ(world.exchange->finish({{"x", "a\nb"}}).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(world.exchange->finish({{"x", "ab"}}).is_ok());
}

Task<std::size_t> write_until_it_fails(HttpExchange& exchange, std::size_t& written) {
  for (;;) {
    Buffer piece = Buffer::build(16'384, [](MutableBytes out) {
      for (auto& byte : out) byte = 'x';
    });
    const std::size_t bytes = piece.size();
    const Status status = co_await exchange.write(std::move(piece));
    if (!status.is_ok()) co_return written;
    written += bytes;
  }
}

TEST(HttpExchange, AServerThatDoesNotReadHoldsTheWriterBack) {
  OneExchange world(streamed_post("/"));
  world.server->consumes = false;
  std::size_t written = 0;
  std::optional<std::size_t> result;
  TaskGroup group(world.client_loop);
  group.spawn(internal::store(write_until_it_fails(*world.exchange, written), result));
  world.run_for(30s);
  const std::size_t received = world.asked().body.size();
  EXPECT_GT(received, 500'000u);
  EXPECT_LE(received, 1024u * 1024);
  EXPECT_LE(written, received + 64 * 1024 + 16'384);
  EXPECT_FALSE(result);
  // As it reads on, more is written.
  world.server->consumes = true;
  world.asked().connection.http().consume(world.asked().id, received);
  world.asked().connection.flush_soon();
  ASSERT_TRUE(world.run_until([&] { return world.asked().body.size() > 3'000'000; }));
  world.exchange->cancel();
  ASSERT_TRUE(world.run_until([&] { return result.has_value(); }));
  ASSERT_TRUE(world.run_until([&] { return world.asked().reset_code.has_value(); }));
  EXPECT_EQ(world.asked().reset_code, kCancelled);
}

TEST(HttpExchange, AReaderThatDoesNotReadHoldsTheServerBack) {
  OneExchange world;
  const std::string text = numbered_text(4'000'000);
  world.asked().answer(200, text);
  world.run_for(10s);
  EXPECT_GE(world.asked().unsent_bytes(), 4'000'000u - 1024 * 1024 - 100);
  std::string received;
  for (;;) {
    const auto piece = world.run(world.exchange->read());
    ASSERT_TRUE(piece) << piece.status();
    if (!*piece) break;
    EXPECT_LE((*piece)->size(), 1024u * 1024);
    received += (*piece)->text();
  }
  EXPECT_TRUE(received == text);
}

TEST(HttpExchange, WhatNobodyReadsGivesItsRoomBackWhenTheExchangeGoes) {
  OneExchange world;
  world.server->on_head = [](HttpTestServer::Request& request) {
    request.answer(200, numbered_text(2'000'000));
  };
  // Together far more than the connection's window.
  for (int round = 0; round < 30; ++round) {
    auto unread = world.client->request(HttpRequest());
    ASSERT_TRUE(unread);
    world.run_for(300ms);
  }
  const auto response = world.fetch(HttpRequest());
  ASSERT_TRUE(response) << response.status();
  EXPECT_EQ(response->body.size(), 2'000'000u);
}

TEST(HttpExchange, AResetSaysItsCodeAfterWhatCameBefore) {
  OneExchange world;
  world.asked().begin(200);
  world.asked().write("partly");
  world.run_for(1s);
  world.asked().reset(Http3Error::kInternalError);
  world.run_for(1s);
  EXPECT_EQ(world.run(world.exchange->head())->status, 200);
  EXPECT_EQ((*world.run(world.exchange->read()))->text(), "partly");
  const auto error = world.run(world.exchange->read());
  EXPECT_EQ(error.status().code(), StatusCode::kInternal);
  EXPECT_THAT(error.status().to_string(), HasSubstr("H3_INTERNAL_ERROR"));
  EXPECT_FALSE(world.exchange->is_unprocessed());
  EXPECT_TRUE(world.client->status().is_ok());
}

TEST(HttpExchange, ARejectedRequestWasNotProcessed) {
  OneExchange world(post("/", "body"));
  world.asked().reset(Http3Error::kRequestRejected);
  const auto head = world.run(world.exchange->head());
  EXPECT_EQ(head.status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(world.exchange->is_unprocessed());
}

TEST(HttpExchange, AServerMayAnswerWithoutTheRestOfTheRequest) {
  OneExchange world(streamed_post("/"));
  world.asked().begin(413);
  world.asked().write("too long");
  world.asked().finish();
  world.asked().stop_reading(Http3Error::kNoError);
  EXPECT_EQ(world.run(world.exchange->head())->status, 413);
  // Told when the stream is written to (ngtcp2 1.11).
  Status status;
  for (int i = 0; i < 100 && status.is_ok(); ++i) {
    status = world.run(world.exchange->write(Buffer::copy("more")));
    world.run_for(20ms);
  }
  EXPECT_EQ(status.code(), StatusCode::kAborted) << status;
  EXPECT_EQ((*world.run(world.exchange->read()))->text(), "too long");
  EXPECT_FALSE(world.run(world.exchange->read())->has_value());
}

TEST(HttpExchange, ItsTimeoutEndsItAtBothEnds) {
  HttpRequest asked;
  asked.timeout = 2s;
  OneExchange world(std::move(asked));
  const Duration before = world.sim.elapsed();
  const auto head = world.run(world.exchange->head());
  EXPECT_EQ(head.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_LE(world.sim.elapsed() - before, 2s);
  ASSERT_TRUE(world.run_until([&] { return world.asked().reset_code || world.asked().stop_code; }));
}

TEST(HttpExchange, ItsTimeoutHoldsForThoseWhoWaitForAStreamOrForNothing) {
  HttpTestServer::Options one;
  one.quic.max_bidirectional_streams = 1;
  SimHttp world(1, {}, one);
  ASSERT_TRUE(world.connect().is_ok());
  HttpRequest asked;
  asked.timeout = 2s;
  auto under_way = world.client->request(asked);
  auto waiting = world.client->request(asked);
  ASSERT_TRUE(under_way && waiting);
  world.run_for(1900ms);
  EXPECT_EQ(world.server->requests.size(), 1u);
  world.run_for(200ms);
  EXPECT_TRUE(world.request(0).reset_code || world.request(0).stop_code);
  EXPECT_EQ(world.server->requests.size(), 1u);
  EXPECT_EQ(world.run(waiting->head()).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(world.run(under_way->head()).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(waiting->is_unprocessed());
  EXPECT_FALSE(under_way->is_unprocessed());
}

TEST(HttpExchange, ABodyMayBeginAndEndBeforeThereIsAStream) {
  HttpTestServer::Options one;
  one.quic.max_bidirectional_streams = 1;
  SimHttp world(1, {}, one);
  ASSERT_TRUE(world.connect().is_ok());
  auto first = world.client->request(HttpRequest());
  auto empty = world.client->request(streamed_post("/empty"));
  auto written = world.client->request(streamed_post("/written"));
  ASSERT_TRUE(first && empty && written);
  EXPECT_TRUE(empty->finish({{"x-end", "1"}}).is_ok());
  std::optional<Status> status;
  TaskGroup group(world.client_loop);
  group.spawn(internal::store(written->write(Buffer::copy("late")), status));
  world.run_for(1s);
  EXPECT_FALSE(status);
  world.server->on_end = [](HttpTestServer::Request& request) { request.answer(200, "ok"); };
  world.request(0).answer(200, "ok");
  ASSERT_TRUE(world.run_until([&] { return status.has_value(); }));
  EXPECT_TRUE(status->is_ok()) << *status;
  EXPECT_TRUE(written->finish().is_ok());
  EXPECT_EQ(world.run(empty->head())->status, 200);
  EXPECT_EQ(world.run(written->head())->status, 200);
  EXPECT_EQ(world.request(1).trailers, (Fields{{"x-end", "1"}}));
  EXPECT_EQ(world.request(2).body, "late");
}

Task<Status> with_deadline(HttpExchange& exchange) {
  auto head = co_await exchange.head();
  co_return head.status();
}

TEST(HttpExchange, TheDeadlineOfTheCallThatAsksHoldsToo) {
  OneExchange world;
  for (const bool cancels : {false, true}) {
    auto exchange = world.client->request(HttpRequest());
    CallContext call(cancels ? kNever : world.client_loop.now() + 2s);
    std::optional<Status> status;
    TaskGroup group(world.client_loop);
    group.spawn(internal::store(with_deadline(*exchange), status), &call);
    world.run_for(1s);
    EXPECT_FALSE(status);
    if (cancels) call.cancel();
    world.run_for(1s + 1ms);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->code(), cancels ? StatusCode::kCancelled : StatusCode::kDeadlineExceeded);
  }
}

TEST(HttpExchange, DestroyingItCancelsTheRequestAndWakesWhoeverWaits) {
  OneExchange world(streamed_post("/"));
  std::optional<Result<HttpHead>> head;
  TaskGroup group(world.client_loop);
  group.spawn(internal::store(world.exchange->head(), head));
  world.run_for(1s);
  world.exchange.reset();
  ASSERT_TRUE(world.run_until([&] { return world.asked().reset_code.has_value(); }));
  EXPECT_EQ(world.asked().reset_code, kCancelled);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status().code(), StatusCode::kCancelled);
  EXPECT_EQ(world.client->request_count(), 0u);
}

TEST(HttpExchange, DroppingAFetchCancelsIt) {
  OneExchange world;
  std::optional<Result<HttpResponse>> response;
  TaskGroup group(world.client_loop);
  group.spawn(internal::store(world.client->fetch(streamed_post("/dropped")), response));
  ASSERT_TRUE(world.run_until([&] { return world.server->requests.size() == 2; }));
  group.clear();
  ASSERT_TRUE(world.run_until([&] { return world.request(1).reset_code.has_value(); }));
  EXPECT_EQ(world.request(1).reset_code, kCancelled);
}

// Cancelled at each step of a whole exchange, in either direction; others go on.
TEST(HttpExchange, S08_CancellingAtAnyMomentHurtsNobodyElse) {
  for_each_seed(3, [](std::uint64_t seed) {
    OneExchange world(HttpRequest(), seed);
    world.server->on_end = [](HttpTestServer::Request& request) {
      request.answer(200, request.body, {{"x-more", std::string(100, 'x')}});
    };
    const std::string text = numbered_text(200'000);
    for (int step = 0; step < 60; ++step) {
      auto cancelled = world.client->request(post("/cancelled", text));
      auto other = world.client->request(post("/other", text));
      ASSERT_TRUE(cancelled && other);
      world.run_for(step * 1ms);
      if (step % 2 == 0) {
        cancelled->cancel();
      } else if (world.request(world.server->requests.size() - 1).path() == "/cancelled") {
        world.request(world.server->requests.size() - 1).reset(Http3Error::kRequestCancelled);
      }
      std::string received;
      for (;;) {
        const auto piece = world.run(other->read());
        ASSERT_TRUE(piece) << "step " << step << ": " << piece.status();
        if (!*piece) break;
        received += (*piece)->text();
      }
      ASSERT_TRUE(received == text) << "step " << step;
    }
    EXPECT_TRUE(world.client->status().is_ok());
  });
}

TEST(HttpExchange, S09_ATimeoutAtAnyMomentGivesTheWholeResponseOrNone) {
  OneExchange world;
  const std::string text = numbered_text(100'000);
  world.server->on_end = [&](HttpTestServer::Request& request) { request.answer(200, text); };
  int late = 0;
  for (int step = 0; step < 60; ++step) {
    HttpRequest asked = post("/", text);
    asked.timeout = step * 1ms;
    const auto response = world.fetch(std::move(asked));
    if (response) {
      EXPECT_TRUE(response->body.text() == text) << "step " << step;
    } else {
      EXPECT_EQ(response.status().code(), StatusCode::kDeadlineExceeded) << response.status();
      ++late;
    }
  }
  EXPECT_GT(late, 10);
  EXPECT_LT(late, 60);
  world.run_for(1s);
  for (const auto& request : world.server->requests) {
    if (request->path() == "/" && request->head.get(":method") == "POST") {
      EXPECT_TRUE(request->is_closed);
    }
  }
  EXPECT_EQ(world.client->request_count(), 1u);
}

}  // namespace
}  // namespace echostream::testing
