#include "runtime/core/session/orphan_frames.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream::core {
namespace {

TEST(OrphanFrames, GiveACallItsFramesInTheOrderTheyCame) {
  ByteBudget budget(1000);
  Limits limits;
  OrphanFrames orphans(limits, budget);
  orphans.add(StreamId{1}, {{5, {}}, Buffer::copy("five")});
  orphans.add(StreamId{5}, {{0, {}}, Buffer::copy("other")});
  orphans.add(StreamId{1}, {{4, {}}, Buffer::copy("four")});
  EXPECT_EQ(budget.held(), 13u);
  EXPECT_EQ(orphans.take(StreamId{1})->header.sequence, 5u);
  EXPECT_EQ(orphans.take(StreamId{1})->message.text(), "four");
  EXPECT_FALSE(orphans.take(StreamId{1}));
  EXPECT_EQ(budget.held(), 5u);
}

TEST(OrphanFrames, BeyondTheirNumberTheOldestIsDropped) {
  ByteBudget budget(1000);
  Limits limits;
  limits.max_orphan_streams = 2;
  OrphanFrames orphans(limits, budget);
  for (std::uint64_t i = 0; i < 3; ++i) orphans.add(StreamId{1}, {{i, {}}, Buffer::copy("x")});
  EXPECT_EQ(orphans.size(), 2u);
  EXPECT_EQ(orphans.take(StreamId{1})->header.sequence, 1u);
}

TEST(OrphanFrames, BeyondTheBudgetTheOldestAreDroppedAndOneTooLargeIsNotKept) {
  ByteBudget budget(10);
  Limits limits;
  OrphanFrames orphans(limits, budget);
  orphans.add(StreamId{1}, {{0, {}}, Buffer::copy("12345")});
  orphans.add(StreamId{1}, {{1, {}}, Buffer::copy("67890")});
  EXPECT_EQ(orphans.size(), 2u);
  orphans.add(StreamId{1}, {{2, {}}, Buffer::copy("abcdef")});
  EXPECT_EQ(orphans.size(), 1u);
  EXPECT_EQ(orphans.take(StreamId{1})->header.sequence, 2u);
  orphans.add(StreamId{1}, {{3, {}}, Buffer::copy(std::string(11, 'x'))});
  EXPECT_EQ(orphans.size(), 0u);
  EXPECT_EQ(budget.held(), 0u);
}

TEST(OrphanFrames, OfNoneAtAllKeepNone) {
  ByteBudget budget(10);
  Limits limits;
  limits.max_orphan_streams = 0;
  OrphanFrames orphans(limits, budget);
  orphans.add(StreamId{1}, {{0, {}}, Buffer::copy("1")});
  EXPECT_EQ(orphans.size(), 0u);
}

}  // namespace
}  // namespace echostream::core
