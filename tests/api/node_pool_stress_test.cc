// Whatever the public API allows, from several threads at once, in an order that follows the seed.
// There is nothing to compare with: nothing may crash, hang, or be seen by ThreadSanitizer.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "runtime/sim/random.h"
#include "tests/api/pool_fixture.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using pool::v1::Board;
using pool::v1::Desk;
using pool::v1::Reply;
using pool::v1::Request;

constexpr std::size_t kCallers = 4;
constexpr int kActsOfEach = 150;
// Tasks of one node at once; the others wait for their turn by not being started.
constexpr std::size_t kMostTasks = 12;

Task<void> read_some(Reader<Reply> reader, std::uint64_t most) {
  for (std::uint64_t i = 0; i < most; ++i) {
    auto frame = co_await reader.next();
    if (!frame) co_return;
  }
}

Task<void> talk(DuplexStream<Request, Reply> stream, std::uint64_t rounds) {
  for (std::uint64_t i = 0; i < rounds; ++i) {
    Status sent = co_await stream.writer.write(request(1));
    auto frame = co_await stream.reader.next();
    if (!sent.is_ok() || !frame) co_return;
  }
}

Task<void> give_up_a_call(Session session) {
  const internal::TaskContext context = co_await internal::current_context();
  TaskGroup dropped(*context.executor);
  std::optional<Result<Reply>> slot;
  auto desk = session.client<Desk>();
  dropped.spawn(internal::store(desk.Wait(request(1000)), slot));
  (void)co_await sleep_for(1ms);
}

// Dials the pool from one of its own nodes, and uses the session.
Task<void> use_session(Node& node, std::string address, std::uint64_t seed) {
  Random random(seed, 1);
  auto session = co_await node.connect(address);
  if (!session) co_return;
  auto desk = session->client<Desk>();
  auto board = session->client<Board>();
  for (std::uint64_t act = random.below(6); act > 0; --act) {
    switch (random.below(8)) {
      case 0: {
        auto reply = co_await desk.Ask(request(1));
        (void)reply;
        break;
      }
      case 1: {
        auto reply = co_await desk.Wait(request(2));
        (void)reply;
        break;
      }
      case 2:
        co_await give_up_a_call(*session);
        break;
      case 3: {
        auto reader = co_await desk.Count(request(100));
        co_await read_some(std::move(reader), random.below(150));
        break;
      }
      case 4: {
        auto stream = co_await desk.Mirror();
        co_await talk(std::move(stream), random.below(20));
        break;
      }
      case 5: {
        auto reader = co_await board.News(request(0));
        co_await read_some(std::move(reader), random.below(2));
        break;
      }
      case 6: {
        Status told = co_await desk.Tell(request(1));
        (void)told;
        break;
      }
      default:
        (void)session->stats();
        (void)session->clock().estimate();
        break;
    }
  }
  if (random.chance(0.7)) session->close("enough");
}

class Stress {
 public:
  explicit Stress(std::uint64_t seed) : seed_(seed) {
    pool_ = make_pool(kThreads);
    EXPECT_TRUE(pool_->serve(make_desk).is_ok());
    EXPECT_TRUE(pool_
                    ->serve([&](std::size_t thread) {
                      return boards_.at(thread) = std::make_shared<BoardHandler>();
                    })
                    .is_ok());
    address_ = pool_->listen("127.0.0.1:0").value();
  }

  void run() {
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < kCallers; ++i) callers.emplace_back([this, i] { act(i); });
    for (std::thread& caller : callers) caller.join();
    expect_that_it_still_serves();
    end();
  }

 private:
  static constexpr std::size_t kThreads = 3;

  void act(std::size_t caller) {
    Random random(seed_, 100 + caller);
    for (int i = 0; i < kActsOfEach; ++i) {
      const std::size_t thread = random.below(kThreads);
      switch (random.below(10)) {
        case 0:
          publish();
          break;
        case 1:
          EXPECT_EQ(pool_->stats().size(), kThreads);
          break;
        case 2:
          close_one(thread, random.next());
          break;
        case 3:
          EXPECT_EQ(pool_->serve(make_desk).code(), StatusCode::kAlreadyExists);
          break;
        case 4:
          pass_on(thread, (thread + 1) % kThreads);
          break;
        case 5:
          if (random.chance(0.05)) {
            EXPECT_TRUE(pool_->listen("127.0.0.1:0"));
          }
          break;
        default:
          dial(thread, random.next());
          break;
      }
    }
  }

  void dial(std::size_t thread, std::uint64_t seed) {
    pool_->post(thread, [this, seed](Node& node) {
      if (node.tasks().size() >= kMostTasks) return;
      node.tasks().spawn(use_session(node, address_.to_string(), seed));
      ++dialled_;
    });
  }
  void publish() {
    pool_->for_each([this](std::size_t thread, Node&) {
      if (boards_.at(thread)) boards_.at(thread)->PublishNews(Reply());
    });
  }
  void close_one(std::size_t thread, std::uint64_t choice) {
    pool_->post(thread, [choice](Node& node) {
      auto sessions = node.sessions();
      if (!sessions.empty()) sessions[choice % sessions.size()].close("somebody else's whim");
    });
  }
  // From one thread of the pool to another.
  void pass_on(std::size_t from, std::size_t to) {
    pool_->post(from, [this, to](Node&) {
      EXPECT_EQ(pool_->shutdown(1s).code(), StatusCode::kFailedPrecondition);
      pool_->post(to, [this](Node&) { ++passed_on_; });
    });
  }

  void expect_that_it_still_serves() {
    auto loop = make_loop().value();
    PoolClient client(*loop);
    client.connect(address_);
    EXPECT_LT(client.thread(), kThreads);
    EXPECT_GT(dialled_, 10);
    EXPECT_GT(passed_on_, 0);
  }

  // Twice at once, while others go on.
  void end() {
    std::atomic<bool> ended = false;
    std::thread publisher([&] {
      while (!ended) {
        publish();
        std::this_thread::yield();
      }
    });
    std::array<std::thread, 2> enders;
    for (std::thread& ender : enders) {
      ender = std::thread([this] { EXPECT_TRUE(pool_->shutdown(50ms).is_ok()); });
    }
    for (std::thread& ender : enders) ender.join();
    ended = true;
    publisher.join();
    EXPECT_FALSE(pool_->post(0, [](Node&) { ADD_FAILURE(); }));
  }

  std::uint64_t seed_;
  // Each used on the thread of its number.
  std::array<std::shared_ptr<BoardHandler>, kThreads> boards_;
  std::unique_ptr<NodePool> pool_;
  SocketAddress address_;
  std::atomic<int> dialled_ = 0;
  std::atomic<int> passed_on_ = 0;
};

TEST(NodePoolStress, L07_RandomCallsFromFourThreadsDisturbNothing) {
  for_each_seed(5, [](std::uint64_t seed) {
    Stress stress(seed);
    stress.run();
  });
}

}  // namespace
}  // namespace echostream::testing
