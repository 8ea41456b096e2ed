#include "echostream/base/executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace echostream {
namespace {

using namespace std::chrono_literals;

class Ready final : public ReadyNode {
 public:
  explicit Ready(std::function<void()> function) : function_(std::move(function)) {}

 private:
  void on_ready() override { function_(); }
  std::function<void()> function_;
};

class Timer final : public TimerNode {
 public:
  explicit Timer(std::function<void(LocalTime)> function = [](LocalTime) {})
      : function_(std::move(function)) {}

 private:
  void on_timer(LocalTime now) override { function_(now); }
  std::function<void(LocalTime)> function_;
};

TEST(ReadyQueue, RunsFirstInFirstOutAndEachOnce) {
  ReadyQueue queue;
  std::vector<int> ran;
  Ready a([&] { ran.push_back(1); });
  Ready b([&] { ran.push_back(2); });
  queue.push(a);
  queue.push(b);
  queue.push(a);
  EXPECT_TRUE(a.is_scheduled());
  EXPECT_EQ(queue.run(SIZE_MAX), 2u);
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(a.is_scheduled());
}

TEST(ReadyQueue, RunsAtMostAsManyAsAskedThoughNodesPushThemselvesAgain) {
  ReadyQueue queue;
  int count = 0;
  Ready* self = nullptr;
  Ready again([&] {
    ++count;
    queue.push(*self);
  });
  self = &again;
  queue.push(again);
  EXPECT_EQ(queue.run(1000), 1000u);
  EXPECT_EQ(count, 1000);
  EXPECT_FALSE(queue.empty());
}

TEST(ReadyQueue, ADestroyedNodeDoesNotRunAndMayDieWhileItRuns) {
  ReadyQueue queue;
  int ran = 0;
  auto dropped = std::make_unique<Ready>([&] { ++ran; });
  std::unique_ptr<Ready> self;
  std::unique_ptr<Ready> other = std::make_unique<Ready>([&] { ++ran; });
  self = std::make_unique<Ready>([&] {
    other.reset();
    ++ran;
  });
  queue.push(*dropped);
  queue.push(*self);
  queue.push(*other);
  dropped.reset();
  EXPECT_EQ(queue.run(SIZE_MAX), 1u);
  EXPECT_EQ(ran, 1);
}

TEST(ReadyQueue, MayGoAwayBeforeItsNodes) {
  Ready node([] {});
  {
    ReadyQueue queue;
    queue.push(node);
  }
  EXPECT_FALSE(node.is_scheduled());
}

TEST(Timers, HoldsForEveryOrderOfArmingMovingAndDisarming) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    TimerQueue queue;
    std::vector<LocalTime> fired;
    std::vector<std::unique_ptr<Timer>> timers;
    for (int i = 0; i < 40; ++i) {
      timers.push_back(std::make_unique<Timer>([&fired, i, &timers](LocalTime) {
        fired.push_back(timers[static_cast<std::size_t>(i)]->deadline());
      }));
      queue.arm(*timers.back(), LocalTime(Duration(random() % 100)));
    }
    std::size_t armed = 40;
    for (int i = 0; i < 40; ++i) {
      Timer& timer = *timers[random() % 40];
      if (random() % 2 == 0) {
        armed += timer.is_armed() ? 0 : 1;
        queue.arm(timer, LocalTime(Duration(random() % 100)));
      } else {
        armed -= timer.is_armed() ? 1 : 0;
        random() % 2 == 0 ? timer.disarm() : queue.arm(timer, kNever);
      }
    }
    EXPECT_EQ(queue.size(), armed);
    EXPECT_EQ(queue.fire(LocalTime(Duration(1000))), armed);
    EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end())) << "round " << round;
    EXPECT_EQ(queue.next_deadline(), kNever);
  }
}

TEST(Timers, FiresAtItsDeadlineAndNotBefore) {
  TimerQueue queue;
  int fired = 0;
  Timer timer([&](LocalTime) { ++fired; });
  queue.arm(timer, LocalTime(10ms));
  EXPECT_EQ(queue.next_deadline(), LocalTime(10ms));
  EXPECT_EQ(queue.fire(LocalTime(10ms) - 1ns), 0u);
  EXPECT_EQ(queue.fire(LocalTime(10ms)), 1u);
  EXPECT_FALSE(timer.is_armed());
  EXPECT_EQ(queue.fire(LocalTime(1h)), 0u);
}

TEST(Timers, ATimerArmedAgainWhileItFiresWaitsForTheNextTurn) {
  TimerQueue queue;
  int fired = 0;
  Timer* self = nullptr;
  Timer timer([&](LocalTime now) {
    ++fired;
    queue.arm(*self, now);
  });
  self = &timer;
  queue.arm(timer, LocalTime(1ms));
  EXPECT_EQ(queue.fire(LocalTime(1h)), 1u) << "one turn must end";
  EXPECT_EQ(queue.fire(LocalTime(1h)), 1u);
  EXPECT_EQ(fired, 2);
}

TEST(Timers, ATimerMayDestroyAnotherOrItself) {
  TimerQueue queue;
  std::unique_ptr<Timer> other = std::make_unique<Timer>([](LocalTime) { FAIL(); });
  std::unique_ptr<Timer> self;
  self = std::make_unique<Timer>([&](LocalTime) {
    other.reset();
    self.reset();
  });
  queue.arm(*self, LocalTime(1ms));
  queue.arm(*other, LocalTime(2ms));
  EXPECT_EQ(queue.fire(LocalTime(5ms)), 1u);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(Timers, MayGoAwayBeforeItsTimers) {
  Timer timer;
  {
    TimerQueue queue;
    queue.arm(timer, LocalTime(1ms));
  }
  EXPECT_FALSE(timer.is_armed());
}

TEST(DeadlineAfter, DoesNotOverflow) {
  EXPECT_EQ(deadline_after(LocalTime(1s), 1s), LocalTime(2s));
  EXPECT_EQ(deadline_after(LocalTime(1s), Duration::max()), kNever);
  EXPECT_EQ(deadline_after(kNever, 0s), kNever);
}

}  // namespace
}  // namespace echostream
