#include "echostream/node_pool.h"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <cmath>
#include <future>
#include <set>
#include <thread>

#include "tests/api/pool_fixture.h"
#include "tests/support/rebinding_relay.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using pool::v1::Board;
using pool::v1::Desk;
using pool::v1::Reply;
using pool::v1::Request;
using ::testing::HasSubstr;

// A pool that listens, and the loop of its clients.
class NodePoolTest : public ::testing::Test {
 protected:
  void start(std::size_t threads, const NodePool::MakeService& make_service = make_desk) {
    pool_ = make_pool(threads);
    ASSERT_TRUE(pool_->serve(make_service).is_ok());
    const auto bound = pool_->listen("127.0.0.1:0");
    ASSERT_TRUE(bound) << bound.status();
    address_ = *bound;
  }
  std::unique_ptr<PoolClient> connect() {
    auto client = std::make_unique<PoolClient>(*loop_);
    client->connect(address_);
    return client;
  }
  /// One for each thread: dials until the system has given it one on each.
  std::vector<std::unique_ptr<PoolClient>> connect_to_each() {
    std::vector<std::unique_ptr<PoolClient>> clients(pool_->size());
    for (std::size_t found = 0, tries = 0; found < pool_->size() && tries < 1000; ++tries) {
      auto client = connect();
      auto& place = clients.at(client->thread());
      if (place == nullptr) ++found;
      place = std::move(client);
    }
    for (const auto& client : clients) EXPECT_NE(client, nullptr) << "a thread gets no clients";
    return clients;
  }

  std::unique_ptr<Loop> loop_ = make_loop().value();
  std::unique_ptr<NodePool> pool_;
  SocketAddress address_;
};

// ---- Sessions and threads.

// Each client has a socket of its own, which the system gives to a thread by a hash.
TEST_F(NodePoolTest, SpreadsClientsOverItsThreads) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kClients = 96;
  start(kThreads);
  std::vector<std::unique_ptr<PoolClient>> clients;
  std::array<std::size_t, kThreads> counts{};
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(connect());
    ++counts.at(clients.back()->thread());
  }
  // Binomial: 24 for each, give or take six standard deviations of 4.2.
  const double mean = double{kClients} / kThreads;
  const double deviation = std::sqrt(mean * (1 - 1.0 / kThreads));
  const auto stats = pool_->stats();
  for (std::size_t i = 0; i < kThreads; ++i) {
    EXPECT_GT(counts[i], 0u);
    EXPECT_NEAR(static_cast<double>(counts[i]), mean, 6 * deviation);
    EXPECT_EQ(stats[i].sessions, counts[i]);
  }
}

Task<Status> mirror_until(DuplexStream<Request, Reply> stream, RebindingRelay& relay, int rebinds,
                          std::set<std::int64_t>& threads) {
  for (std::int64_t number = 0; relay.rebinds() < rebinds; ++number) {
    Status sent = co_await stream.writer.write(request(number));
    if (!sent.is_ok()) co_return sent;
    auto frame = co_await stream.reader.next();
    if (!frame) co_return stream.reader.status();
    if (frame->message.number() != number) co_return Status(StatusCode::kDataLoss, "another echo");
    threads.insert(frame->message.thread());
    if (number % 20 == 19) relay.rebind();
  }
  co_return Status::ok();
}

TEST_F(NodePoolTest, ASessionStaysOnItsThreadWhereverItsDatagramsLand) {
  start(4);
  RebindingRelay relay(*loop_, address_);
  PoolClient client(*loop_);
  client.connect(relay.address());
  constexpr int kRebinds = 25;
  auto stream = run(*loop_, client.desk().Mirror());
  std::set<std::int64_t> threads;
  const Status status = run(*loop_, mirror_until(std::move(stream), relay, kRebinds, threads));
  EXPECT_TRUE(status.is_ok()) << status;
  EXPECT_EQ(threads.size(), 1u);
  std::uint64_t forwarded = 0;
  for (const NodePoolStats& stats : pool_->stats()) forwarded += stats.datagrams_forwarded;
  // Of 25 new ports, one in 10^15 times all belong to the thread that has the session.
  EXPECT_GT(forwarded, 0u);
}

// ---- Services.

// Two calls that wait for each other without giving their threads up: on one thread neither would
// end.
class MeetingDesk final : public Desk::Handler {
 public:
  Task<Result<Reply>> Ask(Call&, Request) override { co_return Reply(); }
  Task<Result<Reply>> Wait(Call&, Request) override {
    both_.count_down();
    if (!both_.wait()) co_return Status(StatusCode::kDeadlineExceeded, "nobody else came");
    co_return Reply();
  }
  Task<Status> Tell(Call&, Request) override { co_return Status::ok(); }
  Task<Status> Count(Call&, Request, Writer<Reply>) override { co_return Status::ok(); }
  Task<Status> Mirror(Call&, Reader<Request>, Writer<Reply>) override { co_return Status::ok(); }

 private:
  Countdown both_{2};
};

std::size_t count_sessions(const NodePool& pool) {
  std::size_t sessions = 0;
  for (const NodePoolStats& stats : pool.stats()) sessions += stats.sessions;
  return sessions;
}

TEST_F(NodePoolTest, CallsASharedServiceFromAllThreadsAtTheSameTime) {
  start(2, [meeting = std::make_shared<MeetingDesk>()](std::size_t) { return meeting; });
  // Its answers do not say where it runs, but the counts of sessions do.
  std::vector<std::unique_ptr<PoolClient>> clients;
  std::array<PoolClient*, 2> one_of_each{};
  while ((one_of_each[0] == nullptr || one_of_each[1] == nullptr) && clients.size() < 1000) {
    const std::size_t before = pool_->stats()[0].sessions;
    clients.push_back(connect());
    (void)clients.back()->thread();
    // Each thread counts its own, a moment later.
    for (int i = 0; i < 1'000'000 && count_sessions(*pool_) < clients.size(); ++i) {
      std::this_thread::yield();
    }
    one_of_each.at(pool_->stats()[0].sessions > before ? 0 : 1) = clients.back().get();
  }
  const auto both = run(*loop_, when_all(one_of_each[0]->desk().Wait(request(0)),
                                         one_of_each[1]->desk().Wait(request(0))));
  EXPECT_TRUE(std::get<0>(both)) << std::get<0>(both).status();
  EXPECT_TRUE(std::get<1>(both)) << std::get<1>(both).status();
}

TEST_F(NodePoolTest, DoesNotShareAServiceThatPublishes) {
  auto pool = make_pool(2);
  const Status refused = pool->serve(std::make_shared<BoardHandler>());
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("pool.v1.Board/News"), HasSubstr("give serve() a function")));
  EXPECT_TRUE(make_pool(1)->serve(std::make_shared<BoardHandler>()).is_ok());
  EXPECT_TRUE(pool->serve(std::make_shared<MeetingDesk>()).is_ok());
  EXPECT_EQ(pool->serve(std::shared_ptr<Service>()).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(pool->serve(make_desk).code(), StatusCode::kAlreadyExists);
}

Task<Status> read_news(Reader<Reply>& news, std::int64_t& number) {
  auto frame = co_await news.next();
  if (!frame) co_return news.status();
  number = frame->message.number();
  co_return Status::ok();
}

TEST_F(NodePoolTest, PublishesToTheSubscribersOfEveryThread) {
  start(2);
  std::array<std::shared_ptr<BoardHandler>, 2> boards;
  const auto make_board = [&](std::size_t thread) {
    return boards.at(thread) = std::make_shared<BoardHandler>();
  };
  ASSERT_TRUE(pool_->serve(make_board).is_ok());
  const auto clients = connect_to_each();
  std::vector<Reader<Reply>> readers;
  for (const auto& client : clients) {
    readers.push_back(run(*loop_, client->session->client<Board>().News(request(0))));
    // Subscribed: the request went before this one.
    (void)client->thread();
  }
  pool_->for_each([&](std::size_t thread, Node&) {
    Reply reply;
    reply.set_number(42);
    boards.at(thread)->PublishNews(reply);
  });
  for (Reader<Reply>& reader : readers) {
    std::int64_t number = 0;
    const Status status = run(*loop_, read_news(reader, number));
    EXPECT_TRUE(status.is_ok()) << status;
    EXPECT_EQ(number, 42);
  }
  readers.clear();
  // The last references go where their subscribers are.
  pool_->for_each([&](std::size_t thread, Node&) { boards.at(thread).reset(); });
  EXPECT_TRUE(pool_->shutdown(1s).is_ok());
}

// ---- Threads.

TEST_F(NodePoolTest, RunsWhatIsPostedOnTheThreadThatWasNamed) {
  start(3);
  std::array<std::thread::id, 3> first;
  std::array<std::thread::id, 3> second;
  Countdown done(6);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(pool_->post(i, [&, i](Node& node) {
      first.at(i) = std::this_thread::get_id();
      EXPECT_EQ(node.sessions().size(), 0u);
      done.count_down();
    }));
  }
  pool_->for_each([&](std::size_t thread, Node&) {
    second.at(thread) = std::this_thread::get_id();
    done.count_down();
  });
  ASSERT_TRUE(done.wait());
  EXPECT_EQ(first, second);
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), 3u);
}

Task<void> dial_and_ask(Node& node, std::string address, Countdown& done,
                        std::atomic<int>& answered) {
  auto session = co_await node.connect(address);
  if (session) {
    auto reply = co_await session->client<Desk>().Ask(request(1));
    if (reply) ++answered;
  }
  done.count_down();
}

TEST_F(NodePoolTest, DialsFromEveryThread) {
  start(3);
  Countdown done(3);
  std::atomic<int> answered = 0;
  pool_->for_each([&](std::size_t, Node& node) {
    node.tasks().spawn(dial_and_ask(node, address_.to_string(), done, answered));
  });
  EXPECT_TRUE(done.wait());
  EXPECT_EQ(answered, 3);
}

// Answers with what thread 0 says: the way that docs/threads.md describes.
class ForwardingDesk final : public DeskHandler {
 public:
  ForwardingDesk(std::unique_ptr<NodePool>& pool, std::size_t thread)
      : DeskHandler(thread), pool_(pool), thread_(thread) {}

  Task<Result<Reply>> Wait(Call&, Request request) override {
    auto answer = std::make_shared<Answer>();
    pool_->post(0, [&pool = pool_, mine = thread_, answer, number = request.number()](Node&) {
      pool->post(mine, [answer, twice = 2 * number](Node&) {
        answer->number = twice;
        answer->arrived.notify_all();
      });
    });
    while (!answer->number) {
      const WaitResult result = co_await answer->arrived.wait();
      if (result == WaitResult::kCancelled) co_return Status(StatusCode::kCancelled, "stopped");
    }
    Reply reply;
    reply.set_number(*answer->number);
    co_return reply;
  }

 private:
  struct Answer {
    WaitPoint arrived;
    std::optional<std::int64_t> number;
  };
  std::unique_ptr<NodePool>& pool_;
  std::size_t thread_;
};

TEST_F(NodePoolTest, AHandlerMayAskAnotherThread) {
  start(2, [&](std::size_t thread) { return std::make_shared<ForwardingDesk>(pool_, thread); });
  const auto clients = connect_to_each();
  for (const auto& client : clients) {
    const auto reply = run(*loop_, client->desk().Wait(request(21)));
    ASSERT_TRUE(reply) << reply.status();
    EXPECT_EQ(reply->number(), 42);
  }
}

Task<void> wait_for_shutdown(Node& node) {
  // Not an address of this machine: refused for that reason, until the node refuses before.
  while (node.listen("192.0.2.1:1").status().code() != StatusCode::kFailedPrecondition) {
    (void)co_await sleep_for(1ms);
  }
}

// Asks another thread only when its own node is shutting down.
class LateDesk final : public DeskHandler {
 public:
  LateDesk(std::unique_ptr<NodePool>& pool, std::size_t thread, Countdown& arrived)
      : DeskHandler(thread), pool_(pool), thread_(thread), arrived_(arrived) {}

  Task<Result<Reply>> Wait(Call& call, Request request) override {
    Node* node = nullptr;
    WaitPoint found;
    EXPECT_TRUE(pool_->post(thread_, [&](Node& mine) {
      node = &mine;
      found.notify_all();
    }));
    while (node == nullptr) (void)co_await found.wait_through_cancel(kNever);
    arrived_.count_down();
    co_await wait_for_shutdown(*node);
    // The other one has nothing to do, and would be gone long ago.
    (void)co_await sleep_for(20ms);
    bool answered = false;
    EXPECT_TRUE(pool_->post(1 - thread_, [&](Node&) {
      EXPECT_TRUE(pool_->post(thread_, [&](Node&) {
        answered = true;
        found.notify_all();
      }));
    }));
    while (!answered) (void)co_await found.wait_through_cancel(call.deadline());
    Reply reply;
    reply.set_number(request.number());
    co_return reply;
  }

 private:
  std::unique_ptr<NodePool>& pool_;
  std::size_t thread_;
  Countdown& arrived_;
};

TEST_F(NodePoolTest, HandlersMayUseThePoolUntilShutdownReturns) {
  Countdown arrived(1);
  start(2, [&](std::size_t i) { return std::make_shared<LateDesk>(pool_, i, arrived); });
  const auto client = connect();
  std::optional<Result<Reply>> answer;
  TaskGroup calls(*loop_);
  calls.spawn(internal::store(client->desk().Wait(request(21)), answer));
  auto ended = std::async(std::launch::async, [&] {
    EXPECT_TRUE(arrived.wait());
    return pool_->shutdown(60s);
  });
  run(*loop_, [](TaskGroup& group) -> Task<void> { (void)co_await group.join(); }(calls));
  ASSERT_TRUE(*answer) << answer->status();
  EXPECT_EQ((*answer)->number(), 21);
  EXPECT_TRUE(ended.get().is_ok());
  EXPECT_FALSE(pool_->post(0, [](Node&) { ADD_FAILURE(); }));
}

// ---- Certificates that change.

TEST_F(NodePoolTest, ANewCertificateIsThatOfAllThreadsAndOpenSessionsLiveOn) {
  start(2);
  const auto before = connect_to_each();
  const Identity renewed = Identity::self_signed("server", loop_->wall_time()).value();
  ASSERT_TRUE(pool_->set_identity(renewed).is_ok());
  // Those who only believe the old one are out, on whichever thread.
  for (int i = 0; i < 8; ++i) {
    Node stranger(*loop_, pool_node_options());
    EXPECT_EQ(run(*loop_, stranger.connect(address_.to_string())).status().code(),
              StatusCode::kUnauthenticated);
  }
  NodeOptions options = pool_node_options();
  options.trust = Trust::pinned({renewed.fingerprint()});
  // The sockets differ, the tickets are shared: a ticket of one thread comes to the other.
  options.ticket_cache = make_memory_ticket_cache();
  std::array<int, 2> resumed{};
  std::optional<std::int64_t> last;
  for (int i = 0; i < 200 && (resumed[0] == 0 || resumed[1] == 0); ++i) {
    Node node(*loop_, options);
    auto session = run(*loop_, node.connect(address_.to_string()));
    ASSERT_TRUE(session) << session.status();
    EXPECT_EQ(session->peer_fingerprint(), renewed.fingerprint());
    const auto answer = run(*loop_, session->client<Desk>().Ask(request(0)));
    ASSERT_TRUE(answer) << answer.status();
    EXPECT_EQ(session->is_resumed(), last.has_value());
    if (last && last != answer->thread()) ++resumed.at(answer->thread());
    last = answer->thread();
  }
  EXPECT_GT(resumed[0], 0);
  EXPECT_GT(resumed[1], 0);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(before[i]->thread(), i);
}

TEST_F(NodePoolTest, TrustThatChangesIsThatOfAllThreads) {
  start(2);
  const auto before = connect_to_each();
  const Identity other = Identity::self_signed("other", loop_->wall_time()).value();
  EXPECT_EQ(pool_->set_client_trust(Trust::pinned({})).code(), StatusCode::kInvalidArgument);
  (void)connect()->thread();  // nothing has changed
  ASSERT_TRUE(pool_->set_client_trust(Trust::pinned({other.fingerprint()})).is_ok());
  for (int i = 0; i < 8; ++i) {
    Node stranger(*loop_, pool_node_options());
    auto session = run(*loop_, stranger.connect(address_.to_string()));
    const Status status =
        session ? run(*loop_, session->client<Desk>().Ask(request(0))).status() : session.status();
    EXPECT_EQ(status.code(), StatusCode::kUnauthenticated) << status;
  }
  ASSERT_TRUE(pool_->set_client_trust(std::nullopt).is_ok());
  (void)connect()->thread();

  // As those who dial: no thread believes the pool's own certificate any more.
  ASSERT_TRUE(pool_->set_trust(Trust::pinned({other.fingerprint()})).is_ok());
  Countdown done(2);
  std::atomic<int> answered = 0;
  pool_->for_each([&](std::size_t, Node& node) {
    node.tasks().spawn(dial_and_ask(node, address_.to_string(), done, answered));
  });
  EXPECT_TRUE(done.wait());
  EXPECT_EQ(answered, 0);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(before[i]->thread(), i);
}

TEST_F(NodePoolTest, RefusesToWaitForItself) {
  start(2);
  std::array<Status, 7> refused;
  Countdown done(1);
  pool_->post(1, [&](Node&) {
    refused[0] = pool_->serve(make_desk);
    refused[1] = pool_->serve(std::make_shared<MeetingDesk>());
    refused[2] = pool_->listen("127.0.0.1:0").status();
    refused[3] = pool_->shutdown(1s);
    refused[4] = pool_->set_identity(*pool_node_options().identity);
    refused[5] = pool_->set_trust(*pool_node_options().trust);
    refused[6] = pool_->set_client_trust(std::nullopt);
    done.count_down();
  });
  ASSERT_TRUE(done.wait());
  for (const Status& status : refused) {
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("call it from another one"));
  }
}

TEST_F(NodePoolTest, GoesOnWhenSomebodyStopsOneOfItsLoops) {
  start(2);
  Countdown done(2);
  pool_->post(0, [&](Node& node) {
    node.loop().stop();
    done.count_down();
  });
  pool_->post(0, [&](Node&) { done.count_down(); });
  EXPECT_TRUE(done.wait());
}

// ---- The end.

TEST_F(NodePoolTest, ShutdownLetsCallsEndAndTakesNoNewOnes) {
  start(2);
  const auto clients = connect_to_each();
  std::vector<std::optional<Result<Reply>>> answers(2);
  TaskGroup calls(*loop_);
  for (std::size_t i = 0; i < 2; ++i) {
    calls.spawn(internal::store(clients[i]->desk().Wait(request(200)), answers[i]));
    (void)clients[i]->thread();  // the call before this one has arrived
  }
  auto ended = std::async(std::launch::async, [&] { return pool_->shutdown(30s); });
  run(*loop_, [](TaskGroup& group) -> Task<void> { (void)co_await group.join(); }(calls));
  for (const auto& answer : answers) EXPECT_TRUE(*answer) << answer->status();
  EXPECT_TRUE(ended.get().is_ok());
  EXPECT_FALSE(pool_->post(0, [](Node&) { ADD_FAILURE(); }));
  EXPECT_EQ(pool_->serve(make_desk).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(pool_->listen("127.0.0.1:0").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(pool_->shutdown(1s).is_ok());
}

TEST_F(NodePoolTest, CountsNoSessionsAfterItsEnd) {
  start(2);
  const auto clients = connect_to_each();
  EXPECT_GT(pool_->stats()[0].sessions, 0u);
  EXPECT_TRUE(pool_->shutdown(Duration::zero()).is_ok());
  EXPECT_EQ(pool_->stats()[0].sessions, 0u);
  EXPECT_EQ(pool_->stats()[1].sessions, 0u);
}

// DeskHandler checks that it ends on its own thread, its calls included.
TEST_F(NodePoolTest, ItsDestructionEndsCallsWithUnavailable) {
  start(2);
  const auto clients = connect_to_each();
  std::vector<std::optional<Result<Reply>>> answers(2);
  TaskGroup calls(*loop_);
  for (std::size_t i = 0; i < 2; ++i) {
    calls.spawn(internal::store(clients[i]->desk().Wait(request(3'600'000)), answers[i]));
    (void)clients[i]->thread();
  }
  pool_.reset();
  run(*loop_, [](TaskGroup& group) -> Task<void> { (void)co_await group.join(); }(calls));
  for (const auto& answer : answers) EXPECT_EQ(answer->status().code(), StatusCode::kUnavailable);
}

TEST(NodePoolDeath, SaysWhenOneOfItsThreadsDestroysIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        NodePool* pool = make_pool(1).release();
        pool->post(0, [pool](Node&) { delete pool; });
        (void)pool->listen("127.0.0.1:0");  // waits for that thread
      },
      "destroyed on one of its own threads");
}

// ---- Options and addresses.

TEST(NodePool, SaysWhatIsWrongWithItsOptions) {
  NodePoolOptions options;
  options.threads = 257;
  EXPECT_EQ(NodePool::make(options).status().code(), StatusCode::kInvalidArgument);
  options.threads = 2;
  options.loop.busy_poll = 1h;
  EXPECT_EQ(NodePool::make(options).status().code(), StatusCode::kInvalidArgument);
  options.loop.busy_poll = {};
  options.node.shared_clock.emplace();
  options.node.shared_clock->node_id = 7;
  const Status same_id = NodePool::make(options).status();
  EXPECT_EQ(same_id.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(same_id.message()), HasSubstr("leave it unset"));
  options.node.shared_clock->node_id.reset();
  EXPECT_TRUE(NodePool::make(options));
}

TEST(NodePool, HasAsManyThreadsAsCoresUnlessToldOtherwise) {
  EXPECT_EQ(make_pool(0)->size(), std::max(std::thread::hardware_concurrency(), 1u));
  EXPECT_EQ(make_pool(5)->size(), 5u);
}

TEST(NodePool, DoesNotShareItsPortWithAnotherPool) {
  auto first = make_pool(2);
  const auto bound = first->listen("127.0.0.1:0");
  ASSERT_TRUE(bound) << bound.status();
  auto second = make_pool(2);
  const Status taken = second->listen(bound->to_string()).status();
  EXPECT_EQ(taken.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(taken.message()), HasSubstr("Address already in use"));
  // Once it is free, a port that was chosen by number is shared by all threads.
  ASSERT_TRUE(first->shutdown(Duration::zero()).is_ok());
  EXPECT_TRUE(second->listen(bound->to_string()));
  EXPECT_EQ(second->listen("nonsense").status().code(), StatusCode::kInvalidArgument);
  NodePoolOptions without_identity;
  without_identity.threads = 2;
  EXPECT_EQ(NodePool::make(without_identity).value()->listen("127.0.0.1:0").status().code(),
            StatusCode::kFailedPrecondition);
}

TEST(NodePool, ServesWhileItsLoopsPollBusily) {
  NodePoolOptions options;
  options.threads = 2;
  options.loop.busy_poll = 50us;
  options.node = pool_node_options();
  auto pool = NodePool::make(options).value();
  ASSERT_TRUE(pool->serve(make_desk).is_ok());
  const auto bound = pool->listen("127.0.0.1:0");
  ASSERT_TRUE(bound) << bound.status();
  auto loop = make_loop({50us}).value();
  PoolClient client(*loop);
  client.connect(*bound);
  for (int i = 0; i < 200; ++i) {
    const auto reply = run(*loop, client.desk().Ask(request(i)));
    ASSERT_TRUE(reply) << reply.status();
    EXPECT_EQ(reply->number(), i);
  }
}

}  // namespace
}  // namespace echostream::testing
