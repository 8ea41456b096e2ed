#include "runtime/loop/uv/host_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/loop/uv/loop_test_support.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class LookupTest : public testing::Test {
 protected:
  // The answer for `host`.
  Result<std::vector<SocketAddress>> resolve(const std::string& host) {
    std::optional<Result<std::vector<SocketAddress>>> answer;
    auto pending = loop_->resolve(host, 4433, [&](Result<std::vector<SocketAddress>> found) {
      answer = std::move(found);
      loop_->stop();
    });
    EXPECT_FALSE(answer.has_value()) << "answered from inside the call";
    if (!run_bounded(*loop_)) return Status(StatusCode::kInternal, "no answer");
    return *std::move(answer);
  }

  std::unique_ptr<Loop> loop_ = make_loop().value();
};

TEST_F(LookupTest, AnswersNumericAddressesWithoutAskingAnybody) {
  EXPECT_THAT(resolve("192.0.2.7").value(), ElementsAre(address("192.0.2.7:4433")));
  EXPECT_THAT(resolve("2001:db8::1").value(), ElementsAre(address("[2001:db8::1]:4433")));
  EXPECT_THAT(resolve("fe80::1%2").value(), ElementsAre(address("[fe80::1%2]:4433")));
  EXPECT_THAT(resolve("::ffff:192.0.2.7").value(), ElementsAre(address("192.0.2.7:4433")));
}

TEST_F(LookupTest, FindsLocalhost) {
  auto found = resolve("localhost");
  ASSERT_TRUE(found.has_value()) << found.status();
  ASSERT_FALSE(found->empty());
  for (const SocketAddress& one : *found) {
    EXPECT_TRUE(one.is_loopback()) << one.to_string();
    EXPECT_EQ(one.port(), 4433);
  }
}

TEST_F(LookupTest, SaysThatAnImpossibleNameIsNotFound) {
  // None of them gets as far as a name server.
  const std::string longer_than_any_name(300, 'x');
  for (const std::string& host : {std::string(), std::string("a\0b", 3), longer_than_any_name}) {
    const auto found = resolve(host);
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code(), StatusCode::kNotFound) << found.error();
  }
}

TEST_F(LookupTest, IsSilentOnceItIsDestroyed) {
  const auto fail = [](Result<std::vector<SocketAddress>>) { ADD_FAILURE() << "called back"; };
  auto numeric = loop_->resolve("192.0.2.7", 1, fail);
  auto by_thread = loop_->resolve("localhost", 1, fail);
  numeric.reset();
  by_thread.reset();
  run_for(*loop_, 20ms);
}

TEST_F(LookupTest, MayBeDestroyedWithItsLoopWhileAThreadIsAtIt) {
  const auto fail = [](Result<std::vector<SocketAddress>>) { ADD_FAILURE() << "called back"; };
  auto pending = loop_->resolve("localhost", 1, fail);
  pending.reset();
  loop_.reset();
}

TEST_F(LookupTest, MayBeDestroyedByItsOwnCallback) {
  for (const char* host : {"192.0.2.7", "localhost"}) {
    std::unique_ptr<Pending> pending;
    auto held = std::make_shared<int>(7);
    pending = loop_->resolve(host, 1, [&, held](Result<std::vector<SocketAddress>>) {
      pending.reset();
      EXPECT_EQ(*held, 7);
      loop_->stop();
    });
    EXPECT_TRUE(run_bounded(*loop_));
    EXPECT_EQ(held.use_count(), 1);
  }
}

TEST(InterleaveFamilies, StartsWithIpv6TakesTurnsAndKeepsTheOrderWithinAFamily) {
  EXPECT_THAT(
      interleave_families({address("192.0.2.1:1"), address("192.0.2.2:1"), address("192.0.2.1:1"),
                           address("[2001:db8::2]:1"), address("192.0.2.3:1"),
                           address("[2001:db8::1]:1")}),
      ElementsAre(address("[2001:db8::2]:1"), address("192.0.2.1:1"), address("[2001:db8::1]:1"),
                  address("192.0.2.2:1"), address("192.0.2.3:1")));
  EXPECT_THAT(interleave_families({}), ElementsAre());
}

TEST(LookupError, TellsAMissingNameFromAMissingNameServer) {
  for (const int error : {UV_EAI_NONAME, UV_EAI_NODATA, UV_EAI_ADDRFAMILY, UV_EINVAL}) {
    EXPECT_EQ(lookup_error("robot", error).code(), StatusCode::kNotFound) << uv_err_name(error);
  }
  for (const int error : {UV_EAI_AGAIN, UV_EAI_FAIL, UV_EAI_MEMORY, UV_ENOMEM, UV_EAI_SERVICE}) {
    EXPECT_EQ(lookup_error("robot", error).code(), StatusCode::kUnavailable) << uv_err_name(error);
  }
  EXPECT_THAT(std::string(lookup_error("robot", UV_EAI_AGAIN).message()),
              testing::HasSubstr("'robot'"));
}

}  // namespace
}  // namespace echostream::internal
