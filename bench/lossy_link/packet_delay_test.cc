#include "bench/lossy_link/packet_delay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{};

std::vector<std::uint8_t> packet(std::uint8_t number, std::size_t bytes = 1) {
  return std::vector<std::uint8_t>(bytes, number);
}

// Which of `count` packets come through.
std::string fate(double loss, std::uint64_t seed, std::size_t count) {
  PacketDelay link({.loss = loss, .seed = seed});
  std::string arrived;
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < count; ++i) {
    link.push(kStart, packet(1));
    arrived += link.pop(kStart, out) ? '1' : '0';
  }
  return arrived;
}

TEST(PacketDelay, GivesEachPacketOutAfterTheDelayAndInOrder) {
  PacketDelay link({.delay = 20ms});
  link.push(kStart, packet(1));
  link.push(kStart + 1ms, packet(2));
  std::vector<std::uint8_t> out;
  EXPECT_EQ(link.next_time(), kStart + 20ms);
  EXPECT_FALSE(link.pop(kStart + 20ms - 1ns, out));
  ASSERT_TRUE(link.pop(kStart + 20ms, out));
  EXPECT_EQ(out, packet(1));
  EXPECT_FALSE(link.pop(kStart + 20ms, out));
  ASSERT_TRUE(link.pop(kStart + 21ms, out));
  EXPECT_EQ(out, packet(2));
  EXPECT_EQ(link.next_time(), std::nullopt);
}

TEST(PacketDelay, LosesTheShareThatWasAskedFor) {
  const std::string arrived = fate(0.05, 7, 20'000);
  const auto lost = std::count(arrived.begin(), arrived.end(), '0');
  // 1,000 are expected; the standard deviation is 31.
  EXPECT_NEAR(static_cast<double>(lost), 1000, 5 * 31);
}

TEST(PacketDelay, LosesNothingAndEverythingAtTheEndsOfItsRange) {
  EXPECT_EQ(fate(0, 1, 1000), std::string(1000, '1'));
  EXPECT_EQ(fate(1, 1, 1000), std::string(1000, '0'));
}

TEST(PacketDelay, DecidesTheSameWayWithTheSameSeed) {
  EXPECT_EQ(fate(0.3, 4, 500), fate(0.3, 4, 500));
  EXPECT_NE(fate(0.3, 4, 500), fate(0.3, 5, 500));
}

TEST(PacketDelay, LosesWhatDoesNotFitIntoItsQueue) {
  PacketDelay link({.delay = 1ms, .most_bytes = 100});
  link.push(kStart, packet(1, 60));
  link.push(kStart, packet(2, 60));  // 120 bytes are too many
  link.push(kStart, packet(3, 40));  // exactly 100
  std::vector<std::uint8_t> out;
  ASSERT_TRUE(link.pop(kStart + 1ms, out));
  EXPECT_EQ(out[0], 1);
  ASSERT_TRUE(link.pop(kStart + 1ms, out));
  EXPECT_EQ(out[0], 3);
  EXPECT_FALSE(link.pop(kStart + 1ms, out));
  // There is room again for what has come out.
  link.push(kStart + 1ms, packet(4, 100));
  EXPECT_TRUE(link.pop(kStart + 2ms, out));
}

}  // namespace
}  // namespace bench
