#include "runtime/transport/address_budget.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

using namespace std::chrono_literals;

constexpr LocalTime kNow{Duration(1h)};
constexpr std::array<std::uint64_t, 2> kKey = {0x0123456789abcdef, 0xfedcba9876543210};

SocketAddress ipv4(std::uint32_t address, std::uint16_t port = 1) {
  return SocketAddress::ipv4(
      {static_cast<std::uint8_t>(address >> 24), static_cast<std::uint8_t>(address >> 16),
       static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)},
      port);
}

SocketAddress ipv6(std::uint8_t network, std::uint8_t host) {
  std::array<std::uint8_t, 16> bytes = {0x20, 0x01, 0x0d, 0xb8, 0, network};
  bytes[15] = host;
  return SocketAddress::ipv6(bytes, 1);
}

int taken(NetworkRateLimit& limit, const SocketAddress& client, int tries, LocalTime now = kNow) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limit.take(now, client) ? 1 : 0;
  return count;
}

TEST(NetworkRateLimit, GivesANetworkItsShareASecondWhateverAddressesItUses) {
  NetworkRateLimit limit(10, kKey);
  EXPECT_EQ(taken(limit, ipv4(0xcb007101), 5), 5);
  EXPECT_EQ(taken(limit, ipv4(0xcb0071fe, 9), 20), 5);
  EXPECT_EQ(taken(limit, ipv4(0xcb007205), 20), 10);  // the next network
  EXPECT_EQ(taken(limit, ipv4(0xcb007101), 20, kNow + 500ms), 5);
}

TEST(NetworkRateLimit, CountsIpv6BySites) {
  NetworkRateLimit limit(10, kKey);
  EXPECT_EQ(taken(limit, ipv6(1, 1), 20), 10);
  EXPECT_EQ(taken(limit, ipv6(1, 2), 20), 0);
  EXPECT_EQ(taken(limit, ipv6(2, 1), 20), 10);
}

TEST(NetworkRateLimit, ZeroAndLoopbackHaveNone) {
  NetworkRateLimit none(0, kKey);
  EXPECT_EQ(taken(none, ipv4(0xcb007101), 100'000), 100'000);
  NetworkRateLimit one(1, kKey);
  EXPECT_EQ(taken(one, ipv4(0x7f000001), 1000), 1000);
}

// Who floods from a hundred networks leaves nearly all others untouched.
TEST(NetworkRateLimit, AFloodFromSomeNetworksHoldsBackFewOthers) {
  NetworkRateLimit limit(10, kKey);
  for (std::uint32_t network = 0; network < 100; ++network) {
    taken(limit, ipv4(0x0a000001 + (network << 8)), 1000);
  }
  int held_back = 0;
  for (std::uint32_t network = 0; network < 1000; ++network) {
    held_back += limit.take(kNow, ipv4(0xc0000001 + (network << 8))) ? 0 : 1;
  }
  // Both buckets of one must be among those hundred: one in a hundred.
  EXPECT_LE(held_back, 30);
}

TEST(AddressCounts, HoldsAnAddressToItsMostWhateverThePort) {
  AddressCounts counts(2);
  const SocketAddress client = ipv4(0xcb007101, 1);
  counts.add(client);
  EXPECT_TRUE(counts.has_room(client));
  counts.add(client.with_port(2));
  EXPECT_FALSE(counts.has_room(client.with_port(3)));
  EXPECT_TRUE(counts.has_room(ipv4(0xcb007102)));
  counts.remove(client.with_port(2));
  EXPECT_TRUE(counts.has_room(client));
}

TEST(AddressCounts, ForgetsAddressesWithoutConnections) {
  AddressCounts counts(2);
  for (std::uint32_t i = 0; i < 1000; ++i) counts.add(ipv4(0x0a000000 + i));
  EXPECT_EQ(counts.addresses(), 1000u);
  for (std::uint32_t i = 0; i < 1000; ++i) counts.remove(ipv4(0x0a000000 + i));
  EXPECT_EQ(counts.addresses(), 0u);
  counts.remove(ipv4(1));          // never added
  counts.remove(SocketAddress());  // of a connection that was never accepted
  EXPECT_EQ(counts.addresses(), 0u);
}

TEST(AddressCounts, ZeroAndLoopbackAreNotCounted) {
  AddressCounts none(0);
  AddressCounts one(1);
  for (int i = 0; i < 10; ++i) {
    none.add(ipv4(0xcb007101));
    one.add(ipv4(0x7f000001));
  }
  EXPECT_TRUE(none.has_room(ipv4(0xcb007101)));
  EXPECT_TRUE(one.has_room(ipv4(0x7f000001)));
  EXPECT_EQ(none.addresses() + one.addresses(), 0u);
}

}  // namespace
}  // namespace echostream::transport
