#include "runtime/transport/counted_memory.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

TEST(CountedMemoryTest, CountsWhatIsInUse) {
  CountedMemory memory;
  const ngtcp2_mem& calls = *memory.get();
  void* first = calls.malloc(1000, calls.user_data);
  EXPECT_GE(memory.bytes(), 1000u);
  EXPECT_LT(memory.bytes(), 1100u);
  void* second = calls.calloc(10, 500, calls.user_data);
  EXPECT_GE(memory.bytes(), 6000u);
  first = calls.realloc(first, 100'000, calls.user_data);
  EXPECT_GE(memory.bytes(), 105'000u);
  calls.free(second, calls.user_data);
  EXPECT_LT(memory.bytes(), 105'000u);
  calls.free(first, calls.user_data);
  EXPECT_EQ(memory.bytes(), 0u);
}

TEST(CountedMemoryTest, NullIsNothing) {
  CountedMemory memory;
  const ngtcp2_mem& calls = *memory.get();
  calls.free(nullptr, calls.user_data);
  EXPECT_EQ(memory.bytes(), 0u);
  void* made = calls.realloc(nullptr, 64, calls.user_data);
  EXPECT_GE(memory.bytes(), 64u);
  calls.free(made, calls.user_data);
  EXPECT_EQ(memory.bytes(), 0u);
}

}  // namespace
}  // namespace echostream::transport
