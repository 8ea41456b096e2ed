#include <gtest/gtest.h>

#include <set>

#include "echostream/security.h"

namespace echostream::transport {
namespace {

TEST(SteadySignatures, MakeSelfSignedCertificatesOfOneSize) {
  std::set<std::size_t> sizes;
  for (int i = 0; i < 40; ++i) {
    const auto identity =
        Identity::self_signed("robot.local", WallTime(std::chrono::hours(500'000)));
    ASSERT_TRUE(identity) << identity.status();
    sizes.insert(identity->certificate_chain_pem().size());
  }
  EXPECT_EQ(sizes.size(), 1u);
}

}  // namespace
}  // namespace echostream::transport
