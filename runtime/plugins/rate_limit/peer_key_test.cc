#include "runtime/plugins/rate_limit/peer_key.h"

#include <gmock/gmock.h>

namespace echostream::rate_limit {
namespace {

std::string key(std::string_view text) {
  const auto address = SocketAddress::parse(text);
  EXPECT_TRUE(address) << address.status();
  return key_of_address(*address);
}

TEST(PeerKey, IsAnIpv4AddressWhateverThePort) {
  EXPECT_EQ(key("192.0.2.1:1"), key("192.0.2.1:2"));
  EXPECT_NE(key("192.0.2.1:1"), key("192.0.2.2:1"));
  EXPECT_EQ(key("192.0.2.1:1"), key("[::ffff:192.0.2.1]:1"));
}

TEST(PeerKey, IsAnIpv6NetworkOf64Bits) {
  EXPECT_EQ(key("[2001:db8:0:1::1]:1"), key("[2001:db8:0:1:ffff:ffff:ffff:ffff]:2"));
  EXPECT_NE(key("[2001:db8:0:1::1]:1"), key("[2001:db8:0:2::1]:1"));
}

TEST(PeerKey, TellsNeighboursOnALinkApart) {
  EXPECT_NE(key("[fe80::1%2]:1"), key("[fe80::2%2]:1"));
  EXPECT_NE(key("[fe80::1%2]:1"), key("[fe80::1%3]:1"));
  EXPECT_EQ(key("[fe80::1%2]:1"), key("[fe80::1%2]:9"));
  EXPECT_NE(key("[::1]:1"), key("[::2]:1"));
}

TEST(PeerKey, OfNoAddressIsTheSameForAll) { EXPECT_EQ(key_of_address(SocketAddress()), ""); }

}  // namespace
}  // namespace echostream::rate_limit
