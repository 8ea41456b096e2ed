#include "runtime/transport/connection_id.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <unordered_set>
#include <vector>

namespace echostream::transport {
namespace {

std::vector<std::uint8_t> numbered(std::uint64_t number, std::size_t size = 8) {
  std::vector<std::uint8_t> bytes(size);
  std::memcpy(bytes.data(), &number, std::min(size, sizeof number));
  return bytes;
}

TEST(ConnectionIdTest, IsAValue) {
  const ConnectionId id(numbered(7));
  EXPECT_EQ(id, ConnectionId(numbered(7)));
  EXPECT_NE(id, ConnectionId(numbered(8)));
  EXPECT_NE(id, ConnectionId(numbered(7, 9)));
  EXPECT_EQ(ConnectionId(id.to_ngtcp2()), id);
  EXPECT_TRUE(ConnectionId().view().empty());
  EXPECT_EQ(ConnectionId(numbered(1, 20)).view().size(), 20u);
}

TEST(ConnectionIdTest, HashDependsOnTheKey) {
  const KeyedHash one({1, 2});
  const KeyedHash other({1, 3});
  int equal = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const ConnectionId id(numbered(i));
    EXPECT_EQ(one(id), one(id));
    equal += one(id) == other(id);
  }
  EXPECT_EQ(equal, 0);
}

// T09: ids that share their low bits, their sum, or all but one byte fall into different buckets.
TEST(ConnectionIdTest, T09_ChosenIdsDoNotPileUpInOneBucket) {
  std::unordered_set<ConnectionId, KeyedHash> table(16, KeyedHash({0x0123, 0x4567}));
  constexpr std::uint64_t kIds = 1'000'000;
  for (std::uint64_t i = 0; i < kIds; ++i) table.insert(ConnectionId(numbered(i << 32, 8)));
  ASSERT_EQ(table.size(), kIds);
  std::size_t longest = 0;
  for (std::size_t b = 0; b < table.bucket_count(); ++b) {
    longest = std::max(longest, table.bucket_size(b));
  }
  // A random spread at load 1 has chains of about ten.
  EXPECT_LE(longest, 16u);
}

}  // namespace
}  // namespace echostream::transport
