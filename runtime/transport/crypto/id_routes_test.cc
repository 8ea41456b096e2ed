#include "runtime/transport/crypto/id_routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/sim/random.h"

namespace echostream::transport {
namespace {

using testing::Random;

constexpr IdRoutes::Key kKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr IdRoutes::Key kOtherKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17};
constexpr std::size_t kIdBytes = 16;

std::vector<std::uint8_t> random_id(Random& random) {
  std::vector<std::uint8_t> id(kIdBytes);
  for (std::uint8_t& byte : id) byte = static_cast<std::uint8_t>(random.next());
  return id;
}

// A uniform count over 256 values: six standard deviations around the mean.
void expect_uniform(const std::array<int, 256>& counts, int total) {
  const double mean = total / 256.0;
  const double most_off = 6 * std::sqrt(mean);
  for (const int count : counts) EXPECT_NEAR(count, mean, most_off);
}

TEST(IdRoutes, FindTheEndpointThatMadeAnId) {
  const IdRoutes routes(kKey);
  Random random(1, 0);
  for (int endpoint = 0; endpoint < 256; ++endpoint) {
    std::vector<std::uint8_t> id = random_id(random);
    routes.write(id, static_cast<std::uint8_t>(endpoint));
    EXPECT_EQ(routes.read(id), endpoint);
    EXPECT_EQ(IdRoutes(kKey).read(id), endpoint) << "in another endpoint with that key";
  }
}

TEST(IdRoutes, ChangeOneByteSoThatIdsStayHardToGuess) {
  const IdRoutes routes(kKey);
  Random random(2, 0);
  const std::vector<std::uint8_t> before = random_id(random);
  std::vector<std::uint8_t> after = before;
  routes.write(after, 7);
  EXPECT_TRUE(std::equal(before.begin() + 1, before.end(), after.begin() + 1));
}

// Whoever watches the wire sees ids of one endpoint. No byte of them stands still, and another key
// reads any endpoint from them.
TEST(IdRoutes, OfOneEndpointHaveNothingInCommonForThoseWithoutTheKey) {
  const IdRoutes routes(kKey);
  const IdRoutes guess(kOtherKey);
  constexpr int kIds = 100'000;
  Random random(3, 0);
  std::array<int, 256> first_bytes{};
  std::array<int, 256> guesses{};
  for (int i = 0; i < kIds; ++i) {
    std::vector<std::uint8_t> id = random_id(random);
    routes.write(id, 3);
    ++first_bytes[id[0]];
    ++guesses[guess.read(id)];
  }
  expect_uniform(first_bytes, kIds);
  expect_uniform(guesses, kIds);
}

// Clients choose the id of their first packet: those spread over all numbers.
TEST(IdRoutes, ReadAnyEndpointFromIdsThatNobodyMade) {
  const IdRoutes routes(kKey);
  constexpr int kIds = 100'000;
  std::array<int, 256> counts{};
  std::vector<std::uint8_t> id(kIdBytes);
  for (int i = 0; i < kIds; ++i) {
    id[3] = static_cast<std::uint8_t>(i >> 16);
    id[2] = static_cast<std::uint8_t>(i >> 8);
    id[1] = static_cast<std::uint8_t>(i);
    ++counts[routes.read(id)];
  }
  expect_uniform(counts, kIds);
}

}  // namespace
}  // namespace echostream::transport
