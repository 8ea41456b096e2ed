#include "runtime/core/delivery/reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace echostream::core {
namespace {

DatagramHeader fragment(std::uint64_t sequence, std::uint64_t index, std::uint64_t count) {
  return {0, {sequence, RemoteTime{}}, index, count};
}

std::optional<std::string> add(Reassembly& reassembly, const DatagramHeader& header,
                               std::string_view piece) {
  const auto whole = reassembly.add(header, as_bytes(piece));
  if (!whole) return std::nullopt;
  return std::string(whole->text());
}

TEST(Reassembly, PutsPiecesTogetherInAnyOrder) {
  std::vector<std::uint64_t> order = {0, 1, 2, 3};
  const std::vector<std::string> pieces = {"aa", "bbb", "c", "dddd"};
  do {
    Reassembly reassembly(100, 10000);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto whole = add(reassembly, fragment(7, order[i], 4), pieces[order[i]]);
      EXPECT_EQ(whole.has_value(), i == 3);
      EXPECT_EQ(whole.value_or("aabbbcdddd"), "aabbbcdddd");
    }
    EXPECT_EQ(reassembly.held_bytes(), 0u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Reassembly, KeepsFramesApart) {
  Reassembly reassembly(100, 10000);
  EXPECT_FALSE(add(reassembly, fragment(1, 0, 2), "a"));
  EXPECT_FALSE(add(reassembly, fragment(2, 1, 2), "y"));
  EXPECT_EQ(add(reassembly, fragment(1, 1, 2), "b"), "ab");
  EXPECT_EQ(add(reassembly, fragment(2, 0, 2), "x"), "xy");
}

TEST(Reassembly, IgnoresDuplicatesAndContradictions) {
  Reassembly reassembly(100, 10000);
  EXPECT_FALSE(add(reassembly, fragment(1, 0, 3), "a"));
  EXPECT_FALSE(add(reassembly, fragment(1, 0, 3), "A"));
  EXPECT_FALSE(add(reassembly, fragment(1, 1, 2), "B"));
  EXPECT_FALSE(add(reassembly, fragment(1, 1, 3), ""));
  EXPECT_FALSE(add(reassembly, fragment(1, 1, 3), "b"));
  EXPECT_EQ(add(reassembly, fragment(1, 2, 3), "c"), "abc");
}

TEST(Reassembly, AFrameThatMissesAPieceNeverComes) {
  Reassembly reassembly(5000, 1'000'000);
  for (std::uint64_t i = 0; i < kMaxFragments - 1; ++i) {
    EXPECT_FALSE(add(reassembly, fragment(1, i, kMaxFragments), "x"));
  }
  EXPECT_EQ(add(reassembly, fragment(1, kMaxFragments - 1, kMaxFragments), "x")->size(),
            kMaxFragments);
}

TEST(Reassembly, TakesAMessageAtTheLimitAndDropsOneByteMore) {
  Reassembly reassembly(10, 10000);
  EXPECT_FALSE(add(reassembly, fragment(1, 0, 2), "12345"));
  EXPECT_EQ(add(reassembly, fragment(1, 1, 2), "67890"), "1234567890");
  EXPECT_FALSE(add(reassembly, fragment(2, 0, 2), "12345"));
  EXPECT_FALSE(add(reassembly, fragment(2, 1, 2), "678901"));
  EXPECT_EQ(reassembly.held_bytes(), 0u);
}

TEST(Reassembly, ADuplicateAtTheLimitDoesNotDropTheMessage) {
  Reassembly reassembly(10, 10000);
  EXPECT_FALSE(add(reassembly, fragment(1, 0, 3), "12345"));
  EXPECT_FALSE(add(reassembly, fragment(1, 1, 3), "1234"));
  EXPECT_FALSE(add(reassembly, fragment(1, 1, 3), "1234"));
  EXPECT_EQ(add(reassembly, fragment(1, 2, 3), "5"), "1234512345");
}

TEST(Reassembly, NeverHoldsMoreThanItsLimitHoweverSmallThePieces) {
  Reassembly reassembly(1'000'000, 2000);
  for (std::uint64_t sequence = 0; sequence < 10; ++sequence) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      EXPECT_FALSE(add(reassembly, fragment(sequence, i, 4096), "x"));
      EXPECT_LE(reassembly.held_bytes(), 2000u);
    }
  }
}

TEST(Reassembly, WhenFullTheOldestFrameMakesRoomAndAnOlderOneIsRefused) {
  Reassembly reassembly(100, 100'000);
  for (std::uint64_t sequence = 10; sequence < 26; ++sequence) {
    EXPECT_FALSE(add(reassembly, fragment(sequence, 0, 2), "a"));
  }
  EXPECT_FALSE(add(reassembly, fragment(3, 0, 2), "old")) << "older than all: no place for it";
  EXPECT_FALSE(add(reassembly, fragment(26, 0, 2), "a")) << "takes the place of 10";
  EXPECT_EQ(add(reassembly, fragment(11, 1, 2), "b"), "ab");
  EXPECT_FALSE(add(reassembly, fragment(10, 1, 2), "b")) << "its first piece is gone";
}

}  // namespace
}  // namespace echostream::core
