// Time, the ready queue, other threads, and the life of the loop itself.
#include "echostream/loop.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "echostream/base/task.h"
#include "echostream/base/wait.h"

#include "runtime/loop/uv/loop_test_support.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;

struct LoopVariant {
  const char* name;
  DeadlineTimer::Kind timer_kind;
  Duration busy_poll;
};
void PrintTo(const LoopVariant& variant, std::ostream* out) { *out << variant.name; }

class LoopTest : public testing::TestWithParam<LoopVariant> {
 protected:
  SystemSocketCalls calls_;
  std::unique_ptr<UvLoop> owned_ =
      make_test_loop(calls_, GetParam().timer_kind, {GetParam().busy_poll});
  UvLoop& loop_ = *owned_;
};

INSTANTIATE_TEST_SUITE_P(
    Kinds, LoopTest,
    testing::Values(LoopVariant{"Best", DeadlineTimer::Kind::kBest, {}},
                    LoopVariant{"Milliseconds", DeadlineTimer::Kind::kMilliseconds, {}},
                    LoopVariant{"BusyPolling", DeadlineTimer::Kind::kBest, 10ms},
                    LoopVariant{"BusyPollingMs", DeadlineTimer::Kind::kMilliseconds, 10ms}),
    [](const auto& variant) { return variant.param.name; });

TEST_P(LoopTest, FiresTimersInTheOrderOfTheirDeadlinesAndNeverEarly) {
  const LocalTime start = loop_.now();
  std::vector<std::unique_ptr<TestTimer>> timers;
  std::vector<LocalTime> fired;
  for (int i = 0; i < 60; ++i) {
    // Every order, distances of 137 us, some deadlines in the past.
    const LocalTime deadline = start + (i * 37 % 60) * 137us - 500us;
    timers.push_back(std::make_unique<TestTimer>([&, deadline](LocalTime now) {
      EXPECT_GE(now, deadline);
      EXPECT_GE(loop_.now(), now);
      fired.push_back(deadline);
      if (fired.size() == 60) loop_.stop();
    }));
    loop_.arm(*timers.back(), deadline);
  }
  ASSERT_TRUE(run_bounded(loop_));
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST_P(LoopTest, WakesForATimerThatWasMovedEarlierAndNotForOneThatWasDisarmed) {
  TestTimer moved([&](LocalTime) { loop_.stop(); });
  TestTimer disarmed([&](LocalTime) { ADD_FAILURE() << "fired"; });
  TestTimer mover([&](LocalTime now) {
    loop_.arm(moved, now + 2ms);
    disarmed.disarm();
  });
  loop_.arm(moved, loop_.now() + 1h);
  loop_.arm(disarmed, loop_.now() + 3ms);
  loop_.arm(mover, loop_.now() + 1ms);
  const LocalTime start = loop_.now();
  ASSERT_TRUE(run_bounded(loop_));
  EXPECT_GE(loop_.now() - start, 3ms);
}

TEST_P(LoopTest, LetsATimerDestroyItselfAndAnother) {
  std::unique_ptr<TestTimer> other;
  std::unique_ptr<TestTimer> self;
  other = std::make_unique<TestTimer>([](LocalTime) { ADD_FAILURE() << "fired"; });
  self = std::make_unique<TestTimer>([&](LocalTime) {
    UvLoop& loop = loop_;
    other.reset();
    loop.stop();
    self.reset();
  });
  const LocalTime soon = loop_.now() + 1ms;
  loop_.arm(*self, soon);
  loop_.arm(*other, soon);
  EXPECT_TRUE(run_bounded(loop_));
}

TEST(Loop, HasTimersFinerThanAMillisecond) {
  auto loop = make_loop().value();
  // Of many, one is woken in time, however busy the machine is.
  Duration best = 1h;
  int left = 50;
  TestTimer* again = nullptr;
  TestTimer timer([&](LocalTime now) {
    best = std::min(best, now - again->deadline());
    if (--left == 0) return loop->stop();
    loop->arm(*again, loop->now() + 200us);
  });
  again = &timer;
  loop->arm(timer, loop->now() + 200us);
  ASSERT_TRUE(run_bounded(*loop));
  EXPECT_LT(best, 400us);
}

TEST_P(LoopTest, SleepsWhileNothingIsDue) {
  const Duration before = thread_cpu_time();
  run_for(loop_, 200ms);
  EXPECT_LT(thread_cpu_time() - before, 100ms);
}

TEST_P(LoopTest, TasksThatKeepWakingEachOtherDoNotKeepTimersAndDescriptorsWaiting) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const UniqueFd read_end(pipe[0]);
  const UniqueFd write_end(pipe[1]);
  TestNode* again = nullptr;
  TestNode busy([&] { loop_.schedule(*again); });
  again = &busy;
  loop_.schedule(busy);
  TestTimer timer([&](LocalTime) { EXPECT_EQ(::write(write_end.get(), "x", 1), 1); });
  loop_.arm(timer, loop_.now() + 1ms);
  auto watch = loop_.watch_fd(read_end.get(), true, false, [&] { loop_.stop(); });
  ASSERT_TRUE(watch.has_value());
  EXPECT_TRUE(run_bounded(loop_));
}

TEST_P(LoopTest, RunsReadyNodesWithoutWaitingForAnything) {
  int count = 0;
  TestNode* again = nullptr;
  TestNode node([&] {
    if (++count == 5000) return loop_.stop();
    loop_.schedule(*again);
  });
  again = &node;
  loop_.schedule(node);
  EXPECT_TRUE(run_bounded(loop_));
  EXPECT_EQ(count, 5000);
}

TEST_P(LoopTest, RunsWhatIsScheduledLastAfterEverythingReadyAndBeforeItWaits) {
  std::string order;
  TestNode last([&] {
    order += "last ";
    loop_.stop();
  });
  TestNode second([&] { order += "second "; });
  TestNode first([&] {
    order += "first ";
    loop_.schedule(second);
  });
  loop_.schedule_last(last);
  loop_.schedule(first);
  EXPECT_TRUE(run_bounded(loop_));
  EXPECT_EQ(order, "first second last ");
}

// What waits to be sent should not wait for all of them.
TEST_P(LoopTest, RunsWhatIsScheduledLastBetweenVeryManyThatAreReady) {
  constexpr std::size_t kMany = 200;
  std::size_t ran = 0;
  std::size_t before_last = 0;
  std::vector<std::unique_ptr<TestNode>> nodes;
  for (std::size_t i = 0; i < kMany; ++i) {
    nodes.push_back(std::make_unique<TestNode>([&] {
      if (++ran == kMany) loop_.stop();
    }));
  }
  TestNode last([&] { before_last = ran; });
  loop_.schedule_last(last);
  for (const auto& node : nodes) loop_.schedule(*node);
  EXPECT_TRUE(run_bounded(loop_));
  EXPECT_EQ(ran, kMany);
  EXPECT_GT(before_last, 0u);
  EXPECT_LT(before_last, kMany / 2);
}

TEST_P(LoopTest, RunsWhatIsScheduledLastEvenWhenSomethingIsAlwaysReady) {
  TestNode* again = nullptr;
  TestNode busy([&] { loop_.schedule(*again); });
  again = &busy;
  TestNode last([&] { loop_.stop(); });
  loop_.schedule(busy);
  loop_.schedule_last(last);
  EXPECT_TRUE(run_bounded(loop_));
}

TEST(LoopThreads, RunWhatSeveralOfThemPostInTheOrderOfEach) {
  auto loop = make_loop().value();
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  std::array<int, kThreads> next{};
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop->post([&, t, i] {
          EXPECT_EQ(next[static_cast<std::size_t>(t)]++, i);
          if (++total == kThreads * kPosts) loop->stop();
        });
      }
    });
  }
  EXPECT_TRUE(run_bounded(*loop));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, kThreads * kPosts);
}

TEST(LoopThreads, WakeALoopThatWaitsForNothingElse) {
  auto loop = make_loop().value();
  // Every answer comes from a loop that has gone to sleep, or is about to.
  std::thread other([&] {
    for (int i = 0; i < 200; ++i) {
      std::promise<void> ran;
      loop->post([&] { ran.set_value(); });
      ran.get_future().wait();
    }
    loop->stop();
  });
  loop->run();
  other.join();
}

TEST(LoopThreads, MayStopALoopThatIsDestroyedRightAfterItReturns) {
  for (int i = 0; i < 200; ++i) {
    auto loop = make_loop().value();
    std::thread other([&stopped = *loop] { stopped.stop(); });
    loop->run();
    loop.reset();
    other.join();
  }
}

TEST_P(LoopTest, RunsAgainAfterStopAndLosesNoStopThatCameBeforeRun) {
  loop_.stop();
  loop_.run();  // returns at once
  int count = 0;
  for (int i = 0; i < 3; ++i) {
    loop_.post([&] {
      ++count;
      loop_.stop();
    });
    EXPECT_TRUE(run_bounded(loop_));
  }
  EXPECT_EQ(count, 3);
}

TEST_P(LoopTest, RunsAFunctionThatIsPostedByAPostedOneNotInsideIt) {
  std::vector<int> order;
  loop_.post([&] {
    loop_.post([&] {
      order.push_back(2);
      loop_.stop();
    });
    order.push_back(1);
  });
  EXPECT_TRUE(run_bounded(loop_));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_P(LoopTest, DestroysWhatWasPostedAndNeverRan) {
  auto held = std::make_shared<int>(1);
  loop_.post([held] { ADD_FAILURE() << *held; });
  EXPECT_EQ(held.use_count(), 2);
  owned_.reset();
  EXPECT_EQ(held.use_count(), 1);
}

Task<int> add_slowly(Executor& executor, int a, int b) {
  const LocalTime start = executor.now();
  const WaitResult slept = co_await sleep_for(2ms);
  EXPECT_EQ(slept, WaitResult::kDeadline);
  EXPECT_GE(executor.now() - start, 2ms);
  co_return a + b;
}

TEST_P(LoopTest, HandlesEachDatagramOfAnExchangeThatWaitsForEveryAnswer) {
  RecordingHandler here(loop_);
  RecordingHandler there(loop_);
  auto one = open_socket(loop_, address("127.0.0.1:0"), here);
  auto other = open_socket(loop_, address("127.0.0.1:0"), there);
  const auto answer = [](UdpSocket& socket) {
    return [&socket](const ReceivedDatagram& datagram) {
      EXPECT_EQ(socket.send(datagrams_to(datagram.remote, as_text(datagram.data))),
                UdpSocket::SendResult::kSent);
    };
  };
  here.on_datagram = answer(*one);
  there.on_datagram = answer(*other);
  ASSERT_EQ(one->send(datagrams_to(other->local_address(), "ping")), UdpSocket::SendResult::kSent);
  EXPECT_TRUE(here.wait_for(200));
}

TEST(BusyPolling, HearsWhatOtherThreadsPost) {
  auto loop = make_loop({10ms}).value();
  std::thread other([&] {
    for (int i = 0; i < 200; ++i) {
      std::promise<void> ran;
      loop->post([&] { ran.set_value(); });
      ran.get_future().wait();
    }
    loop->stop();
  });
  loop->run();
  other.join();
}

TEST(BusyPolling, IsBounded) {
  for (const Duration out_of_range : {Duration(-1), 10ms + Duration(1), Duration(1h)}) {
    const auto refused = make_loop({out_of_range});
    EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(make_loop({10ms}));
}

TEST_P(LoopTest, RunsACoroutineToItsResult) {
  EXPECT_EQ(run(loop_, add_slowly(loop_, 1, 2)), 3);
  EXPECT_EQ(run(loop_, add_slowly(loop_, 3, 4)), 7);
}

TEST_P(LoopTest, FillsBytesThatDiffer) {
  std::array<std::uint8_t, 600> first{};
  std::array<std::uint8_t, 600> second{};
  loop_.fill_random(first);
  loop_.fill_random(second);
  loop_.fill_random({});
  EXPECT_NE(first, second);
  // The last hundred of 600 zeros have a chance of 2^-800.
  EXPECT_TRUE(std::any_of(first.end() - 100, first.end(), [](std::uint8_t b) { return b != 0; }));
}

TEST_P(LoopTest, KnowsTheTimeOfDay) {
  const auto system = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LT(std::chrono::abs(loop_.wall_time().time_since_epoch() - system), 10s);
}

TEST(DeadlineTimerKinds, WakeAPollForADeadlineThatHasPassedBeforeIt) {
  for (const auto kind : {DeadlineTimer::Kind::kBest, DeadlineTimer::Kind::kMilliseconds}) {
    uv_loop_t uv{};
    ASSERT_EQ(uv_loop_init(&uv), 0);
    bool was_late = false;
    UvHandle<uv_timer_t> watchdog;
    ASSERT_EQ(watchdog.open(&was_late, [&](uv_timer_t* raw) { return uv_timer_init(&uv, raw); }),
              0);
    const auto on_late = [](uv_timer_t* raw) { *static_cast<bool*>(raw->data) = true; };
    ASSERT_EQ(uv_timer_start(watchdog.get(), on_late, 5000, 0), 0);
    DeadlineTimer timer;
    ASSERT_EQ(timer.open(uv, kind), 0);
    timer.set(monotonic_now() - 1ms);
    uv_run(&uv, UV_RUN_ONCE);
    EXPECT_FALSE(was_late);
    timer.close();
    watchdog.close();
    uv_run(&uv, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&uv), 0);
  }
}

TEST(LoopDeath, SaysWhenASocketOutlivesIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto loop = make_loop().value();
        RecordingHandler handler(*loop);
        auto socket = open_socket(*loop, address("127.0.0.1:0"), handler);
        loop.reset();
      },
      "outlives its loop");
}

}  // namespace
}  // namespace echostream::internal
