#include "runtime/transport/crypto/received_numbers.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/sim/random.h"

namespace echostream::transport {
namespace {

TEST(ReceivedNumbersTest, CountsEachNumberOnce) {
  ReceivedNumbers numbers;
  for (const std::uint64_t number : {0, 1, 2, 1, 0, 5, 5, 4, 3, 3, 9}) numbers.insert(number);
  EXPECT_EQ(numbers.count(), 7u);
}

TEST(ReceivedNumbersTest, AgreesWithASetOverAnyOrder) {
  testing::Random random(7, 0);
  ReceivedNumbers numbers;
  std::set<std::uint64_t> all;
  std::uint64_t base = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t number = base + random.below(60);
    base += random.below(2);
    numbers.insert(number);
    // Of sixty numbers at once at most thirty gaps stay behind: none is forgotten but those that
    // nobody asks for any more.
    all.insert(number);
    ASSERT_EQ(numbers.count(), all.size()) << i;
  }
}

TEST(ReceivedNumbersTest, ForgetsTheOldestGapsAndTakesThemForKnown) {
  ReceivedNumbers numbers;
  for (std::uint64_t number = 1; number < 20'000; number += 2) numbers.insert(number);
  EXPECT_EQ(numbers.count(), 10'000u);
  numbers.insert(0);
  EXPECT_EQ(numbers.count(), 10'000u);
  numbers.insert(19'998);
  EXPECT_EQ(numbers.count(), 10'001u);
}

TEST(ReceivedNumbersTest, TakesTheLargestThereIs) {
  ReceivedNumbers numbers;
  numbers.insert((std::uint64_t{1} << 62) - 1);
  numbers.insert(UINT64_MAX - 1);
  numbers.insert(UINT64_MAX - 1);
  EXPECT_EQ(numbers.count(), 2u);
}

}  // namespace
}  // namespace echostream::transport
