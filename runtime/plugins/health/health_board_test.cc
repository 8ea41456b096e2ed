#include "runtime/plugins/health/health_board.h"

#include <gtest/gtest.h>

namespace echostream::internal {
namespace {

HealthOptions options(std::size_t all, std::size_t each) {
  HealthOptions made;
  made.max_watches = all;
  made.max_watches_per_session = each;
  return made;
}

// Sessions that are told apart by what they point to.
Session session(int number) {
  static int states[10];
  return Session(std::shared_ptr<SessionState>(std::shared_ptr<void>(),
                                               reinterpret_cast<SessionState*>(&states[number])));
}

TEST(HealthBoard, ServicesServeFromWhenTheyAreKnownUntilTheyAreSetOtherwise) {
  HealthBoard board{HealthOptions()};
  EXPECT_EQ(board.of(""), Health::kServing);
  EXPECT_EQ(board.of("a.A"), std::nullopt);
  board.add("a.A");
  EXPECT_EQ(board.of("a.A"), Health::kServing);
  board.set("a.A", Health::kNotServing);
  board.add("a.A");
  EXPECT_EQ(board.of("a.A"), Health::kNotServing);
  EXPECT_EQ(board.of(""), Health::kServing);
}

TEST(HealthBoard, NothingServesWhileItDrainsWhateverIsSet) {
  HealthBoard board{HealthOptions()};
  board.add("a.A");
  board.drain();
  board.set("a.A", Health::kServing);
  board.set("", Health::kServing);
  board.add("b.B");
  EXPECT_EQ(board.of(""), Health::kNotServing);
  EXPECT_EQ(board.of("a.A"), Health::kNotServing);
  EXPECT_EQ(board.of("b.B"), Health::kNotServing);
  EXPECT_EQ(board.of("c.C"), std::nullopt);
}

TEST(HealthBoard, OneSessionCannotTakeAllWatches) {
  HealthBoard board(options(3, 2));
  const Session greedy = session(1);
  ASSERT_TRUE(board.enter(greedy).is_ok());
  ASSERT_TRUE(board.enter(greedy).is_ok());
  EXPECT_EQ(board.enter(greedy).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(board.enter(session(2)).is_ok());
  EXPECT_EQ(board.enter(session(3)).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(board.watches(), 3u);
}

TEST(HealthBoard, APlaceIsFreeAgainWhenItsWatchEnds) {
  HealthBoard board(options(1, 1));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(board.enter(session(i)).is_ok());
    const HealthBoard::Place place(board, session(i));
    EXPECT_EQ(board.watches(), 1u);
  }
  EXPECT_EQ(board.watches(), 0u);
}

}  // namespace
}  // namespace echostream::internal
