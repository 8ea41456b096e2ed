#include "tools/echostream/io/json_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace echostream::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> rest_of(JsonSplitter& splitter) {
  std::vector<std::string> values;
  for (;;) {
    auto value = splitter.next();
    EXPECT_TRUE(value.has_value()) << value.status();
    if (!value || !*value) return values;
    values.push_back(**value);
  }
}

std::vector<std::string> split(std::string_view text) {
  JsonSplitter splitter;
  splitter.feed(text);
  splitter.finish();
  return rest_of(splitter);
}

TEST(JsonSplitter, GivesOneValueAfterTheOther) {
  EXPECT_THAT(split(R"({"a":1}{"b":[2,{}]} [3])"),
              ElementsAre(R"({"a":1})", R"(       {"b":[2,{}]})", "                    [3]"));
  EXPECT_THAT(split("1 true\"x\"{}"), ElementsAre("1", "  true", "      \"x\"", "         {}"));
  EXPECT_THAT(split(""), IsEmpty());
  EXPECT_THAT(split(" \n\t\r\n"), IsEmpty());
}

TEST(JsonSplitter, IsNotMisledByStrings) {
  EXPECT_THAT(split(R"({"a":"}\"{"}{})"), ElementsAre(R"({"a":"}\"{"})", "            {}"));
}

TEST(JsonSplitter, KeepsLinesAndColumns) {
  EXPECT_THAT(split("{}\n\n  {\n}"), ElementsAre("{}", "\n\n  {\n}"));
}

TEST(JsonSplitter, GivesAValueWhenItIsComplete) {
  JsonSplitter splitter;
  splitter.feed(R"({"a":)");
  EXPECT_THAT(rest_of(splitter), IsEmpty());
  splitter.feed("\"}");
  EXPECT_THAT(rest_of(splitter), IsEmpty());
  splitter.feed("\"}12");
  EXPECT_THAT(rest_of(splitter), ElementsAre(R"({"a":"}"})"));
  splitter.feed("3");
  splitter.finish();
  EXPECT_THAT(rest_of(splitter), ElementsAre("         123"));
}

TEST(JsonSplitter, LeavesWhatIsWrongToTheReader) {
  EXPECT_THAT(split("{\"a\":"), ElementsAre("{\"a\":"));
  EXPECT_THAT(split("}"), ElementsAre("}"));
  EXPECT_THAT(split("hello"), ElementsAre("hello"));
}

TEST(JsonSplitter, SaysWhenItNoLongerShowsTheLine) {
  JsonSplitter splitter;
  splitter.feed(std::string(20'000, '\n') + "{}");
  splitter.finish();
  EXPECT_THAT(rest_of(splitter), ElementsAre("{}"));
  EXPECT_EQ(splitter.lines_left_out(), 20'000u);
}

TEST(JsonSplitter, R04_RefusesAValueWithoutAnEnd) {
  JsonSplitter splitter;
  splitter.feed(std::string(JsonSplitter::kMostBytes + 1, '['));
  const auto value = splitter.next();
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace echostream::tool
