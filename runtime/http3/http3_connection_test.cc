#include "runtime/http3/http3_connection.h"

#include <gtest/gtest.h>

#include "runtime/http3/http3_test_support.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

std::uint64_t number(Http3Error code) { return static_cast<std::uint64_t>(code); }

// Answers each request with its own body.
void echo(Http3Pair& pair) {
  pair.server.when_end = [&pair](StreamId id) {
    auto& message = pair.server.messages[id.value];
    pair.server.http->respond(id,
                              {{":status", "200"},
                               {"content-type", "text/plain"},
                               {"path", std::string(message.head.get(":path"))}},
                              false);
    pair.server.http->write(id, Buffer::copy(message.body));
    pair.server.http->finish(id, {{"grpc-status", "0"}});
  };
}

TEST(Http3Connection, CarriesARequestAndItsAnswerWithTrailers) {
  Http3Pair pair;
  echo(pair);
  ASSERT_TRUE(pair.connect());
  const StreamId id = pair.post("/a.v1.B/C", "hello");
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].ended; }));
  const auto& request = pair.server.messages[id.value];
  EXPECT_EQ(request.head.get(":method"), "POST");
  EXPECT_EQ(request.head.get(":authority"), "server.test");
  EXPECT_FALSE(request.is_early);
  const auto& answer = pair.client.messages[id.value];
  EXPECT_EQ(answer.head.get(":status"), "200");
  EXPECT_EQ(answer.head.get("path"), "/a.v1.B/C");
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.trailers, (Fields{{"grpc-status", "0"}}));
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].closed; }));
}

TEST(Http3Connection, LargeBodiesAreExactOnAnyNetwork) {
  for_each_seed(20, [](std::uint64_t seed) {
    Http3Pair pair(seed);
    echo(pair);
    ASSERT_TRUE(pair.connect());
    pair.quic.world.link = {.delay = 10ms, .jitter = 5ms, .loss = 0.01};
    const std::string body = pattern(300'000 + seed, seed);
    const StreamId one = pair.post("/one", body);
    const StreamId two = pair.post("/two", body);
    ASSERT_TRUE(pair.run_until([&] {
      return pair.client.messages[one.value].ended && pair.client.messages[two.value].ended;
    }));
    EXPECT_TRUE(pair.client.messages[one.value].body == body);
    EXPECT_TRUE(pair.client.messages[two.value].body == body);
  });
}

// One that has no more for now is no reason to leave the others waiting.
TEST(Http3Connection, AllStreamsThatHaveSomethingAreWrittenAtOnce) {
  Http3Pair pair;
  ASSERT_TRUE(pair.connect());
  pair.server.http->write_later([] {});
  std::vector<StreamId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(pair.post("/" + std::to_string(i), "ask"));
  ASSERT_TRUE(pair.run_until([&] { return pair.server.messages[ids.back().value].ended; }));
  std::string expected;
  for (int round = 0; round < 3; ++round) {
    for (const StreamId id : ids) {
      if (round == 0) pair.server.http->respond(id, {{":status", "200"}}, false);
      for (int i = 0; i < 3; ++i) pair.server.http->write(id, Buffer::copy("piece "));
    }
    expected += "piece piece piece ";
    pair.server.http->flush();
    pair.quic.world.flush(pair.quic.server);
    pair.quic.world.run_for(100ms);
    for (const StreamId id : ids) {
      EXPECT_EQ(pair.client.messages[id.value].body, expected) << id.value;
      EXPECT_EQ(pair.server_connection->unsent_bytes(id), pair.server.http->unsent_bytes(id));
    }
  }
}

// A field section that refers to an entry of QPACK's table waits for it, when that was lost: the
// whole stream may have come, and have been closed, by then.
TEST(Http3Connection, AMessageThatWaitsForQpackIsToldThoughItsStreamHasClosed) {
  for_each_seed(30, [](std::uint64_t seed) {
    Http3Pair pair(seed);
    pair.server.when_end = [&](StreamId id) {
      const std::string path(pair.server.messages[id.value].head.get(":path"));
      pair.server.http->respond(id, {{":status", "200"}, {"content-type", "text/x" + path}}, true);
    };
    ASSERT_TRUE(pair.connect());
    pair.quic.world.link = {.delay = 5ms, .loss = 0.1};
    std::vector<StreamId> ids;
    for (int round = 0; round < 40; ++round) {
      for (int i = 0; i < 3; ++i) ids.push_back(pair.post("/" + std::to_string(round), ""));
      pair.quic.world.flush(pair.quic.client);
      pair.quic.world.run_for(7ms);
    }
    for (const StreamId id : ids) {
      auto& answer = pair.client.messages[id.value];
      ASSERT_TRUE(pair.run_until([&] { return answer.closed; }));
      EXPECT_TRUE(answer.has_head && answer.ended && !answer.reset_code) << id.value;
      EXPECT_TRUE(pair.server.messages[id.value].ended);
    }
  });
}

TEST(Http3Connection, ABodyMayComeInPiecesAndNoneIsKeptOnceItIsSent) {
  Http3Pair pair;
  pair.server.when_head = [&](StreamId id) {
    pair.server.http->respond(id, {{":status", "200"}}, false);
  };
  ASSERT_TRUE(pair.connect());
  const StreamId id = pair.post("/stream", "");
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].has_head; }));
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string piece = pattern(1 + static_cast<std::size_t>(i) * 53, 7);
    expected += piece;
    pair.server.http->write(id, Buffer::copy(piece));
    pair.quic.world.flush(pair.quic.server);
    ASSERT_TRUE(pair.run_until(
        [&] { return pair.client.messages[id.value].body.size() == expected.size(); }));
    EXPECT_EQ(pair.server.http->unsent_bytes(id), 0u);
  }
  pair.server.http->finish(id);
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].ended; }));
  EXPECT_TRUE(pair.client.messages[id.value].body == expected);
}

TEST(Http3Connection, AReaderThatDoesNotConsumeHoldsTheSenderBack) {
  Http3Pair pair;
  pair.client.consumes = false;
  pair.server.when_head = [&](StreamId id) {
    pair.server.http->respond(id, {{":status", "200"}}, false);
    pair.server.http->write(id, Buffer::copy(pattern(8'000'000, 1)));
    pair.server.http->finish(id);
  };
  ASSERT_TRUE(pair.connect());
  const StreamId id = pair.post("/stream", "");
  EXPECT_FALSE(pair.quic.world.run_until([&] { return pair.client.messages[id.value].ended; }, 5s));
  const std::size_t held = pair.client.messages[id.value].body.size();
  EXPECT_GT(held, 0u);
  EXPECT_LT(held, 4'000'000u);
  EXPECT_GT(pair.server.http->unsent_bytes(id), 4'000'000u);
  pair.client.consumes = true;
  pair.client.http->consume(id, held);
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].ended; }));
}

TEST(Http3Connection, H02_ALargeHeaderSectionIsAnsweredWith431) {
  Http3Pair pair;
  ASSERT_TRUE(pair.connect());
  Fields head{
      {":method", "POST"}, {":scheme", "https"}, {":authority", "server.test"}, {":path", "/"}};
  for (int i = 0; i < 300; ++i) head.add("x-" + std::to_string(i), std::string(40, 'v'));
  const StreamId id = pair.client.http->request(head, false).value();
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].ended; }));
  EXPECT_EQ(pair.client.messages[id.value].head.get(":status"), "431");
  EXPECT_TRUE(pair.server.messages[id.value].oversized);
  EXPECT_FALSE(pair.server.messages[id.value].has_head);
  EXPECT_FALSE(pair.client.closed);
}

TEST(Http3Connection, H02_AHeaderBombEndsTheConnection) {
  Http3Pair pair;
  ASSERT_TRUE(pair.connect());
  Fields head{
      {":method", "POST"}, {":scheme", "https"}, {":authority", "server.test"}, {":path", "/"}};
  for (int i = 0; i < 10'000; ++i) head.add("accept-encoding", "gzip, deflate, br");
  ASSERT_TRUE(pair.client.http->request(head, true).has_value());
  ASSERT_TRUE(pair.run_until([&] { return pair.client.closed.has_value(); }));
  EXPECT_EQ(pair.client.closed->application_code, number(Http3Error::kExcessiveLoad));
}

// A GET that is in order, but for what is put in.
Fields get_with(std::initializer_list<Field> more) {
  Fields head{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
  for (const Field& field : more) head.add(field.name, field.value);
  return head;
}

TEST(Http3Connection, MalformedRequestsAreResetAndNotTold) {
  const std::vector<Fields> bad = {
      {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}},  // no path
      {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}},       // no authority
      get_with({{"connection", "close"}}),
      get_with({{":method", "POST"}}),
      get_with({{":unknown", "x"}}),
      get_with({{"content-length", "7"}}),  // and there is no body
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    SCOPED_TRACE(i);
    Http3Pair pair;
    ASSERT_TRUE(pair.connect());
    const StreamId id = pair.client.http->request(bad[i], true).value();
    ASSERT_TRUE(
        pair.run_until([&] { return pair.client.messages[id.value].reset_code.has_value(); }));
    EXPECT_EQ(pair.client.messages[id.value].reset_code, number(Http3Error::kMessageError));
    EXPECT_FALSE(pair.server.messages[id.value].ended);
    // Others go on.
    echo(pair);
    const StreamId good = pair.post("/good", "x");
    ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[good.value].ended; }));
  }
}

TEST(Http3Connection, FieldsWithForbiddenCharactersNeverReachTheSink) {
  Http3Pair pair;
  echo(pair);
  ASSERT_TRUE(pair.connect());
  const StreamId id =
      pair.client.http
          ->request(get_with({{"x", "a\nb"}, {"y", "a\rb"}, {"z z", "c"}, {"ok", "d"}}), true)
          .value();
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].ended; }));
  const Fields& head = pair.server.messages[id.value].head;
  EXPECT_FALSE(head.has("x") || head.has("y") || head.has("z z"));
  EXPECT_EQ(head.get("ok"), "d");
}

TEST(Http3Connection, ARequestThatIsCancelledIsToldAndForgotten) {
  Http3Pair pair;
  ASSERT_TRUE(pair.connect());
  const Fields head{{":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
  const StreamId id = pair.client.http->request(head, false).value();
  ASSERT_TRUE(pair.run_until([&] { return pair.server.messages[id.value].has_head; }));
  pair.client.http->reset(id, Http3Error::kRequestCancelled);
  pair.quic.world.flush(pair.quic.client);
  ASSERT_TRUE(
      pair.run_until([&] { return pair.server.messages[id.value].reset_code.has_value(); }));
  EXPECT_EQ(pair.server.messages[id.value].reset_code, number(Http3Error::kRequestCancelled));
  pair.server.http->reset(id, Http3Error::kRequestCancelled);
  pair.quic.world.flush(pair.quic.server);
  ASSERT_TRUE(pair.run_until([&] { return pair.server.messages[id.value].closed; }));
}

TEST(Http3Connection, H04_AfterGoawayRequestsUnderWayFinishAndNewOnesAreRefused) {
  Http3Pair pair;
  ASSERT_TRUE(pair.connect());
  const StreamId id = pair.post("/slow", "x");
  ASSERT_TRUE(pair.run_until([&] { return pair.server.messages[id.value].ended; }));
  pair.server.http->announce_shutdown();
  pair.server.http->refuse_requests();
  pair.quic.world.flush(pair.quic.server);
  ASSERT_TRUE(pair.run_until([&] { return pair.client.goaways > 0; }));
  const Fields head{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
  const auto late = pair.client.http->request(head, true);
  EXPECT_EQ(late.status().code(), StatusCode::kUnavailable);
  pair.server.http->respond(id, {{":status", "200"}}, true);
  pair.quic.world.flush(pair.quic.server);
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[id.value].ended; }));
  EXPECT_EQ(pair.client.messages[id.value].head.get(":status"), "200");
}

TEST(Http3Connection, H04_RequestsThatCrossAGoawayAreKnownToBeUnprocessedAtOnce) {
  Http3Pair pair;
  ASSERT_TRUE(pair.connect());
  const StreamId early = pair.post("/early", "x");
  ASSERT_TRUE(pair.run_until([&] { return pair.server.messages[early.value].ended; }));
  pair.quic.world.link = {.delay = 50ms};
  pair.server.http->refuse_requests();
  pair.quic.world.flush(pair.quic.server);
  pair.quic.world.run_for(20ms);
  const StreamId late = pair.post("/late", "x");
  pair.quic.world.flush(pair.quic.client);
  // The server's own reset would come two delays later.
  ASSERT_TRUE(pair.run_until([&] { return pair.client.goaways > 0; }));
  EXPECT_EQ(pair.client.messages[late.value].reset_code, number(Http3Error::kRequestRejected));
  EXPECT_FALSE(pair.client.messages[early.value].reset_code);
  pair.server.http->respond(early, {{":status", "200"}}, true);
  pair.quic.world.flush(pair.quic.server);
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[early.value].ended; }));
  ASSERT_TRUE(pair.run_until([&] { return pair.client.messages[late.value].closed; }));
  EXPECT_FALSE(pair.server.messages[late.value].has_head);
}

TEST(Http3Connection, S01_ManyRequestsThatAreResetAtOnceLeaveNothingBehind) {
  Http3Pair pair;
  pair.client.forgets = pair.server.forgets = true;
  ASSERT_TRUE(pair.connect());
  const Fields head{{":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
  std::size_t started = 0;
  for (int round = 0; round < 200 && !pair.client.closed; ++round) {
    for (int i = 0; i < 20; ++i) {
      const auto id = pair.client.http->request(head, false);
      if (!id) break;
      ++started;
      pair.client.http->reset(*id, Http3Error::kRequestCancelled);
    }
    pair.quic.world.run_for(20ms);
  }
  EXPECT_GT(started, 1000u);
  if (pair.client.closed) return;  // the transport's own guard has put the peer out
  pair.quic.world.run_for(1s);
  EXPECT_TRUE(pair.server.messages.empty());
}

}  // namespace
}  // namespace echostream::testing
