#include "runtime/plugins/recorder/method_patterns.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream::recorder {
namespace {

TEST(MethodPatterns, AreNamesInWhichAStarStandsForAnything) {
  EXPECT_TRUE(matches("*", "acme.v1.Robot/Grip"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("acme.v1.Robot/*", "acme.v1.Robot/Grip"));
  EXPECT_TRUE(matches("*/Grip", "acme.v1.Robot/Grip"));
  EXPECT_TRUE(matches("acme.*.Robot/G*p", "acme.v1.Robot/Grip"));
  EXPECT_TRUE(matches("a*b*b", "aXbYbZb"));
  EXPECT_TRUE(matches("acme.v1.Robot/Grip", "acme.v1.Robot/Grip"));
  EXPECT_FALSE(matches("acme.v1.Robot/Grip", "acme.v1.Robot/Grips"));
  EXPECT_FALSE(matches("acme.v1.Robot/*", "acme.v1.Robots/Grip"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("a*b", "aXbY"));
}

TEST(MethodPatterns, TakeNoLongerForStarsThatDoNotFit) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "a*";
  EXPECT_FALSE(matches(pattern + "b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace echostream::recorder
