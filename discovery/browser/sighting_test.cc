#include "discovery/browser/sighting.h"

#include <gtest/gtest.h>

namespace echostream::discovery {
namespace {

std::optional<Sighting> read(const std::string& address, std::uint32_t interface = 2,
                             const std::string& host = "camera.local") {
  const Instance instance{"camera", kServiceType, "local", interface, SocketAddress::Family::kIpv4};
  return read_sighting(instance, {host, SocketAddress::parse(address).value(), {"v=1", "id=x"}});
}

TEST(Sighting, HasHostAddressAndText) {
  const auto sighting = read("10.0.0.1:4433");
  ASSERT_TRUE(sighting);
  EXPECT_EQ(sighting->host, "camera.local");
  EXPECT_EQ(sighting->address.to_string(), "10.0.0.1:4433");
  EXPECT_EQ(sighting->record.protocol_version, 1u);
  EXPECT_EQ(sighting->record.node_id, "x");
}

TEST(Sighting, IsNoneWithoutAPort) {
  EXPECT_FALSE(read("10.0.0.1:0"));
  EXPECT_FALSE(read("[2001:db8::1]:0"));
  EXPECT_TRUE(read("10.0.0.1:1"));
}

TEST(Sighting, IsNoneAtAddressesThatNobodyHas) {
  for (const char* address : {"0.0.0.0:1", "0.1.2.3:1", "224.0.0.251:1", "239.255.255.255:1",
                              "240.0.0.1:1", "255.255.255.255:1", "[::]:1", "[ff02::fb]:1",
                              "[ff0e::1]:1", "[::ffff:224.0.0.1]:1", "[::ffff:0.0.0.0]:1"}) {
    EXPECT_FALSE(read(address)) << address;
  }
  const Instance instance{"camera", kServiceType, "local", 2, SocketAddress::Family::kIpv4};
  EXPECT_FALSE(read_sighting(instance, {"camera.local", SocketAddress(), {}}));
  for (const char* address :
       {"1.0.0.0:1", "223.255.255.255:1", "169.254.1.1:1", "[2001:db8::1]:1", "[fd00::1]:1"}) {
    EXPECT_TRUE(read(address)) << address;
  }
}

TEST(Sighting, IsAtALoopbackAddressOnTheLoopbackInterfaceOnly) {
  for (const char* address : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"}) {
    EXPECT_FALSE(read(address, 2)) << address;
    EXPECT_FALSE(read(address, 0)) << address;
    EXPECT_TRUE(read(address, 1)) << address;
  }
}

TEST(Sighting, GivesLinkLocalAddressesTheirInterface) {
  EXPECT_EQ(read("[fe80::1]:5", 7)->address.scope_id(), 7u);
  EXPECT_EQ(read("[fe80::1%3]:5", 7)->address.scope_id(), 3u);
  EXPECT_EQ(read("[febf::1]:5", 7)->address.scope_id(), 7u);
  EXPECT_EQ(read("[fec0::1]:5", 7)->address.scope_id(), 0u);
  EXPECT_FALSE(read("[fe80::1]:5", 0));
}

TEST(Sighting, IsNoneWithAHostThatIsNoDomainName) {
  EXPECT_TRUE(read("10.0.0.1:1", 2, std::string(1024, 'x')));
  EXPECT_FALSE(read("10.0.0.1:1", 2, std::string(1025, 'x')));
}

}  // namespace
}  // namespace echostream::discovery
