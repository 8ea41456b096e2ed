#include "runtime/plugins/metrics/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "tests/support/manual_executor.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;

struct Thing final : Sampled {
  explicit Thing(const Executor& clock) : executor(clock) {}
  ~Thing() override { leave(); }
  void sample() override { times.push_back(executor.now()); }
  const Executor& executor;
  std::vector<LocalTime> times;
};

TEST(Sampler, LooksAtEachOnceASecondHoweverManyThereAre) {
  for (const std::size_t count : {1, 32, 33, 1000, 10'000}) {
    testing::ManualExecutor executor;
    std::deque<Thing> things;
    int seconds = 0;
    Sampler sampler(executor, [&] { ++seconds; });
    for (std::size_t i = 0; i < count; ++i) sampler.add(things.emplace_back(executor));
    executor.advance(10s + 1ms);
    EXPECT_EQ(seconds, 10) << count;
    for (const Thing& thing : things) {
      ASSERT_GE(thing.times.size(), 9u) << count;
      ASSERT_LE(thing.times.size(), 11u) << count;
      for (std::size_t i = 1; i < thing.times.size(); ++i) {
        const Duration apart = thing.times[i] - thing.times[i - 1];
        ASSERT_LE(apart, 1100ms) << count;
      }
    }
  }
}

TEST(Sampler, NeverLooksAtMoreThanAFewAtOnce) {
  testing::ManualExecutor executor;
  std::deque<Thing> things;
  Sampler sampler(executor, [] {});
  for (int i = 0; i < 1000; ++i) sampler.add(things.emplace_back(executor));
  executor.advance(3s);
  std::vector<LocalTime> all;
  for (const Thing& thing : things) all.insert(all.end(), thing.times.begin(), thing.times.end());
  std::sort(all.begin(), all.end());
  for (std::size_t i = Sampler::kMostAtOnce; i < all.size(); ++i) {
    ASSERT_LT(all[i - Sampler::kMostAtOnce], all[i]);
  }
}

TEST(Sampler, ForgetsWhatIsDestroyedAndMayGoFirst) {
  testing::ManualExecutor executor;
  std::vector<std::unique_ptr<Thing>> things;
  for (int i = 0; i < 5; ++i) things.push_back(std::make_unique<Thing>(executor));
  {
    Sampler sampler(executor, [] {});
    for (const auto& thing : things) sampler.add(*thing);
    things.erase(things.begin() + 4);
    things.erase(things.begin() + 2);
    things.erase(things.begin());
    EXPECT_EQ(sampler.size(), 2u);
    executor.advance(1s);
    for (const auto& thing : things) EXPECT_EQ(thing->times.size(), 1u);
  }
  EXPECT_EQ(executor.armed_timers(), 0u);
  things.clear();
}

}  // namespace
}  // namespace echostream::internal
