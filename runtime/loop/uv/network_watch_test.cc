#include "runtime/loop/uv/network_watch.h"

#include <gtest/gtest.h>

#include "runtime/loop/uv/loop_test_support.h"

namespace echostream::internal {
namespace {

const SocketAddress kLoopback = SocketAddress::ipv4({127, 0, 0, 1}, 53);

TEST(SourceAddress, ToTheLoopbackIsTheLoopback) {
  const auto source = find_source_address(kLoopback, {});
  ASSERT_TRUE(source) << source.status();
  EXPECT_EQ(*source, kLoopback.with_port(0));
}

TEST(SourceAddress, ThatThisMachineHasIsTaken) {
  const auto chosen = SocketAddress::ipv4({127, 0, 0, 9}, 1234);
  const auto source = find_source_address(kLoopback, chosen);
  ASSERT_TRUE(source) << source.status();
  EXPECT_EQ(*source, chosen.with_port(0));
}

TEST(SourceAddress, ThatThisMachineDoesNotHaveIsUnavailable) {
  // TEST-NET-1.
  const auto source = find_source_address(kLoopback, SocketAddress::ipv4({192, 0, 2, 77}, 0));
  ASSERT_FALSE(source);
  EXPECT_EQ(source.status().code(), StatusCode::kUnavailable);
}

TEST(SourceAddress, OfTheOtherFamilyIsUnavailable) {
  EXPECT_FALSE(find_source_address(kLoopback, SocketAddress::ipv6({1}, 0)));
}

}  // namespace
}  // namespace echostream::internal
