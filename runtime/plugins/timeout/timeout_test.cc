#include "echostream/plugins/timeout.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace echostream {
namespace {

using namespace std::chrono_literals;

Status status_of(const std::function<void(TimeoutRule&)>& change) {
  TimeoutOptions options;
  options.rules.resize(2);
  change(options.rules[1]);
  auto plugin = make_timeout_plugin(options);
  return plugin ? Status::ok() : plugin.error();
}

TEST(TimeoutOptions, AreCheckedAndTheErrorNamesTheField) {
  EXPECT_TRUE(status_of([](TimeoutRule&) {}).is_ok());
  const std::pair<std::string, std::function<void(TimeoutRule&)>> wrong[] = {
      {"rules[1]: methods", [](TimeoutRule& rule) { rule.methods = {}; }},
      {"rules[1]: methods: 'a.B'", [](TimeoutRule& rule) { rule.methods = {"a.B"}; }},
      {"rules[1]: default_timeout", [](TimeoutRule& rule) { rule.default_timeout = -1ns; }},
      {"rules[1]: handler_timeout", [](TimeoutRule& rule) { rule.handler_timeout = -1s; }},
      {"rules[1]: idle_timeout", [](TimeoutRule& rule) { rule.idle_timeout = -1s; }},
      {"rules[1]: max_duration", [](TimeoutRule& rule) { rule.max_duration = -1s; }}};
  for (const auto& [words, change] : wrong) {
    const Status status = status_of(change);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << words;
    EXPECT_TRUE(status.message().starts_with(words)) << status;
  }
}

}  // namespace
}  // namespace echostream
