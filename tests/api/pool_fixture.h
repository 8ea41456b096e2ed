// Pools to test, what they serve, and clients for them: real loops, threads and sockets on the
// loopback.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "echostream/node_pool.h"

#include "tests/api/pool.echostream.h"

namespace echostream::testing {

/// Waits for things that happen on other threads, in whatever order.
class Countdown {
 public:
  explicit Countdown(std::size_t count) : left_(count) {}
  void count_down() {
    const std::lock_guard lock(mutex_);
    if (left_ > 0) --left_;
    if (left_ == 0) zero_.notify_all();
  }
  /// False when it takes absurdly long.
  bool wait() {
    std::unique_lock lock(mutex_);
    return zero_.wait_for(lock, std::chrono::seconds(60), [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  std::size_t left_;
};

/// For one thread: says which, and that it never leaves it.
class DeskHandler : public pool::v1::Desk::Handler {
 public:
  explicit DeskHandler(std::size_t thread) : thread_(static_cast<std::int64_t>(thread)) {}
  ~DeskHandler() override { expect_own_thread(); }

  Task<Result<pool::v1::Reply>> Ask(Call&, pool::v1::Request request) override {
    expect_own_thread();
    co_return reply(request.number());
  }
  Task<Result<pool::v1::Reply>> Wait(Call&, pool::v1::Request request) override {
    (void)co_await sleep_for(std::chrono::milliseconds(request.number()));
    expect_own_thread();
    co_return reply(request.number());
  }
  Task<Status> Tell(Call&, pool::v1::Request) override {
    expect_own_thread();
    co_return Status::ok();
  }
  Task<Status> Count(Call&, pool::v1::Request request, Writer<pool::v1::Reply> out) override {
    for (std::int64_t i = 0; i < request.number(); ++i) {
      Status status = co_await out.write(reply(i));
      expect_own_thread();
      if (!status.is_ok()) co_return status;
    }
    co_return Status::ok();
  }
  Task<Status> Mirror(Call&, Reader<pool::v1::Request> in, Writer<pool::v1::Reply> out) override {
    while (auto frame = co_await in.next()) {
      Status status = co_await out.write(reply(frame->message.number()));
      if (!status.is_ok()) co_return status;
    }
    co_return in.status();
  }

 private:
  void expect_own_thread() const {
    EXPECT_EQ(std::this_thread::get_id(), made_on_) << "it runs on another thread";
  }
  pool::v1::Reply reply(std::int64_t number) const {
    pool::v1::Reply made;
    made.set_number(number);
    made.set_thread(thread_);
    return made;
  }

  std::int64_t thread_;
  std::thread::id made_on_ = std::this_thread::get_id();
};

class BoardHandler final : public pool::v1::Board::Handler {
 public:
  bool News(const pool::v1::Request&, const pool::v1::Reply&) override { return true; }
};

inline pool::v1::Request request(std::int64_t number) {
  pool::v1::Request made;
  made.set_number(number);
  return made;
}

inline std::shared_ptr<Service> make_desk(std::size_t thread) {
  return std::make_shared<DeskHandler>(thread);
}

/// Able to listen, and to dial those with the same options.
inline NodeOptions pool_node_options() {
  static const Identity identity =
      Identity::self_signed("server", make_loop().value()->wall_time()).value();
  NodeOptions options;
  options.identity = identity;
  options.trust = Trust::pinned({identity.fingerprint()});
  return options;
}

inline std::unique_ptr<NodePool> make_pool(std::size_t threads) {
  NodePoolOptions options;
  options.threads = threads;
  options.node = pool_node_options();
  return NodePool::make(std::move(options)).value();
}

/// One client, with a socket of its own.
struct PoolClient {
  explicit PoolClient(Loop& loop) : node(loop, pool_node_options()) {}

  /// Dials; fails the test when that does not work.
  void connect(const SocketAddress& address) {
    auto made = run(node.loop(), node.connect(address.to_string()));
    ASSERT_TRUE(made) << made.status();
    session = *made;
  }
  pool::v1::Desk::Client desk() { return session->client<pool::v1::Desk>(); }
  /// On which thread the session lives.
  std::size_t thread() {
    const auto answer = run(node.loop(), desk().Ask(request(0)));
    EXPECT_TRUE(answer) << answer.status();
    return answer ? static_cast<std::size_t>(answer->thread()) : SIZE_MAX;
  }

  Node node;
  std::optional<Session> session;
};

}  // namespace echostream::testing
