// Plugins of a pool: one for each thread.
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "echostream/node_pool.h"
#include "echostream/plugin.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// What the plugins of all threads have seen.
struct Seen {
  std::mutex mutex;
  std::set<std::thread::id> started;
  std::set<std::thread::id> stopped;
  std::multiset<std::uint16_t> ports;
};

class Watching final : public Plugin {
 public:
  Watching(std::shared_ptr<Seen> seen, Status verdict)
      : seen_(std::move(seen)), verdict_(std::move(verdict)) {}
  std::string_view name() const override { return "watching"; }
  Task<Status> on_start(Node&) override {
    (void)co_await sleep_for(1ms);
    note(seen_->started);
    co_return verdict_;
  }
  Task<void> on_stop(Node&) override {
    note(seen_->stopped);
    co_return;
  }
  void on_listening(Node&, const SocketAddress& address) override {
    const std::lock_guard lock(seen_->mutex);
    seen_->ports.insert(address.port());
  }

 private:
  void note(std::set<std::thread::id>& where) {
    const std::lock_guard lock(seen_->mutex);
    where.insert(std::this_thread::get_id());
  }
  const std::shared_ptr<Seen> seen_;
  const Status verdict_;
};

class NodePoolPlugins : public ::testing::Test {
 protected:
  void SetUp() override {
    NodePoolOptions options;
    options.threads = 3;
    auto identity = Identity::self_signed("pool", WallTime{});
    ASSERT_TRUE(identity);
    options.node.identity = *identity;
    options.node.log = [](LogLevel, std::string_view) {};
    auto pool = NodePool::make(std::move(options));
    ASSERT_TRUE(pool) << pool.status();
    pool_ = *std::move(pool);
  }
  std::shared_ptr<Seen> seen_ = std::make_shared<Seen>();
  std::unique_ptr<NodePool> pool_;
};

TEST_F(NodePoolPlugins, EachThreadHasOneOfItsOwn) {
  ASSERT_TRUE(
      pool_->add_plugin([&](std::size_t) { return std::make_shared<Watching>(seen_, Status()); })
          .is_ok());
  ASSERT_TRUE(pool_->start().is_ok());
  EXPECT_EQ(seen_->started.size(), 3u);
  auto bound = pool_->listen("127.0.0.1:0");
  ASSERT_TRUE(bound) << bound.status();
  EXPECT_TRUE(pool_->shutdown(1s).is_ok());
  EXPECT_EQ(seen_->stopped, seen_->started);
  EXPECT_EQ(seen_->ports,
            (std::multiset<std::uint16_t>{bound->port(), bound->port(), bound->port()}));
}

TEST_F(NodePoolPlugins, AreStoppedAlsoWhenNoTimeIsLeft) {
  const auto make = [&](std::size_t) { return std::make_shared<Watching>(seen_, Status()); };
  ASSERT_TRUE(pool_->add_plugin(make).is_ok());
  ASSERT_TRUE(pool_->start().is_ok());
  EXPECT_TRUE(pool_->shutdown(0s).is_ok());
  EXPECT_EQ(seen_->stopped, seen_->started);
}

TEST_F(NodePoolPlugins, OneThatDoesNotStartIsReported) {
  ASSERT_TRUE(pool_
                  ->add_plugin([&](std::size_t thread) {
                    const bool fails = thread == 1;
                    return std::make_shared<Watching>(
                        seen_, fails ? Status(StatusCode::kNotFound, "no disk") : Status());
                  })
                  .is_ok());
  const Status status = pool_->start();
  EXPECT_EQ(status.code(), StatusCode::kNotFound) << status;
  EXPECT_FALSE(pool_->listen("127.0.0.1:0"));
}

TEST_F(NodePoolPlugins, TwoOfOneNameAreRefused) {
  const auto make = [&](std::size_t) { return std::make_shared<Watching>(seen_, Status()); };
  ASSERT_TRUE(pool_->add_plugin(make).is_ok());
  EXPECT_EQ(pool_->add_plugin(make).code(), StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace echostream::testing
