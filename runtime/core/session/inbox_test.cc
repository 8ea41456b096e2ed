#include "runtime/core/session/inbox.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream::core {
namespace {

InboundMessage message(std::uint64_t sequence, std::size_t bytes, std::uint64_t lost_before = 0) {
  InboundMessage result;
  result.message = Buffer::copy(std::string(bytes, 'x'));
  result.header.sequence = sequence;
  result.lost_before = lost_before;
  return result;
}

TEST(Inbox, HasRoomUpToItsLimits) {
  Limits limits;
  limits.max_inbox_messages = 2;
  limits.max_inbox_bytes = 100;
  Inbox by_number(limits);
  by_number.push(message(0, 1));
  EXPECT_TRUE(by_number.has_room());
  by_number.push(message(1, 1));
  EXPECT_FALSE(by_number.has_room());
  EXPECT_EQ(by_number.take()->header.sequence, 0u);
  EXPECT_TRUE(by_number.has_room());
  Inbox by_bytes(limits);
  by_bytes.push(message(0, 99));
  EXPECT_TRUE(by_bytes.has_room());
  by_bytes.push(message(1, 1));
  EXPECT_FALSE(by_bytes.has_room());
}

TEST(Inbox, TakesOneMessageWhateverTheLimits) {
  Limits limits;
  limits.max_inbox_messages = 0;
  limits.max_inbox_bytes = 0;
  Inbox inbox(limits);
  EXPECT_TRUE(inbox.has_room());
  inbox.push(message(0, 10));
  EXPECT_FALSE(inbox.has_room());
}

TEST(Inbox, TheNewestFrameDropsAsManyOldOnesAsItNeeds) {
  Limits limits;
  limits.max_inbox_messages = 10;
  limits.max_inbox_bytes = 100;
  Inbox inbox(limits);
  for (std::uint64_t i = 0; i < 10; ++i) inbox.push_newest(message(i, 10, i == 0 ? 5 : 0));
  inbox.push_newest(message(10, 1000));
  EXPECT_EQ(inbox.bytes(), 9 * 10 + 1000u);
  inbox.push_newest(message(11, 1));
  // Nothing fits beside the large one, which went too.
  const auto next = inbox.take();
  EXPECT_EQ(next->header.sequence, 11u);
  EXPECT_EQ(next->lost_before, 5 + 11u);
  EXPECT_FALSE(inbox.take());
  EXPECT_EQ(inbox.bytes(), 0u);
}

TEST(Inbox, TheFrameBehindAGapLearnsHowMuchWasDropped) {
  Limits limits;
  limits.max_inbox_messages = 2;
  Inbox inbox(limits);
  inbox.push_newest(message(0, 1, 1));
  inbox.push_newest(message(1, 1, 2));
  inbox.push_newest(message(2, 1, 4));
  EXPECT_EQ(inbox.take()->lost_before, 1 + 1 + 2u);
  EXPECT_EQ(inbox.take()->lost_before, 4u);
}

TEST(Inbox, GivesUpWhatIsTooOldAndTellsTheNextOne) {
  const Limits limits;
  Inbox inbox(limits);
  for (std::uint64_t i = 0; i < 4; ++i) {
    InboundMessage next = message(i, 1, i == 1 ? 5 : 0);
    next.arrived_at = LocalTime(Duration(static_cast<std::int64_t>(i)));
    inbox.push(std::move(next));
  }
  inbox.drop_older_than(LocalTime(Duration(2)));
  const auto left = inbox.take();
  ASSERT_TRUE(left);
  EXPECT_EQ(left->header.sequence, 2u);
  EXPECT_EQ(left->lost_before, 7u);
  inbox.drop_older_than(LocalTime(Duration(9)));
  EXPECT_FALSE(inbox.take());
  EXPECT_EQ(inbox.lost_at_end(), 1u);
  inbox.push(message(4, 1));
  EXPECT_EQ(inbox.take()->lost_before, 1u);
  EXPECT_EQ(inbox.lost_at_end(), 0u);
}

}  // namespace
}  // namespace echostream::core
