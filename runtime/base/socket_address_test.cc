#include "echostream/socket_address.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace echostream {
namespace {

SocketAddress parsed(std::string_view text) {
  auto address = SocketAddress::parse(text);
  EXPECT_TRUE(address.has_value()) << address.status();
  return address.value_or(SocketAddress());
}

TEST(SocketAddress, ReadsAndWritesTheSameText) {
  for (const char* text : {"192.0.2.1:4433", "0.0.0.0:0", "255.255.255.255:65535", "[::]:0",
                           "[2001:db8::1]:4433", "[fe80::1%3]:5"}) {
    EXPECT_EQ(parsed(text).to_string(), text);
  }
  EXPECT_EQ(SocketAddress().to_string(), "(no address)");
  EXPECT_FALSE(SocketAddress().is_set());
}

TEST(SocketAddress, AMappedAddressIsTheIpv4One) {
  EXPECT_EQ(parsed("[::ffff:192.0.2.1]:5"), parsed("192.0.2.1:5"));
  EXPECT_EQ(parsed("[::ffff:192.0.2.1]:5").family(), SocketAddress::Family::kIpv4);
}

TEST(SocketAddress, SaysWhatIsWrongWithATextAndWhatToWrite) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "':port' is missing"},
      {"192.0.2.1", "':port' is missing"},
      {"[::1]", "']:port' is missing"},
      {"[::1:5", "']:port' is missing"},
      {"::1:5", "an IPv6 address needs brackets"},
      {":5", "the host is missing"},
      {"[]:5", "the host is missing"},
      {"192.0.2.1:", "the port is not a number from 0 to 65535"},
      {"192.0.2.1:65536", "the port is not a number from 0 to 65535"},
      {"192.0.2.1:-1", "the port is not a number from 0 to 65535"},
      {"192.0.2.1:5x", "the port is not a number from 0 to 65535"},
      {"192.0.2.256:5", "neither IPv4 nor IPv6"},
      {"robot.local:5", "neither IPv4 nor IPv6"},
      {"[fe80::1%eth0]:5", "the scope after '%' is not a number"},
  };
  for (const auto& [text, why] : cases) {
    const auto address = SocketAddress::parse(text);
    ASSERT_FALSE(address.has_value()) << text;
    std::string message("'");
    message.append(text).append("' is not an address: ").append(why);
    message.append("; write 192.0.2.1:4433 or [2001:db8::1]:4433");
    EXPECT_EQ(address.error(), Status(StatusCode::kInvalidArgument, message));
  }
}

TEST(HostAndPort, SuggestsNamesTooWhereTheyAreAllowed) {
  const auto target = parse_host_and_port("nohost");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error(),
            Status(StatusCode::kInvalidArgument,
                   "'nohost' is not an address: ':port' is missing; write robot.example:4433, "
                   "192.0.2.1:4433 or [2001:db8::1]:4433"));
}

TEST(SocketAddress, KnowsAnyAndLoopback) {
  EXPECT_TRUE(parsed("0.0.0.0:1").is_any());
  EXPECT_TRUE(parsed("[::]:1").is_any());
  EXPECT_FALSE(parsed("0.0.0.1:1").is_any());
  EXPECT_TRUE(parsed("127.0.0.1:1").is_loopback());
  EXPECT_TRUE(parsed("127.255.0.9:1").is_loopback());
  EXPECT_TRUE(parsed("[::1]:1").is_loopback());
  EXPECT_FALSE(parsed("[::2]:1").is_loopback());
  EXPECT_FALSE(parsed("128.0.0.1:1").is_loopback());
}

TEST(SocketAddress, DiffersByAddressPortAndScope) {
  std::unordered_set<SocketAddress> all;
  for (const char* text : {"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "[fe80::1]:1",
                           "[fe80::1%1]:1", "[fe80::1%2]:1"}) {
    EXPECT_TRUE(all.insert(parsed(text)).second) << text;
  }
  EXPECT_FALSE(all.insert(parsed("192.0.2.1:1")).second);
  EXPECT_EQ(parsed("192.0.2.1:1").with_port(2), parsed("192.0.2.1:2"));
  EXPECT_LT(parsed("192.0.2.1:1"), parsed("[::]:1"));
}

TEST(HostAndPort, TheHostMayBeAName) {
  const auto name = parse_host_and_port("robot.local:4433");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->host, "robot.local");
  EXPECT_EQ(name->port, 4433);
  EXPECT_EQ(parse_host_and_port("[::1]:1")->host, "::1");
}

}  // namespace
}  // namespace echostream
