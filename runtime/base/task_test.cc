#include "echostream/base/task.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"

#include "tests/support/manual_executor.h"

namespace echostream {
namespace {

using namespace std::chrono_literals;

using testing::ManualExecutor;

class TaskTest : public ::testing::Test {
 protected:
  ManualExecutor executor_;
  TaskGroup group_{executor_};
};

Task<int> answer(int value) { co_return value; }

TEST_F(TaskTest, AwaitsTasksThatEndAtOnceWithoutUsingStack) {
  long sum = 0;
  group_.spawn([](long& out) -> Task<void> {
    for (int i = 0; i < 1'000'000; ++i) out += co_await answer(1);
  }(sum));
  executor_.run();
  EXPECT_EQ(sum, 1'000'000);
  EXPECT_EQ(group_.size(), 0u);
}

TEST_F(TaskTest, DestroyingASuspendedTaskRunsItsDestructorsAndDisarmsItsTimer) {
  auto alive = std::make_shared<int>(1);
  std::weak_ptr<int> watch = alive;
  group_.spawn([](std::shared_ptr<int> held) -> Task<void> {
    (void)co_await sleep_for(10s);
    ADD_FAILURE() << "ran on after it was destroyed " << *held;
  }(std::move(alive)));
  executor_.run();
  EXPECT_FALSE(watch.expired());
  group_.clear();
  EXPECT_TRUE(watch.expired());
  executor_.advance(20s);
}

TEST_F(TaskTest, DestroyingAScheduledTaskTakesItOutOfTheReadyQueue) {
  WaitPoint point;
  bool ran = false;
  group_.spawn([](WaitPoint& where, bool& flag) -> Task<void> {
    (void)co_await where.wait();
    flag = true;
  }(point, ran));
  executor_.run();
  point.notify_all();
  group_.clear();
  executor_.run();
  EXPECT_FALSE(ran);
}

TEST_F(TaskTest, AWaitEndsByNotificationByDeadlineAndByCancellation) {
  WaitPoint point;
  CallContext call;
  std::vector<WaitResult> results;
  const auto wait = [](WaitPoint& where, LocalTime deadline,
                       std::vector<WaitResult>& out) -> Task<void> {
    out.push_back(co_await where.wait(deadline));
  };
  group_.spawn(wait(point, kNever, results), &call);
  executor_.run();
  point.notify_one();
  executor_.run();
  group_.spawn(wait(point, executor_.now() + 5ms, results), &call);
  executor_.advance(6ms);
  group_.spawn(wait(point, kNever, results), &call);
  executor_.run();
  call.cancel();
  executor_.run();
  group_.spawn(wait(point, kNever, results), &call);
  executor_.run();
  EXPECT_EQ(results, (std::vector<WaitResult>{WaitResult::kNotified, WaitResult::kDeadline,
                                              WaitResult::kCancelled, WaitResult::kCancelled}));
  EXPECT_FALSE(point.has_waiters());
}

TEST_F(TaskTest, AWaitPointThatGoesAwayEndsItsWaits) {
  auto point = std::make_unique<WaitPoint>();
  WaitResult result = WaitResult::kNotified;
  group_.spawn([](WaitPoint& where, WaitResult& out) -> Task<void> { out = co_await where.wait(); }(
                                                         *point, result));
  executor_.run();
  point.reset();
  executor_.run();
  EXPECT_EQ(result, WaitResult::kCancelled);
}

TEST_F(TaskTest, AnExceptionReachesWhoeverAwaits) {
  std::string caught;
  group_.spawn([](std::string& out) -> Task<void> {
    const auto thrower = []() -> Task<int> {
      (void)co_await sleep_for(1ms);
      throw std::runtime_error("boom");
    };
    try {
      (void)co_await thrower();
    } catch (const std::runtime_error& error) {
      out = error.what();
    }
  }(caught));
  executor_.advance(2ms);
  EXPECT_EQ(caught, "boom");
}

TEST_F(TaskTest, TheCallContextReachesNestedTasks) {
  CallContext call(executor_.now() + 7ms);
  LocalTime seen = kNever;
  group_.spawn(
      [](LocalTime& out) -> Task<void> {
        const auto inner = [](LocalTime& slot) -> Task<void> {
          slot = (co_await internal::current_context()).call->deadline();
        };
        co_await inner(out);
      }(seen),
      &call);
  executor_.run();
  EXPECT_EQ(seen, executor_.now() + 7ms);
}

TEST_F(TaskTest, WhenAllRunsSideBySide) {
  const auto delayed = [](Duration delay, int value) -> Task<int> {
    (void)co_await sleep_for(delay);
    co_return value;
  };
  std::tuple<int, int> got{};
  group_.spawn([](Task<int> a, Task<int> b, std::tuple<int, int>& out) -> Task<void> {
    out = co_await when_all(std::move(a), std::move(b));
  }(delayed(5ms, 1), delayed(5ms, 2), got));
  executor_.advance(5ms);
  EXPECT_EQ(got, (std::tuple<int, int>{1, 2}));
}

Task<int> broken() {
  (void)co_await sleep_for(1ms);
  throw std::runtime_error("inner");
}

TEST_F(TaskTest, WhenAllPassesAnExceptionOn) {
  std::string caught;
  group_.spawn([](std::string& out) -> Task<void> {
    try {
      (void)co_await when_all(answer(1), broken());
    } catch (const std::runtime_error& error) {
      out = error.what();
    }
  }(caught));
  executor_.advance(2ms);
  EXPECT_EQ(caught, "inner");
}

TEST_F(TaskTest, WaitingInACancelledCallLeavesOthersTheirTurn) {
  CallContext call;
  call.cancel();
  bool stop = false;
  group_.spawn(
      [](const bool& done) -> Task<void> {
        while (!done) (void)co_await sleep_for(1s);
      }(stop),
      &call);
  group_.spawn([](bool& done) -> Task<void> {
    co_await yield_now();
    done = true;
  }(stop));
  executor_.run();
  EXPECT_TRUE(stop);
  EXPECT_EQ(group_.size(), 0u);
}

TEST_F(TaskTest, JoinWaitsForEveryTask) {
  TaskGroup workers(executor_);
  for (int i = 1; i <= 3; ++i) {
    workers.spawn(
        [](int ms) -> Task<void> { (void)co_await sleep_for(std::chrono::milliseconds(ms)); }(i));
  }
  bool joined = false;
  group_.spawn([](TaskGroup& group, bool& flag) -> Task<void> { flag = co_await group.join(); }(
                                                    workers, joined));
  executor_.advance(2ms);
  EXPECT_FALSE(joined);
  executor_.advance(1ms);
  EXPECT_TRUE(joined);
}

class Follower final : public internal::TaskFollower {
 public:
  bool on_task_threw(internal::PromiseBase& task, Places places) noexcept override {
    log.push_back("threw " + std::to_string(places.first));
    if (contains) static_cast<internal::Promise<int>&>(task).return_value(-1);
    return contains;
  }
  void on_task_gone(Places places) noexcept override {
    log.push_back("gone " + std::to_string(places.last));
  }
  std::vector<std::string> log;
  bool contains = true;
};

Task<int> fail() {
  throw std::runtime_error("a mistake");
  co_return 0;
}
Task<int> never() {
  WaitPoint point;
  (void)co_await point.wait();
  co_return 0;
}

TEST_F(TaskTest, AFollowerHearsOnceOfTheEndOfATask) {
  Follower follower;
  group_.spawn([](Follower& by) -> Task<void> {
    Task<int> task = answer(1);
    task.follow(by, 7);
    task.follow(by, 3);
    const int result = co_await std::move(task);
    by.log.push_back("result " + std::to_string(result));
  }(follower));
  executor_.run();
  EXPECT_EQ(follower.log, (std::vector<std::string>{"gone 3", "result 1"}));

  follower.log.clear();
  group_.spawn([](Follower& by) -> Task<void> {
    Task<int> task = never();
    task.follow(by, 1);
    (void)co_await std::move(task);
  }(follower));
  executor_.run();
  group_.clear();
  EXPECT_EQ(follower.log, std::vector<std::string>{"gone 1"});
}

TEST_F(TaskTest, AFollowerPutsAValueInAnExceptionsPlace) {
  Follower follower;
  for (const bool contains : {true, false}) {
    follower.contains = contains;
    group_.spawn([](Follower& by) -> Task<void> {
      Task<int> task = fail();
      task.follow(by, 2);
      try {
        const int result = co_await std::move(task);
        by.log.push_back("result " + std::to_string(result));
      } catch (const std::runtime_error& error) {
        by.log.push_back(error.what());
      }
    }(follower));
    executor_.run();
  }
  EXPECT_EQ(follower.log, (std::vector<std::string>{"threw 2", "gone 2", "result -1", "threw 2",
                                                    "gone 2", "a mistake"}));
}

TEST(TimerQueue, FiresInOrderOfDeadlineAndThenOfArming) {
  struct Timer final : TimerNode {
    Timer(std::vector<int>& out, int number) : log(out), id(number) {}
    void on_timer(LocalTime) override { log.push_back(id); }
    std::vector<int>& log;
    int id;
  };
  TimerQueue queue;
  std::vector<int> log;
  std::deque<Timer> timers;
  for (int i = 0; i < 100; ++i) timers.emplace_back(log, i);
  for (int i = 0; i < 100; ++i) {
    queue.arm(timers[static_cast<std::size_t>(i)], LocalTime(std::chrono::seconds(i * 37 % 10)));
  }
  timers[50].disarm();
  queue.fire(LocalTime(20s));
  ASSERT_EQ(log.size(), 99u);
  for (std::size_t i = 1; i < log.size(); ++i) {
    const int a = log[i - 1];
    const int b = log[i];
    EXPECT_TRUE(std::make_pair(a * 37 % 10, a) < std::make_pair(b * 37 % 10, b));
  }
}

}  // namespace
}  // namespace echostream
