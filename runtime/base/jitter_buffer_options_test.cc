#include <gtest/gtest.h>

#include <limits>

#include "echostream/jitter_buffer.h"

namespace echostream {
namespace {

using std::chrono::milliseconds;

JitterBufferOptions with(void (*change)(JitterBufferOptions&)) {
  JitterBufferOptions options;
  change(options);
  return options;
}

TEST(JitterBufferOptions, DefaultsAndSensibleValuesPass) {
  EXPECT_TRUE(check({}).is_ok());
  const auto sensible = with([](auto& options) {
    options.min_delay = milliseconds(20);
    options.initial_delay = milliseconds(60);
    options.max_delay = milliseconds(400);
    options.max_late_share = 0.01;
    options.max_stretch = 0.5;
  });
  EXPECT_TRUE(check(sensible).is_ok());
}

TEST(JitterBufferOptions, EachValueOutOfRangeIsNamed) {
  const auto expect_named = [](const JitterBufferOptions& options, const char* field) {
    const Status status = check(options);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(std::string(status.message()).find(field), std::string::npos) << status.message();
  };
  expect_named(with([](auto& o) { o.min_delay = milliseconds(-1); }), "min_delay");
  expect_named(with([](auto& o) { o.max_delay = milliseconds(10'001); }), "max_delay");
  expect_named(with([](auto& o) { o.initial_delay = Duration::max(); }), "initial_delay");
  expect_named(with([](auto& o) { o.max_skew = Duration::min(); }), "max_skew");
  expect_named(with([](auto& o) {
                 o.min_delay = milliseconds(50);
                 o.max_delay = milliseconds(40);
               }),
               "min_delay");
  expect_named(with([](auto& o) {
                 o.initial_delay = milliseconds(50);
                 o.max_delay = milliseconds(40);
               }),
               "initial_delay");
  expect_named(with([](auto& o) { o.max_late_share = 1; }), "max_late_share");
  expect_named(with([](auto& o) { o.max_late_share = std::numeric_limits<double>::quiet_NaN(); }),
               "max_late_share");
  expect_named(with([](auto& o) { o.max_stretch = 0.6; }), "max_stretch");
}

}  // namespace
}  // namespace echostream
