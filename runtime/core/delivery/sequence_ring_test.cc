#include "runtime/core/delivery/sequence_ring.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace echostream::core {
namespace {

TEST(SequenceRing, GivesBackWhatItHoldsOnce) {
  SequenceRing<int> ring(64);
  EXPECT_FALSE(ring.first());
  EXPECT_FALSE(ring.take(0));
  EXPECT_FALSE(ring.insert(1'000'000'000'000, 1));
  EXPECT_FALSE(ring.insert(1'000'000'000'005, 5));
  EXPECT_EQ(ring.first(), 1'000'000'000'000u);
  EXPECT_FALSE(ring.take(1'000'000'000'016));
  EXPECT_EQ(ring.take(1'000'000'000'000), 1);
  EXPECT_FALSE(ring.take(1'000'000'000'000));
  EXPECT_EQ(ring.first(), 1'000'000'000'005u);
}

TEST(SequenceRing, WhatIsTooFarAwayMakesRoom) {
  SequenceRing<int> ring(32);
  EXPECT_FALSE(ring.insert(3, 3));
  EXPECT_FALSE(ring.insert(3 + 16, 19));  // grows instead
  EXPECT_EQ(ring.insert(3 + 32, 35), 3);
  EXPECT_EQ(ring.insert(3 + 32 * (1ull << 50), 99), 35);
  EXPECT_EQ(ring.take(19), 19);
}

TEST(SequenceRing, IsAMapForNumbersThatLieTogether) {
  std::mt19937 random(1);
  SequenceRing<std::uint64_t> ring(128);
  std::map<std::uint64_t, std::uint64_t> model;
  for (std::uint64_t base = 0; base < 20'000; ++base) {
    const std::uint64_t number = base + random() % 100;
    if (model.emplace(number, number).second) {
      EXPECT_FALSE(ring.insert(number, number));
    }
    EXPECT_EQ(ring.first(), model.begin()->first);
    const bool held = model.erase(base) > 0;
    EXPECT_EQ(ring.take(base).has_value(), held);
  }
}

}  // namespace
}  // namespace echostream::core
