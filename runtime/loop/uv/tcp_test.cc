// Real TCP sockets on the loopback interface; the other end is a plain socket of the test's.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/loop/uv/loop_test_support.h"
#include "runtime/loop/uv/native_address.h"
#include "runtime/loop/uv/unique_fd.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;

class RecordingTcp final : public TcpHandler {
 public:
  explicit RecordingTcp(Loop& loop) : loop_(loop) {}
  void handle_bytes(BytesView bytes) override {
    text += as_text(bytes);
    loop_.stop();
  }
  void handle_end() override {
    has_ended = true;
    loop_.stop();
  }
  void handle_writable() override {
    is_writable = true;
    loop_.stop();
  }
  void handle_failed(const Status& why) override {
    failure = why;
    loop_.stop();
  }

  std::string text;
  bool has_ended = false;
  bool is_writable = false;
  Status failure;

 private:
  Loop& loop_;
};

class TcpTest : public ::testing::Test {
 protected:
  void listen(const char* where = "127.0.0.1:0") {
    TcpOptions options;
    options.bind_to = address(where);
    auto made = loop_->listen_tcp(options, [this](std::unique_ptr<TcpConnection> connection) {
      accepted_.push_back(std::move(connection));
      loop_->stop();
    });
    ASSERT_TRUE(made) << made.status();
    listener_ = *std::move(made);
  }
  UniqueFd dial() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto to = to_native(listener_->local_address(), AF_INET);
    EXPECT_EQ(::connect(fd.get(), to->get(), to->size), 0);
    return fd;
  }
  // Accepted, and started.
  UniqueFd join() {
    UniqueFd fd = dial();
    EXPECT_TRUE(wait([&] { return !accepted_.empty(); }));
    connection_ = std::move(accepted_.back());
    accepted_.pop_back();
    connection_->start(handler_);
    return fd;
  }
  bool wait(const std::function<bool()>& done) {
    while (!done()) {
      if (!run_bounded(*loop_)) return false;
    }
    return true;
  }
  static void send(const UniqueFd& fd, std::string_view text) {
    ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  static std::string receive(const UniqueFd& fd, std::size_t size) {
    std::string text(size, '\0');
    const ssize_t got = ::recv(fd.get(), text.data(), size, MSG_WAITALL);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return text;
  }

  SystemSocketCalls calls_;
  std::unique_ptr<UvLoop> loop_ = make_test_loop(calls_);
  RecordingTcp handler_{*loop_};
  std::unique_ptr<TcpListener> listener_;
  std::vector<std::unique_ptr<TcpConnection>> accepted_;
  std::unique_ptr<TcpConnection> connection_;
};

TEST_F(TcpTest, CarriesBytesBothWays) {
  listen();
  const UniqueFd client = join();
  EXPECT_EQ(connection_->local_address(), listener_->local_address());
  EXPECT_TRUE(connection_->remote_address().is_loopback());
  send(client, "hello");
  ASSERT_TRUE(wait([&] { return handler_.text.size() == 5; }));
  EXPECT_EQ(handler_.text, "hello");
  EXPECT_EQ(connection_->write(as_bytes(std::string_view("and back"))), 8u);
  EXPECT_EQ(receive(client, 8), "and back");
}

TEST_F(TcpTest, TellsOfTheEndAndCanStillWrite) {
  listen();
  const UniqueFd client = join();
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(wait([&] { return handler_.has_ended; }));
  EXPECT_EQ(connection_->write(as_bytes(std::string_view("late"))), 4u);
  connection_->end_writing();
  EXPECT_EQ(receive(client, 10), "late");
}

TEST_F(TcpTest, HoldsBackWhoIsNotRead) {
  listen();
  const UniqueFd client = join();
  connection_->set_reading(false);
  send(client, "wait");
  TestTimer later([&](LocalTime) { loop_->stop(); });
  loop_->arm(later, loop_->now() + 20ms);
  ASSERT_TRUE(run_bounded(*loop_));
  EXPECT_EQ(handler_.text, "");
  connection_->set_reading(true);
  ASSERT_TRUE(wait([&] { return handler_.text == "wait"; }));
}

TEST_F(TcpTest, TellsWhenItTakesBytesAgain) {
  listen();
  const UniqueFd client = join();
  const std::vector<std::uint8_t> piece(64 * 1024, 'x');
  std::size_t written = 0;
  for (std::size_t taken = piece.size(); taken == piece.size(); written += taken) {
    taken = connection_->write(piece);
    ASSERT_LT(written, 1u << 30);
  }
  EXPECT_EQ(connection_->write(piece), 0u);
  EXPECT_EQ(receive(client, written).size(), written);
  ASSERT_TRUE(wait([&] { return handler_.is_writable; }));
  EXPECT_GT(connection_->write(piece), 0u);
}

TEST_F(TcpTest, TellsOfAReset) {
  listen();
  UniqueFd client = join();
  const linger at_once{1, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  client = UniqueFd();
  ASSERT_TRUE(wait([&] { return !handler_.failure.is_ok(); }));
  EXPECT_EQ(handler_.failure.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(handler_.has_ended);
}

TEST_F(TcpTest, TellsOfAResetThoughNothingIsRead) {
  listen();
  UniqueFd client = join();
  connection_->set_reading(false);
  send(client, "never read");
  const linger at_once{1, 0};
  ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  client = UniqueFd();
  ASSERT_TRUE(wait([&] { return !handler_.failure.is_ok(); }));
  EXPECT_EQ(handler_.text, "");
}

// What it is behind waits with it.
TEST_F(TcpTest, AnEndWaitsWhileNothingIsRead) {
  listen();
  UniqueFd client = join();
  connection_->set_reading(false);
  send(client, "read late");
  client = UniqueFd();
  int turns = 0;
  TestTimer later([&](LocalTime now) {
    if (++turns == 20) return loop_->stop();
    loop_->arm(later, now + 1ms);
  });
  loop_->arm(later, loop_->now() + 1ms);
  ASSERT_TRUE(run_bounded(*loop_));
  EXPECT_FALSE(handler_.has_ended);
  connection_->set_reading(true);
  ASSERT_TRUE(wait([&] { return handler_.has_ended; }));
  EXPECT_EQ(handler_.text, "read late");
  EXPECT_TRUE(handler_.failure.is_ok());
}

TEST_F(TcpTest, TellsOfAFailureOfWritingFromTheLoop) {
  listen();
  UniqueFd client = join();
  connection_->set_reading(false);
  const linger at_once{1, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  client = UniqueFd();
  (void)connection_->write(as_bytes(std::string_view("nobody")));
  (void)connection_->write(as_bytes(std::string_view("there")));
  EXPECT_TRUE(handler_.failure.is_ok());
  ASSERT_TRUE(wait([&] { return !handler_.failure.is_ok(); }));
}

TEST_F(TcpTest, SaysWhyItCannotListen) {
  listen();
  TcpOptions options;
  options.bind_to = listener_->local_address();
  const auto taken = loop_->listen_tcp(options, [](std::unique_ptr<TcpConnection>) {});
  EXPECT_EQ(taken.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(taken.status().message().find("TCP socket on 127.0.0.1"), std::string::npos)
      << taken.status();
  options.bind_to = {};
  const auto unset = loop_->listen_tcp(options, [](std::unique_ptr<TcpConnection>) {});
  EXPECT_EQ(unset.status().code(), StatusCode::kInvalidArgument);
}

TEST_F(TcpTest, APortCanBeListenedOnAgainAtOnce) {
  listen();
  const SocketAddress where = listener_->local_address();
  {
    const UniqueFd client = join();
    connection_.reset();  // its end comes first, and stays for a while
    EXPECT_EQ(receive(client, 1), "");
  }
  listener_.reset();
  listen(where.to_string().c_str());
}

TEST_F(TcpTest, AnyAddressTakesIpv4) {
  TcpOptions options;
  options.bind_to = address("[::]:0");
  listen("[::]:0");
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto to =
      to_native(address("127.0.0.1:1").with_port(listener_->local_address().port()), AF_INET);
  ASSERT_EQ(::connect(fd.get(), to->get(), to->size), 0);
  ASSERT_TRUE(wait([&] { return !accepted_.empty(); }));
  EXPECT_EQ(accepted_[0]->remote_address().family(), SocketAddress::Family::kIpv4);
}

// UndefinedBehaviorSanitizer opens descriptors to look at memory.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
constexpr bool kSanitizerTakesDescriptors = true;
#else
constexpr bool kSanitizerTakesDescriptors = false;
#endif
#else
constexpr bool kSanitizerTakesDescriptors = false;
#endif

TEST_F(TcpTest, L06_GoesOnAcceptingWhenThereAreDescriptorsAgain) {
  if (kSanitizerTakesDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors itself";
  listen();
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(dial());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(clients.back().get()) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  TestTimer later([&](LocalTime) { loop_->stop(); });
  loop_->arm(later, loop_->now() + 50ms);
  ASSERT_TRUE(run_bounded(*loop_));
  EXPECT_TRUE(accepted_.empty());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(wait([&] { return accepted_.size() == 3; }));
}

}  // namespace
}  // namespace echostream::internal
