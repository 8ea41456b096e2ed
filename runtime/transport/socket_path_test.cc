#include "runtime/transport/socket_path.h"

#include <gtest/gtest.h>

namespace echostream::transport {
namespace {

TEST(SocketPath, AddressesComeBackAsTheyWere) {
  for (const char* text :
       {"192.0.2.1:4433", "0.0.0.0:0", "[2001:db8::1]:65535", "[::]:0", "[fe80::1%3]:1"}) {
    const SocketAddress address = SocketAddress::parse(text).value();
    EXPECT_EQ(from_native(NativeAddress(address).get()), address) << text;
  }
}

TEST(SocketPath, NativeFormIsThatOfTheSystem) {
  const NativeAddress native(SocketAddress::ipv4({1, 2, 3, 4}, 0x1234));
  const ngtcp2_addr address = native.get();
  ASSERT_EQ(address.addrlen, sizeof(sockaddr_in));
  const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(address.addr);
  EXPECT_EQ(ipv4->sin_family, AF_INET);
  EXPECT_EQ(ipv4->sin_port, htons(0x1234));
  EXPECT_EQ(ipv4->sin_addr.s_addr, htonl(0x01020304));
}

TEST(SocketPath, UnknownFormIsUnset) {
  const ngtcp2_addr none{nullptr, 0};
  EXPECT_FALSE(from_native(none).is_set());
}

TEST(SocketPath, AnyAddressKeepsTheFamily) {
  const SocketAddress v4 = any_address_like(SocketAddress::ipv4({1, 2, 3, 4}, 5));
  const SocketAddress v6 = any_address_like(SocketAddress::parse("[::1]:5").value());
  EXPECT_EQ(v4.to_string(), "0.0.0.0:0");
  EXPECT_EQ(v6.to_string(), "[::]:0");
}

}  // namespace
}  // namespace echostream::transport
