#include "runtime/transport/counted_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace echostream::transport {
namespace {

// Each block has a header of sixteen bytes.
constexpr std::size_t kHeader = 16;

TEST(CountedMemoryTest, CountsWhatIsInUse) {
  CountedMemory memory;
  const ngtcp2_mem& calls = *memory.get();
  auto* first = static_cast<char*>(calls.malloc(1000, calls.user_data));
  std::fill_n(first, 1000, 'a');
  EXPECT_EQ(memory.bytes(), 1000 + kHeader);
  auto* second = static_cast<char*>(calls.calloc(10, 500, calls.user_data));
  EXPECT_EQ(std::count(second, second + 5000, '\0'), 5000);
  EXPECT_EQ(memory.bytes(), 6000 + 2 * kHeader);
  first = static_cast<char*>(calls.realloc(first, 100'000, calls.user_data));
  EXPECT_EQ(std::count(first, first + 1000, 'a'), 1000);
  EXPECT_EQ(memory.bytes(), 105'000 + 2 * kHeader);
  first = static_cast<char*>(calls.realloc(first, 10, calls.user_data));
  EXPECT_EQ(memory.bytes(), 5010 + 2 * kHeader);
  calls.free(second, calls.user_data);
  calls.free(first, calls.user_data);
  EXPECT_EQ(memory.bytes(), 0u);
}

TEST(CountedMemoryTest, NullIsNothing) {
  CountedMemory memory;
  const ngtcp2_mem& calls = *memory.get();
  calls.free(nullptr, calls.user_data);
  EXPECT_EQ(memory.bytes(), 0u);
  void* made = calls.realloc(nullptr, 64, calls.user_data);
  EXPECT_EQ(memory.bytes(), 64 + kHeader);
  calls.free(made, calls.user_data);
  EXPECT_EQ(memory.bytes(), 0u);
}

TEST(CountedMemoryTest, MoreThanThereIsIsNull) {
  CountedMemory memory;
  const ngtcp2_mem& calls = *memory.get();
  EXPECT_EQ(calls.malloc(SIZE_MAX, calls.user_data), nullptr);
  EXPECT_EQ(calls.calloc(SIZE_MAX / 4, 8, calls.user_data), nullptr);
  void* made = calls.malloc(8, calls.user_data);
  EXPECT_EQ(calls.realloc(made, SIZE_MAX - 3, calls.user_data), nullptr);
  EXPECT_EQ(memory.bytes(), 8 + kHeader);
  calls.free(made, calls.user_data);
}

}  // namespace
}  // namespace echostream::transport
