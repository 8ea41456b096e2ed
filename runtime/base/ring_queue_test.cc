#include "runtime/base/ring_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace echostream {
namespace {

TEST(RingQueueTest, KeepsTheOrderWhileItWrapsAndGrows) {
  RingQueue<int> queue;
  std::deque<int> expected;
  int next = 0;
  for (int round = 1; round < 50; ++round) {
    for (int i = 0; i < round; ++i, ++next) {
      queue.push_back(next);
      expected.push_back(next);
    }
    for (int i = 0; i < round - round / 4; ++i) {
      ASSERT_EQ(queue.front(), expected.front());
      ASSERT_EQ(queue.back(), expected.back());
      ASSERT_EQ(queue.pop_front(), expected.front());
      expected.pop_front();
    }
    ASSERT_EQ(queue.size(), expected.size());
  }
}

TEST(RingQueueTest, LetsGoOfWhatWasPoppedAndOfAllThatWasCleared) {
  auto first = std::make_shared<int>(1);
  auto second = std::make_shared<int>(2);
  RingQueue<std::shared_ptr<int>> queue;
  queue.push_back(first);
  queue.push_back(second);
  EXPECT_EQ(queue.pop_front(), first);
  EXPECT_EQ(first.use_count(), 1);
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(second.use_count(), 1);
  queue.push_back(first);
  EXPECT_EQ(queue.front(), first);
}

}  // namespace
}  // namespace echostream
