#include "runtime/plugins/support/method_pattern.h"

#include <gmock/gmock.h>

#include <array>

#include "runtime/plugins/support/warnings.h"

namespace echostream::plugins {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool matches(std::string_view pattern, std::string_view method) {
  const auto parsed = MethodPattern::parse(pattern);
  EXPECT_TRUE(parsed) << parsed.status();
  return parsed && parsed->matches(method);
}

TEST(MethodPattern, MeansOneMethodAServiceAPackageOrEverything) {
  EXPECT_TRUE(matches("acme.v1.Robot/Grip", "acme.v1.Robot/Grip"));
  EXPECT_FALSE(matches("acme.v1.Robot/Grip", "acme.v1.Robot/GripAll"));
  EXPECT_TRUE(matches("acme.v1.Robot/*", "acme.v1.Robot/Grip"));
  EXPECT_FALSE(matches("acme.v1.Robot/*", "acme.v1.RobotArm/Grip"));
  EXPECT_TRUE(matches("acme.v1.*", "acme.v1.RobotArm/Grip"));
  EXPECT_FALSE(matches("acme.v1.*", "acme.v10.Robot/Grip"));
  EXPECT_TRUE(matches("*", "acme.v1.Robot/Grip"));
  EXPECT_TRUE(matches("Robot/Grip", "Robot/Grip"));
}

TEST(MethodPattern, RefusesWhatWouldMeanSomethingElseThanItLooksLike) {
  for (const char* text :
       {"", "acme.v1.Robot", "acme.v1.Rob*", "acme.*.Robot/Grip", "**", "/Grip", "acme.v1.Robot/",
        "a/b/c", "a/b/*", "/*", "acme v1/*", "acme.v1.Robot/Gr*"}) {
    const auto parsed = MethodPattern::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.error().message()), HasSubstr("package.Service/Method"));
  }
  EXPECT_FALSE(MethodPatterns::parse({}));
}

TEST(MethodPattern, ThoseThatMatchNothingAreFound) {
  std::vector<MethodPattern> patterns;
  for (const char* text : {"a.B/C", "a.B/X", "a.*", "b.*"}) {
    patterns.push_back(*MethodPattern::parse(text));
  }
  MethodInfo method;
  method.full_name = "a.B/C";
  ServiceInfo service;
  service.methods = {&method, 1};
  UnmatchedPatterns unmatched(patterns);
  unmatched.saw(service);
  EXPECT_THAT(unmatched.take(), ElementsAre("a.B/X", "b.*"));
  EXPECT_TRUE(unmatched.take().empty());
}

TEST(Warnings, O01_OfAFloodAFewAreLoggedAndTheOthersCounted) {
  std::vector<std::string> lines;
  Warnings warnings([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  LocalTime now{std::chrono::hours(5)};
  for (int i = 0; i < 1000; ++i) warnings.warn(now, "refused");
  EXPECT_EQ(lines.size(), 10u);
  warnings.warn(now + std::chrono::seconds(1), "refused");
  EXPECT_EQ(lines.back(), "refused (and 990 more before)");
  EXPECT_EQ(lines.size(), 11u);
}

}  // namespace
}  // namespace echostream::plugins
