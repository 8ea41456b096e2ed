#include "echostream/base/block_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace echostream::internal {
namespace {

TEST(BlockPoolTest, BlocksOfAnySizeAreApartAndWhole) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t bytes = 0; bytes < 5000; bytes += 37) {
      auto* block = static_cast<unsigned char*>(allocate_block(bytes));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0u);
      std::memset(block, static_cast<int>(bytes % 251), bytes);
      blocks.emplace_back(block, bytes);
    }
    for (const auto& [block, bytes] : blocks) {
      for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(block[i], bytes % 251);
    }
    for (const auto& [block, bytes] : blocks) free_block(block, bytes);
    blocks.clear();
  }
}

TEST(BlockPoolTest, MoreBlocksThanAreKeptGoBackWithoutHarm) {
  std::vector<void*> blocks;
  for (int i = 0; i < 5000; ++i) blocks.push_back(allocate_block(100));
  EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
  for (void* block : blocks) free_block(block, 100);
}

TEST(BlockPoolTest, ABlockMayBeGivenBackOnAnotherThread) {
  for (int i = 0; i < 20; ++i) {
    void* block = allocate_block(300);
    std::thread([&] { free_block(block, 300); }).join();
  }
}

struct Small : PooledObject {
  explicit Small(int value_in) : value(value_in) {}
  int value;
};

TEST(BlockPoolTest, ObjectsLiveInIt) {
  auto* first = new Small(1);
  delete first;
  auto* second = new Small(2);
  EXPECT_EQ(second->value, 2);
  delete second;
}

}  // namespace
}  // namespace echostream::internal
