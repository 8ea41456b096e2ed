#include "runtime/plugins/metrics/http_listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Client {
 public:
  explicit Client(const SocketAddress& server) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool send(std::string_view text, int flags = 0) {
    return ::send(fd_, text.data(), text.size(), flags | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  /// Everything up to the end of the connection.
  std::string receive() {
    std::string text;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  bool has_ended() {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  }

 private:
  int fd_ = -1;
};

class HttpListenerTest : public ::testing::Test {
 protected:
  void open(MetricsListenOptions options = {}, HttpListener::MakePage page = {}) {
    options.address = "127.0.0.1:0";
    if (!page) page = [] { return std::string("figures 1\n"); };
    auto opened = HttpListener::open(options, std::move(page));
    ASSERT_TRUE(opened) << opened.error();
    listener_ = *std::move(opened);
  }
  std::string ask(std::string_view request) {
    Client client(listener_->address());
    client.send(request);
    return client.receive();
  }
  std::unique_ptr<HttpListener> listener_;
};

TEST_F(HttpListenerTest, ShowsThePage) {
  open();
  const std::string answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nfigures 1\n"));
}

TEST_F(HttpListenerTest, AnswersHeadWithoutTheBody) {
  open();
  const std::string answer = ask("HEAD /metrics HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpListenerTest, RefusesEverythingElse) {
  open();
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("GET /metrics/../etc HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /metrics\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask(std::string_view("\0\xff\r\n\r\n", 6)), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /metrics?x=1 HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpListenerTest, RefusesLongHeaders) {
  open();
  const std::string answer = ask("GET /metrics HTTP/1.1\r\nX: " + std::string(20'000, 'x'));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpListenerTest, EndsClientsThatTakeTooLong) {
  MetricsListenOptions options;
  options.request_timeout = 30ms;
  open(options);
  Client slow(listener_->address());
  slow.send("GET /met");
  EXPECT_EQ(slow.receive(), "");
}

TEST_F(HttpListenerTest, EndsClientsThatWriteWithoutEnd) {
  std::atomic<bool> are_buffers_full = false;
  open({}, [&are_buffers_full] {
    are_buffers_full.wait(false);
    return std::string("figures 1\n");
  });
  Client flood(listener_->address());
  ASSERT_TRUE(flood.send("GET /metrics HTTP/1.1\r\n\r\n"));
  const std::string block(1 << 16, 'x');
  while (flood.send(block, MSG_DONTWAIT)) {
  }
  are_buffers_full = true;
  are_buffers_full.notify_one();
  constexpr int kMostBlocks = 32;
  int blocks = 0;
  while (blocks < kMostBlocks && flood.send(block)) ++blocks;
  EXPECT_LT(blocks, kMostBlocks);
}

TEST_F(HttpListenerTest, ServesOthersWhileSlowClientsHoldAllConnections) {
  MetricsListenOptions options;
  options.max_connections = 4;
  options.request_timeout = 1h;
  open(options);
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(std::make_unique<Client>(listener_->address()));
    slow.back()->send("GET /metrics HTTP/1.1\r\n");
  }
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(slow.front()->receive(), "") << "the oldest made room";
  EXPECT_FALSE(slow.back()->has_ended());
}

TEST_F(HttpListenerTest, SendsPagesThatDoNotFitIntoTheSocketsBuffer) {
  const std::string page(20'000'000, 'p');
  open({}, [&page] { return page; });
  const std::string answer = ask("GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, page.size());
}

TEST_F(HttpListenerTest, SaysSoWhenThePageCannotBeMade) {
  open({}, []() -> std::string { throw std::runtime_error("no"); });
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpListenerTest, SaysWhatToDoWhenThePortIsTaken) {
  open();
  MetricsListenOptions options;
  options.address = "127.0.0.1:" + std::to_string(listener_->address().port());
  auto second = HttpListener::open(options, [] { return std::string(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.error().message()), HasSubstr("choose another port"));
  options.address = "localhost";
  EXPECT_EQ(HttpListener::open(options, [] { return std::string(); }).error().code(),
            StatusCode::kInvalidArgument);
}

// UndefinedBehaviorSanitizer opens descriptors to look at memory.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
constexpr bool kSanitizerNeedsDescriptors = true;
#else
constexpr bool kSanitizerNeedsDescriptors = false;
#endif
#else
constexpr bool kSanitizerNeedsDescriptors = false;
#endif

TEST_F(HttpListenerTest, L06_LivesThroughALackOfFileDescriptors) {
  if (kSanitizerNeedsDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors itself";
  open();
  Client waiting(listener_->address());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  waiting.send("GET /metrics HTTP/1.1\r\n\r\n");
  ::usleep(20'000);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST(MetricsRegistryListen, SharesOneListenerOfOneAddress) {
  MetricsRegistry registry;
  MetricsListenOptions options;
  options.address = "127.0.0.1:0";
  auto first = registry.listen(options);
  ASSERT_TRUE(first) << first.error();
  auto second = registry.listen(options);
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(*first, *second);
  options.address = "127.0.0.1:1";
  EXPECT_EQ(registry.listen(options).error().code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace echostream::internal
