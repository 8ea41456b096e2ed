#include "echostream/call_options.h"

#include <gtest/gtest.h>

#include <utility>

namespace echostream {
namespace {

using namespace std::chrono_literals;

TEST(CallOptions, KeepWhatTheyHoldWhenTheyAreAssignedToThemselves) {
  CallOptions options;
  options = std::move(options).metadata("room", "blue");
  options = std::move(options).timeout(200ms);
  options = std::move(options).fail_fast();
  EXPECT_EQ(options.metadata().find("room"), "blue");
  EXPECT_EQ(options.timeout(), 200ms);
  EXPECT_EQ(options.fail_fast(), true);
}

}  // namespace
}  // namespace echostream
