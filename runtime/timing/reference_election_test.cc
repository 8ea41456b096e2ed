#include "runtime/timing/reference_election.h"

#include <gtest/gtest.h>

#include <vector>

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kStart{100s};
using Claims = std::vector<ReferenceClaim>;

void update(ReferenceElection& election, const Claims& claims, bool is_tracking, LocalTime now,
            bool is_followed = false) {
  election.update(claims, is_followed, is_tracking, now);
}

TEST(ReferenceElection, ANodeAloneKeepsItsOwnScale) {
  ReferenceElection election(5, 500, std::nullopt);
  update(election, {}, true, kStart);
  EXPECT_TRUE(election.is_self());
  EXPECT_EQ(election.timescale(), 500u);
  EXPECT_FALSE(election.is_shared());
}

TEST(ReferenceElection, OfTwoNewNodesTheLowerIdKeepsTheScale) {
  ReferenceElection high(5, 500, std::nullopt);
  ReferenceElection low(3, 300, std::nullopt);
  update(high, Claims{{3, 300, false}}, true, kStart);
  update(low, Claims{{5, 500, false}}, true, kStart);
  EXPECT_EQ(high.reference(), 3u);
  EXPECT_EQ(high.timescale(), 300u);
  EXPECT_TRUE(low.is_self());
  EXPECT_EQ(low.timescale(), 300u);
}

TEST(ReferenceElection, ANewcomerOfLowestIdFollowsFirstAndTakesOverOnTheSameScale) {
  ReferenceElection election(1, 100, std::nullopt);
  const Claims claims{{5, 500, true}};
  update(election, claims, false, kStart);
  EXPECT_EQ(election.reference(), 5u);
  update(election, claims, true, kStart + 5s);
  update(election, claims, true, kStart + 14s);
  EXPECT_EQ(election.reference(), 5u);
  update(election, claims, true, kStart + 15s);
  EXPECT_TRUE(election.is_self());
  EXPECT_EQ(election.timescale(), 500u);
  // The one before gives way.
  ReferenceElection before(5, 500, std::nullopt);
  update(before, Claims{{1, 500, true}}, true, kStart, true);
  EXPECT_EQ(before.reference(), 1u);
}

TEST(ReferenceElection, ANewcomerThatDoesNotKnowTheTimeWellNeverTakesOver) {
  ReferenceElection election(1, 100, std::nullopt);
  for (int i = 0; i < 100; ++i)
    update(election, Claims{{5, 500, true}}, i % 9 != 0, kStart + i * 1s);
  EXPECT_EQ(election.reference(), 5u);
}

TEST(ReferenceElection, AGroupDoesNotLeaveItsScaleForANewcomer) {
  ReferenceElection election(6, 600, std::nullopt);
  update(election, Claims{{5, 500, true}}, true, kStart);
  const Claims both{{5, 500, true}, {1, 100, false}};
  for (int i = 0; i < 4; ++i) update(election, both, true, kStart + i * 1s);
  EXPECT_EQ(election.timescale(), 500u);
  // In time the newcomer has given way.
  update(election, Claims{{5, 500, true}, {5, 500, true}}, true, kStart + 4s);
  update(election, Claims{{5, 500, true}, {1, 500, true}}, true, kStart + 14s);
  EXPECT_EQ(election.reference(), 1u);
  EXPECT_EQ(election.timescale(), 500u);
}

TEST(ReferenceElection, OfTwoGroupsThatMeetTheHigherOneChangesOver) {
  ReferenceElection higher(6, 600, std::nullopt);
  ReferenceElection lower(2, 200, std::nullopt);
  update(higher, Claims{{5, 500, true}}, true, kStart);
  update(lower, Claims{{1, 100, true}}, true, kStart);
  for (int i = 1; i <= 7; ++i) {
    update(higher, Claims{{5, 500, true}, {1, 100, true}}, true, kStart + i * 1s);
    update(lower, Claims{{1, 100, true}, {5, 500, true}}, true, kStart + i * 1s);
  }
  EXPECT_EQ(higher.timescale(), 100u);
  EXPECT_EQ(lower.timescale(), 100u);
}

TEST(ReferenceElection, WhenTheReferenceIsLostTheScaleGoesOn) {
  ReferenceElection election(7, 700, std::nullopt);
  update(election, Claims{{5, 500, true}}, true, kStart);
  update(election, {}, true, kStart + 1s);
  EXPECT_TRUE(election.is_self());
  EXPECT_EQ(election.timescale(), 500u);
  update(election, Claims{{6, 500, true}}, true, kStart + 2s);
  EXPECT_EQ(election.reference(), 6u);
  EXPECT_EQ(election.timescale(), 500u);
}

TEST(ReferenceElection, AConfiguredReferenceIsTheOnlyOne) {
  ReferenceElection election(2, 200, NodeId{9});
  update(election, Claims{{1, 100, true}}, true, kStart);
  EXPECT_TRUE(election.is_self());
  EXPECT_EQ(election.timescale(), 200u);
  update(election, Claims{{1, 100, true}, {9, 900, false}}, true, kStart);
  EXPECT_EQ(election.reference(), 9u);
  update(election, {}, true, kStart);
  EXPECT_EQ(election.reference(), 9u);
  ReferenceElection configured(9, 900, NodeId{9});
  update(configured, Claims{{1, 100, true}}, true, kStart);
  EXPECT_TRUE(configured.is_self());
  EXPECT_EQ(configured.timescale(), 900u);
}

TEST(ReferenceElection, AScaleThatWasLostBeforeItWasFoundIsNotContinued) {
  ReferenceElection election(7, 700, std::nullopt);
  update(election, Claims{{5, 500, true}}, false, kStart);
  election.return_to(700);
  EXPECT_TRUE(election.is_self());
  EXPECT_EQ(election.timescale(), 700u);
}

}  // namespace
}  // namespace echostream::timing
