#include "runtime/http1/request_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace echostream::http1 {
namespace {

using State = RequestParser::State;

struct Parsed final : RequestParser::Events {
  explicit Parsed(std::size_t max_head_bytes = 16 * 1024) : parser(max_head_bytes, *this) {}
  void on_request_head(RequestHead request) override { head = std::move(request); }
  void on_request_body(BytesView data) override { body += as_text(data); }
  void on_request_end() override { has_ended = true; }
  // What is left of them.
  std::string_view feed(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty()) {
      const std::string_view next = bytes.substr(0, piece);
      const std::size_t taken = parser.feed(as_bytes(next));
      bytes.remove_prefix(taken);
      if (taken < next.size()) break;
    }
    return bytes;
  }

  RequestHead head;
  std::string body;
  bool has_ended = false;
  RequestParser parser;
};

// 0: taken; otherwise the status that it is refused with, which must not depend on how it comes.
int verdict(std::string_view bytes) {
  Parsed whole;
  (void)whole.feed(bytes, bytes.size());
  Parsed bitwise;
  (void)bitwise.feed(bytes, 1);
  EXPECT_EQ(whole.parser.state(), bitwise.parser.state()) << bytes;
  EXPECT_EQ(whole.head.fields, bitwise.head.fields) << bytes;
  if (whole.parser.state() != State::kFailed) return 0;
  EXPECT_EQ(whole.parser.problem().status, bitwise.parser.problem().status) << bytes;
  EXPECT_FALSE(whole.parser.problem().text.empty());
  return whole.parser.problem().status;
}

std::string with(std::string_view lines, std::string_view body = {}) {
  return "POST /a HTTP/1.1\r\nHost: x\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view body) { return with("Transfer-Encoding: chunked\r\n", body); }

TEST(RequestParser, MakesAHeadOfHttp3) {
  for (const std::size_t piece : {1, 2, 7, 1000}) {
    Parsed parsed;
    EXPECT_EQ(parsed.feed("POST /a.v1.B/C?q=1 HTTP/1.1\r\nHost: Robot.Example:4433\r\n"
                          "Content-Type: application/json\r\nX-Empty:\r\nContent-Length:  2 \r\n"
                          "Accept: a\r\nAccept: b\t\r\nConnection: keep-alive\r\nTE: trailers\r\n"
                          "\r\n{}GET",
                          piece),
              "GET");
    EXPECT_EQ(parsed.head.fields, (http3::Fields{{":method", "POST"},
                                                 {":scheme", "https"},
                                                 {":path", "/a.v1.B/C?q=1"},
                                                 {":authority", "Robot.Example:4433"},
                                                 {"content-type", "application/json"},
                                                 {"x-empty", ""},
                                                 {"content-length", "2"},
                                                 {"accept", "a"},
                                                 {"accept", "b"}}));
    EXPECT_TRUE(parsed.head.keeps_alive);
    EXPECT_TRUE(parsed.head.has_body);
    EXPECT_EQ(parsed.body, "{}");
    EXPECT_TRUE(parsed.has_ended);
    EXPECT_EQ(parsed.parser.state(), State::kComplete);
  }
}

TEST(RequestParser, ReadsOneAfterTheOther) {
  for (const std::size_t piece : {1, 3, 1000}) {
    Parsed parsed;
    const std::string three = with("Content-Length: 2\r\n", "ab") +
                              chunked("1;x=y\r\nc\r\n2\r\nde\r\n0\r\nT: trailer\r\n\r\n") +
                              "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    std::string_view rest = three;
    for (const char* body : {"ab", "abcde", "abcde"}) {
      rest = parsed.feed(rest, piece);
      EXPECT_EQ(parsed.body, body);
      ASSERT_EQ(parsed.parser.state(), State::kComplete);
      parsed.parser.start_next();
    }
    EXPECT_EQ(rest, "");
  }
}

TEST(RequestParser, KnowsWhatIsToBeDoneAfterIt) {
  const auto keeps_alive = [](std::string_view bytes) {
    Parsed parsed;
    (void)parsed.feed(bytes, bytes.size());
    EXPECT_EQ(parsed.parser.state(), State::kComplete);
    return parsed.head.keeps_alive;
  };
  EXPECT_TRUE(keeps_alive("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.0\r\nHost: x\r\n\r\n"));
  EXPECT_TRUE(keeps_alive("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_TRUE(
      keeps_alive("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n"
                  "Upgrade: h2c\r\n\r\n"));
}

TEST(RequestParser, ReadsTheFormsOfATarget) {
  const auto path_and_host = [](const std::string& line, const std::string& host) {
    Parsed parsed;
    (void)parsed.feed(line + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 1000);
    if (parsed.parser.state() == State::kFailed) {
      return std::to_string(parsed.parser.problem().status);
    }
    return std::string(parsed.head.fields.get(":path")) + " " +
           std::string(parsed.head.fields.get(":authority"));
  };
  EXPECT_EQ(path_and_host("GET /a?b", "x"), "/a?b x");
  EXPECT_EQ(path_and_host("GET https://x:1/a?b", "x:1"), "/a?b x:1");
  EXPECT_EQ(path_and_host("GET https://x", "x"), "/ x");
  EXPECT_EQ(path_and_host("GET https://y/a", "x"), "400");
  EXPECT_EQ(path_and_host("GET http://x/a", "x"), "400");
  EXPECT_EQ(path_and_host("OPTIONS *", "x"), "* x");
  EXPECT_EQ(path_and_host("GET *", "x"), "400");
  EXPECT_EQ(path_and_host("CONNECT x:1", "x"), "400");
  EXPECT_EQ(path_and_host("GET /a#b", "x"), "400");
  EXPECT_EQ(path_and_host("GET /\xc3\xa4", "x"), "400");
  EXPECT_EQ(path_and_host("GET /a\tb", "x"), "400");
}

TEST(RequestParser, W01_RefusesWhatServersReadInDifferentWays) {
  EXPECT_EQ(verdict(with("Content-Length: 1\r\n", "a")), 0);
  EXPECT_EQ(verdict(chunked("1\r\na\r\n0\r\n\r\n")), 0);
  // Where a body ends.
  EXPECT_EQ(verdict(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(verdict(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(verdict(with("Content-Length: 1\r\nContent-Length: 1\r\n", "a")), 400);
  EXPECT_EQ(verdict(with("Content-Length: 1\r\nContent-Length: 2\r\n", "a")), 400);
  for (const char* length : {"1, 1", "+1", "-1", "0x1", "1 2", "\"1\"", "", "1a",
                             "99999999999999999999999", "18446744073709551616"}) {
    EXPECT_EQ(verdict(with("Content-Length: " + std::string(length) + "\r\n", "a")), 400) << length;
  }
  for (const char* coding : {"gzip", "gzip, chunked", "identity", "xchunked", "chunked;q=1"}) {
    EXPECT_GE(verdict(with("Transfer-Encoding: " + std::string(coding) + "\r\n", "0\r\n\r\n")), 400)
        << coding;
  }
  for (const char* coding : {"chunked, gzip", "chunked, chunked", "\vchunked", "\"chunked\""}) {
    EXPECT_GE(verdict(with("Transfer-Encoding: " + std::string(coding) + "\r\n", "0\r\n\r\n")), 400)
        << coding;
  }
  EXPECT_GE(
      verdict(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
      400);
  EXPECT_GE(
      verdict(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n")),
      400);
  EXPECT_EQ(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  for (const char* body :
       {"1\na\n0\n\n", "1\r\na\n0\r\n\r\n", "1;x\na\r\n0\r\n\r\n", "1\r\na\r\n0\r\nT: x\n\n",
        "1 \r\na\r\n0\r\n\r\n", "0x1\r\na\r\n", "-1\r\na\r\n", "ffffffffffffffffff\r\na\r\n",
        "1;x\rb\r\na\r\n", "\r\n", "1\r\nab\r\n0\r\n\r\n"}) {
    EXPECT_EQ(verdict(chunked(body)), 400) << body;
  }
  // Where a line ends, and a name.
  EXPECT_EQ(verdict("GET / HTTP/1.1\nHost: x\n\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"), 400);
  EXPECT_EQ(verdict(with("A: b\rC: d\r\n")), 400);
  EXPECT_EQ(verdict(with("A:\rC: d\r\n")), 400);
  EXPECT_EQ(verdict(with("A: b\r\n c\r\n")), 400);
  EXPECT_EQ(verdict(with("A: b\r\n\tc\r\n")), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\n Host: x\r\n\r\n"), 400);
  EXPECT_EQ(verdict(with("A : b\r\n")), 400);
  EXPECT_EQ(verdict(with("Content-Length\t: 1\r\n", "a")), 400);
  EXPECT_EQ(verdict(with(": b\r\n")), 400);
  EXPECT_EQ(verdict(with("A b\r\n")), 400);
  EXPECT_EQ(verdict(with("A: b\x01"
                         "c\r\n")),
            400);
  EXPECT_EQ(verdict(with(std::string("A: b\0c\r\n", 8))), 400);
  EXPECT_EQ(verdict(with("A: b\x7f\r\n")), 400);
  // Whom it is for.
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(RequestParser, W01_RefusesWhatIsNoHttp1) {
  EXPECT_EQ(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(verdict("GET / HTTP/0.9\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(verdict("GET /\r\n\r\n"), 505);
  EXPECT_EQ(verdict("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(verdict("get / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(verdict("NONSENSE / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(verdict("\x16\x03\x01\x02"), 400);
  EXPECT_EQ(verdict(with("Expect: miracles\r\n")), 417);
}

TEST(RequestParser, W02_AHeadHasALimit) {
  // ":method" and the other names of HTTP/3 are not counted: the client did not send them.
  const auto verdict_of = [](std::size_t value_bytes) {
    Parsed parsed(1000);
    (void)parsed.feed(
        "GET /a HTTP/1.1\r\nHost: x\r\nA: " + std::string(value_bytes, 'v') + "\r\n\r\n", 7);
    return parsed.parser.state() == State::kFailed ? parsed.parser.problem().status : 0;
  };
  const std::size_t most = 1000 - 2 - (4 + 1 + 32) - (1 + 32);
  EXPECT_EQ(verdict_of(most), 0);
  EXPECT_EQ(verdict_of(most + 1), 431);
  EXPECT_EQ(verdict_of(100'000), 431);
  for (const std::string& bytes :
       {"GET /" + std::string(2000, 'p'), "GET / HTTP/1.1\r\n" + std::string(2000, 'n')}) {
    Parsed parsed(1000);
    (void)parsed.feed(bytes, bytes.size());
    EXPECT_EQ(parsed.parser.problem().status, 431);
  }
}

TEST(RequestParser, W02_TrailersHaveALimitToo) {
  Parsed parsed(1000);
  std::string bytes = chunked("0\r\n");
  for (int i = 0; i < 100; ++i) bytes += "T: x\r\n";
  (void)parsed.feed(bytes, bytes.size());
  EXPECT_EQ(parsed.parser.state(), State::kFailed);
  EXPECT_EQ(parsed.parser.problem().status, 431);
}

}  // namespace
}  // namespace echostream::http1
