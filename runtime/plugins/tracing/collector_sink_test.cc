#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "runtime/plugins/tracing/span_sink.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Outcome = SpanSink::Outcome;

// Takes one connection, reads a request whole, and answers.
class Collector {
 public:
  explicit Collector(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Collector() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1/traces"; }
  const std::string& request() const { return request_; }

 private:
  void serve() {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    char buffer[4096];
    while (!is_whole()) {
      const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      request_.append(buffer, static_cast<std::size_t>(got));
    }
    (void)!::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    ::close(fd);
  }
  bool is_whole() const {
    const std::size_t header = request_.find("\r\n\r\n");
    const std::size_t length = request_.find("Content-Length: ");
    if (header == std::string::npos || length == std::string::npos) return false;
    return request_.size() - header - 4 >= std::stoul(request_.substr(length + 16));
  }
  const std::string answer_;
  int listener_ = -1;
  int port_ = 0;
  std::string request_;
  std::thread thread_;
};

Outcome send_to(const std::string& url, const std::string& body, Duration timeout = 5s) {
  auto sink = make_collector_sink(url, timeout);
  EXPECT_TRUE(sink) << sink.error();
  const std::atomic<bool> stopping{false};
  return (*sink)->send(body, stopping);
}

TEST(CollectorSink, PostsTheBatch) {
  const std::string body(3'000'000, 'x');
  std::string request;
  {
    Collector collector("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(send_to(collector.url(), body), Outcome::kDone);
    request = collector.request();
  }
  EXPECT_THAT(request.substr(0, 300), HasSubstr("POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(request.substr(0, 300), HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(request.substr(request.find("\r\n\r\n") + 4), body);
}

TEST(CollectorSink, TellsRefusalsFromDelays) {
  const auto outcome = [](const char* answer) {
    Collector collector(answer);
    return send_to(collector.url(), "{}");
  };
  EXPECT_EQ(outcome("HTTP/1.1 400 Bad Request\r\n\r\n"), Outcome::kGiveUp);
  EXPECT_EQ(outcome("HTTP/1.1 404 Not Found\r\n\r\n"), Outcome::kGiveUp);
  EXPECT_EQ(outcome("HTTP/1.1 429 Too Many Requests\r\n\r\n"), Outcome::kTryAgain);
  EXPECT_EQ(outcome("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Outcome::kTryAgain);
  EXPECT_EQ(outcome("SSH-2.0-x\r\n\r\n"), Outcome::kTryAgain);
  EXPECT_EQ(outcome(""), Outcome::kTryAgain);
}

TEST(CollectorSink, TriesAgainWhenNobodyListens) {
  int closed_port = 0;
  {
    Collector collector("");
    closed_port = std::stoi(collector.url().substr(17));
  }
  EXPECT_EQ(send_to("http://127.0.0.1:" + std::to_string(closed_port), "{}"), Outcome::kTryAgain);
}

TEST(CollectorSink, DoesNotWaitForOneThatIsSilent) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  EXPECT_EQ(send_to(url, "{}", 50ms), Outcome::kTryAgain);
  auto sink = make_collector_sink(url, 60s);
  const std::atomic<bool> stopping{true};
  EXPECT_EQ((*sink)->send("{}", stopping), Outcome::kTryAgain);
  ::close(listener);
}

TEST(CollectorUrl, IsTakenApart) {
  auto url = parse_collector_url("http://collector.local");
  ASSERT_TRUE(url) << url.error();
  EXPECT_EQ(url->host, "collector.local");
  EXPECT_EQ(url->port, "4318");
  EXPECT_EQ(url->path, "/v1/traces");
  url = parse_collector_url("http://[::1]:99/x?y");
  ASSERT_TRUE(url) << url.error();
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, "99");
  EXPECT_EQ(url->path, "/x?y");
  EXPECT_EQ(url->authority, "[::1]:99");
}

TEST(CollectorUrl, SaysWhatIsWrong) {
  for (const char* bad :
       {"", "127.0.0.1:4318", "https://x", "http://", "http://:1", "http://x:0", "http://x:99999",
        "http://x:1a", "http://[::1", "http://a@b", "http://x/\r\nEvil: 1", "http://[::1]x"}) {
    auto url = parse_collector_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(url.error().message()), HasSubstr("http://127.0.0.1:4318/v1/traces"));
  }
}

}  // namespace
}  // namespace echostream::internal
