#include "runtime/http1/http1_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "runtime/http1/http1_test_support.h"

namespace echostream::http1 {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

Http1Options with_alt_svc() {
  Http1Options options;
  options.alt_svc = "h3=\":4433\"; ma=60";
  return options;
}

std::string chunked_post(const std::string& body) {
  return "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

TEST(Http1Connection, AnswersInOneByteAtATimeAsInOnePiece) {
  std::string outputs[3];
  const std::size_t pieces[] = {1, 5, std::string::npos};
  for (int i = 0; i < 3; ++i) {
    RecordingOwner owner(with_alt_svc());
    answer_with_body(owner);
    outputs[i] = owner.feed(post("hello"), pieces[i]);
    EXPECT_EQ(owner.requests[0].head.get(":authority"), "robot.example");
    EXPECT_TRUE(owner.requests[0].is_closed);
    EXPECT_FALSE(owner.http.is_over());
  }
  EXPECT_EQ(outputs[0],
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nalt-svc: h3=\":4433\"; ma=60\r\n\r\nhello");
  EXPECT_EQ(outputs[1], outputs[0]);
  EXPECT_EQ(outputs[2], outputs[0]);
}

TEST(Http1Connection, ServesRequestsOneAfterTheOther) {
  RecordingOwner owner;
  owner.feed(post("one") + post("two") + kGet);
  EXPECT_EQ(owner.requests.size(), 1u);
  EXPECT_EQ(owner.take(), "");
  owner.answer(StreamId{0}, "200", "1");
  EXPECT_THAT(owner.take(), EndsWith("\r\n\r\n1"));
  ASSERT_EQ(owner.requests.size(), 2u);
  EXPECT_EQ(owner.requests[4].body, "two");
  owner.answer(StreamId{0}, "200", "of the one before: nobody's");
  EXPECT_EQ(owner.take(), "");
  owner.answer(StreamId{4}, "200", "2");
  EXPECT_THAT(owner.take(), EndsWith("\r\n\r\n2"));
  EXPECT_TRUE(owner.requests[8].has_ended);
  EXPECT_EQ(owner.http.idle_since(), kNever);
  owner.answer(StreamId{8}, "200", "3");
  owner.now += std::chrono::seconds(5);
  owner.take();
  EXPECT_EQ(owner.http.idle_since(), owner.now);
}

TEST(Http1Connection, W03_HoldsOnlySoMuchOfWhatComesTooEarly) {
  RecordingOwner owner;
  owner.feed(kGet);
  int fed = 0;
  for (; owner.http.wants_bytes() && fed < 1000; ++fed) owner.feed(post(std::string(500, 'x')));
  EXPECT_LT(fed, 40);
  answer_with_body(owner);
  owner.answer(StreamId{0}, "200", "");
  owner.take();
  EXPECT_EQ(owner.requests.size(), static_cast<std::size_t>(fed) + 1);
  EXPECT_TRUE(owner.http.wants_bytes());
}

TEST(Http1Connection, W03_HoldsBackABodyThatIsNotConsumed) {
  RecordingOwner owner;
  owner.consumes = false;
  owner.feed("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  std::size_t fed = 0;
  for (; owner.http.wants_bytes() && fed < 1'000'000; fed += 1000)
    owner.feed(std::string(1000, 'x'));
  EXPECT_LE(fed, 66'000u);
  owner.http.consume(StreamId{0}, fed);
  EXPECT_TRUE(owner.http.wants_bytes());
}

TEST(Http1Connection, ReadsChunks) {
  for (const std::size_t piece : {std::size_t{1}, std::string::npos}) {
    RecordingOwner owner;
    answer_with_body(owner);
    EXPECT_THAT(owner.feed(chunked_post("5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: x\r\n\r\n"), piece),
                EndsWith("\r\n\r\nhello!"));
    EXPECT_FALSE(owner.has_trailers);
  }
}

TEST(Http1Connection, TellsWhoWaitsForThatToGoOn) {
  RecordingOwner owner;
  answer_with_body(owner);
  const std::string bytes = post("body", "Expect: 100-Continue\r\n");
  EXPECT_EQ(owner.feed(bytes.substr(0, bytes.size() - 4)), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(owner.feed("body"), EndsWith("\r\n\r\nbody"));
}

TEST(Http1Connection, DoesNotAskForABodyThatIsRefused) {
  RecordingOwner owner;
  owner.when_head = [&](StreamId id) {
    owner.answer(id, "404", "no");
    owner.http.stop_reading(id, http3::Http3Error::kNoError);
  };
  const std::string bytes = post("body", "Expect: 100-continue\r\n");
  EXPECT_THAT(owner.feed(bytes.substr(0, bytes.size() - 4)), StartsWith("HTTP/1.1 404 Not Found"));
  EXPECT_THAT(owner.output, HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(owner.http.is_over());
}

TEST(Http1Connection, KeepsTheConnectionWhenARefusedRequestHasComeAltogether) {
  RecordingOwner owner;
  owner.when_head = [&](StreamId id) {
    owner.answer(id, "404", "no");
    owner.http.stop_reading(id, http3::Http3Error::kNoError);
  };
  EXPECT_THAT(owner.feed(post("body")), Not(HasSubstr("close")));
  EXPECT_FALSE(owner.http.is_over());
  EXPECT_EQ(owner.requests[0].body, "");
}

TEST(Http1Connection, ClosesWhereTheClientWantsIt) {
  RecordingOwner owner;
  answer_with_body(owner);
  EXPECT_THAT(
      owner.feed("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n"),
      HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(owner.http.is_over());
  EXPECT_FALSE(owner.http.is_aborted());
  EXPECT_EQ(owner.requests.size(), 1u);
}

TEST(Http1Connection, ServesHttp10) {
  RecordingOwner owner;
  answer_with_body(owner);
  EXPECT_THAT(owner.feed("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"),
              HasSubstr("connection: keep-alive\r\n"));
  EXPECT_FALSE(owner.http.is_over());
  EXPECT_THAT(owner.feed("GET / HTTP/1.0\r\n\r\n"), HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(owner.http.is_over());
}

TEST(Http1Connection, AnswersHeadWithAHead) {
  RecordingOwner owner;
  owner.when_ended = [&](StreamId id) {
    owner.http.respond(id, {{":status", "200"}, {"content-length", "9"}}, true);
  };
  EXPECT_EQ(owner.feed("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
  owner.when_ended = [&](StreamId id) { owner.answer(id, "404", "never a body"); };
  EXPECT_THAT(owner.feed("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), Not(HasSubstr("never")));
}

TEST(Http1Connection, GivesNoLengthWhereThereIsNoBody) {
  RecordingOwner owner;
  owner.when_ended = [&](StreamId id) { owner.http.respond(id, {{":status", "204"}}, true); };
  EXPECT_EQ(owner.feed(kGet), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(Http1Connection, W01_AnswersWhatIsMalformedAndCloses) {
  for (const std::size_t piece : {std::size_t{1}, std::string::npos}) {
    RecordingOwner owner(with_alt_svc());
    EXPECT_THAT(owner.feed("GET / HTTP/1.1\r\nHost : x\r\n\r\n" + std::string(kGet), piece),
                StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(owner.output, HasSubstr("alt-svc: "));
    EXPECT_THAT(owner.output, HasSubstr("connection: close\r\n"));
    EXPECT_TRUE(owner.http.is_over());
    EXPECT_TRUE(owner.requests[0].is_reset);
    EXPECT_TRUE(owner.requests[0].is_closed);
    EXPECT_EQ(owner.requests.size(), 1u);
  }
}

TEST(Http1Connection, W01_AnswersABodyThatIsMalformed) {
  RecordingOwner owner;
  EXPECT_THAT(owner.feed(chunked_post("5\r\nhello\r\nnonsense\r\n")), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(owner.requests[0].is_reset);
  EXPECT_TRUE(owner.http.is_over());
}

TEST(Http1Connection, W02_TellsTheOwnerOfHeadsThatAreTooLarge) {
  RecordingOwner owner;
  EXPECT_THAT(owner.feed("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(100'000, 'a')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_TRUE(owner.requests[0].is_oversized);
  EXPECT_TRUE(owner.http.is_over());
}

TEST(Http1Connection, W02_RefusesEndlessTrailers) {
  RecordingOwner owner;
  std::string bytes = chunked_post("0\r\n");
  for (int i = 0; i < 1000; ++i) bytes += "Trailer-" + std::to_string(i) + ": x\r\n";
  EXPECT_THAT(owner.feed(bytes, 100), StartsWith("HTTP/1.1 431 "));
  EXPECT_FALSE(owner.requests[0].is_oversized);
  EXPECT_TRUE(owner.http.is_over());
}

TEST(Http1Connection, AClientThatEndsItsSideHasLeft) {
  RecordingOwner owner;
  owner.feed(kGet);
  EXPECT_EQ(owner.end(), "");
  EXPECT_TRUE(owner.requests[0].is_reset);
  EXPECT_TRUE(owner.requests[0].is_closed);
  EXPECT_TRUE(owner.http.is_over());
  EXPECT_TRUE(owner.http.is_aborted());
  EXPECT_TRUE(owner.http.close_info().by_peer);
}

TEST(Http1Connection, AnswersThatAreReadyAreStillGiven) {
  RecordingOwner owner;
  answer_with_body(owner);
  owner.http.handle_bytes(owner.now, as_bytes(std::string_view(kGet)));
  EXPECT_THAT(owner.end(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(owner.http.is_over());
  EXPECT_FALSE(owner.http.is_aborted());
}

TEST(Http1Connection, AnEndBetweenRequestsIsNoError) {
  RecordingOwner owner;
  answer_with_body(owner);
  owner.feed(kGet);
  owner.end();
  EXPECT_TRUE(owner.http.is_over());
  EXPECT_FALSE(owner.requests[0].is_reset);
}

TEST(Http1Connection, W07_ATruncatedRequestIsNone) {
  const std::string bytes = post("hello");
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    RecordingOwner owner;
    answer_with_body(owner);
    owner.feed(bytes.substr(0, size));
    EXPECT_EQ(owner.end(), "") << size;
    EXPECT_TRUE(owner.requests[0].is_reset) << size;
    EXPECT_FALSE(owner.requests[0].has_ended) << size;
    EXPECT_TRUE(owner.http.is_over()) << size;
  }
}

TEST(Http1Connection, SaysWhyARequestWasNotActedUpon) {
  RecordingOwner owner;
  owner.when_ended = [&](StreamId id) {
    owner.http.reset(id, http3::Http3Error::kRequestRejected);
  };
  EXPECT_THAT(owner.feed(kGet), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(owner.http.is_over());
}

TEST(Http1Connection, SaysThatAHeadWasTooSlow) {
  RecordingOwner owner;
  owner.feed("GET / HT");
  owner.http.reset(StreamId{0}, http3::Http3Error::kRequestIncomplete);
  EXPECT_THAT(owner.take(), StartsWith("HTTP/1.1 408 "));
  EXPECT_FALSE(owner.http.wants_bytes());
  EXPECT_TRUE(owner.http.is_over());
}

TEST(Http1Connection, EndsAfterTheAnswerWhenItIsShuttingDown) {
  RecordingOwner owner;
  owner.feed(kGet);
  owner.http.refuse_requests();
  owner.feed(kGet);
  owner.answer(StreamId{0}, "200", "last");
  EXPECT_THAT(owner.take(), HasSubstr("connection: close\r\n"));
  EXPECT_TRUE(owner.http.is_over());
  EXPECT_EQ(owner.requests.size(), 1u);

  RecordingOwner idle;
  idle.http.refuse_requests();
  EXPECT_TRUE(idle.http.is_over());
}

TEST(Http1Connection, ClosesAtOnce) {
  RecordingOwner owner;
  owner.feed(kGet);
  owner.http.close(http3::Http3Error::kNoError, "enough");
  EXPECT_EQ(owner.take(), "");
  EXPECT_TRUE(owner.http.is_over());
  EXPECT_TRUE(owner.requests[0].is_closed);
  EXPECT_THAT(owner.http.close_info().status.message(), HasSubstr("enough"));
}

TEST(Http1Connection, IgnoresEmptyLinesBetweenRequests) {
  RecordingOwner owner;
  answer_with_body(owner);
  owner.feed("\r\n\r\n");
  EXPECT_EQ(owner.requests.size(), 0u);
  EXPECT_THAT(owner.feed("\r\n" + post("a") + "\r\n" + post("b")), EndsWith("\r\n\r\nb"));
  EXPECT_NE(owner.http.idle_since(), kNever);
}

TEST(Http1Connection, TellsWhenItsOutputHasGone) {
  RecordingOwner owner;
  owner.feed(kGet);
  owner.http.notify_when_drained(StreamId{0}, 100);
  owner.answer(StreamId{0}, "200", std::string(1000, 'x'));
  owner.take();
  EXPECT_EQ(owner.drained, 1);
  EXPECT_EQ(owner.http.unsent_bytes(StreamId{0}), 0u);
}

TEST(Http1Connection, TellsTheOwnerThatItIsGone) {
  RecordingOwner owner;
  owner.feed(kGet);
  owner.http.handle_closed(owner.now, {});
  EXPECT_TRUE(owner.requests[0].is_closed);
  EXPECT_TRUE(owner.is_closed);
}

}  // namespace
}  // namespace echostream::http1
