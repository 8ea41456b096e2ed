#include "runtime/http3/fields.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace echostream::http3 {
namespace {

TEST(Fields, AreWhatWasAddedHoweverMany) {
  Fields fields;
  for (int i = 0; i < 100; ++i) fields.add("x-" + std::to_string(i), std::string(20, 'v'));
  EXPECT_EQ(fields.size(), 100u);
  EXPECT_EQ(fields.get("x-0"), std::string(20, 'v'));
  EXPECT_EQ(fields.get("x-99"), std::string(20, 'v'));
  EXPECT_FALSE(fields.has("x-100"));
  EXPECT_EQ(fields.get("x-100"), "");
}

TEST(Fields, TheFirstOfANameCounts) {
  const Fields fields{{"a", "1"}, {"b", ""}, {"a", "2"}};
  EXPECT_EQ(fields.get("a"), "1");
  EXPECT_TRUE(fields.has("b"));
}

TEST(Fields, AreEqualWhenNamesAndValuesAre) {
  EXPECT_EQ((Fields{{"ab", "c"}}), (Fields{{"ab", "c"}}));
  EXPECT_NE((Fields{{"ab", "c"}}), (Fields{{"a", "bc"}}));
  EXPECT_NE((Fields{{"a", "b"}}), (Fields{{"a", "b"}, {"c", ""}}));
  EXPECT_NE((Fields{}), (Fields{{"", ""}}));
}

TEST(Fields, AreEqualExceptForOneName) {
  const Fields fields{{"a", "1"}, {"length", "10"}, {"b", "2"}};
  EXPECT_TRUE(fields.equals_except("length", {{"a", "1"}, {"length", "7"}, {"b", "2"}}));
  EXPECT_FALSE(fields.equals_except("length", {{"a", "1"}, {"length", "10"}, {"b", "3"}}));
  EXPECT_FALSE(fields.equals_except("length", {{"a", "1"}, {"b", "2"}}));
  EXPECT_FALSE(fields.equals_except("length", {{"a", "1"}, {"b", "2"}, {"length", "10"}}));
}

TEST(Fields, CanBeAddedToAfterPseudoHeadersWereDropped) {
  Fields fields{{":status", "200"}, {":x", ""}, {"a", "1"}};
  fields.drop_pseudo_headers();
  fields.add("b", "2");
  EXPECT_EQ(fields, (Fields{{"a", "1"}, {"b", "2"}}));
  Fields only{{":status", "200"}};
  only.drop_pseudo_headers();
  EXPECT_TRUE(only.empty());
  only.add("a", "1");
  EXPECT_EQ(only, (Fields{{"a", "1"}}));
}

TEST(Fields, CanBeUsedAgainAfterTheyWereMovedFrom) {
  Fields from{{"a", "1"}};
  const Fields to = std::move(from);
  from = {};
  from.add("b", "2");
  EXPECT_EQ(to, (Fields{{"a", "1"}}));
  EXPECT_EQ(from, (Fields{{"b", "2"}}));
}

}  // namespace
}  // namespace echostream::http3
