#include "runtime/config/json_reader.h"

#include <gtest/gtest.h>

namespace echostream::internal {
namespace {

struct Read {
  std::optional<Value> value;
  std::string problems;
};

Read read(std::string_view text) {
  Problems problems;
  Read result;
  result.value = read_json(text, "f.json", problems);
  result.problems = problems.status(nullptr).message();
  return result;
}

TEST(JsonReader, SaysWhereEachValueStands) {
  const Read result = read("{\n  \"a\": [1,\n   true],\r\n\t\"b\": null }");
  ASSERT_TRUE(result.value) << result.problems;
  ASSERT_EQ(result.value->members.size(), 2u);
  const Member& a = result.value->members[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.place.line, 2);
  EXPECT_EQ(a.place.column, 3);
  EXPECT_EQ(a.value.items[0].place.column, 9);
  EXPECT_EQ(a.value.items[1].place.line, 3);
  EXPECT_EQ(a.value.items[1].place.column, 4);
  EXPECT_EQ(result.value->members[1].value.kind, Value::Kind::kNull);
  EXPECT_EQ(result.value->members[1].place.line, 4);
}

TEST(JsonReader, UnderstandsEveryEscape) {
  const Read result = read(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")");
  ASSERT_TRUE(result.value) << result.problems;
  EXPECT_EQ(result.value->text, "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(JsonReader, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "f.json:1:1: error: a value was expected here, but the text ends here"},
      {"{\n\"a\": 1,\n}", "f.json:2:7: error: no comma is allowed before }"},
      {"[1, 2,]", "f.json:1:6: error: no comma is allowed before ]"},
      {"{\"a\": 1\n \"b\": 2}", "f.json:2:2: error: a comma is missing before this"},
      {"{\"a\" 1}", "f.json:1:6: error: ':' was expected after the name, not \"1\""},
      {"{a: 1}", "f.json:1:2: error: a name in double quotes was expected here, not \"a\""},
      {"{\"a\": yes}", "f.json:1:7: error: \"yes\" must stand in double quotes"},
      {"{\"a\": 'x'}", "f.json:1:7: error: a value was expected here, not \"'\""},
      {"{\"a\": 01}", "f.json:1:7: error: \"01\" is not a number as JSON writes them"},
      {"[1.]", "f.json:1:2: error: \"1.\" is not a number"},
      {"[0x10]", "f.json:1:2: error: \"0x10\" is not a number"},
      {"[1 2]", "f.json:1:4: error: ',' or ']' was expected here, not \"2\""},
      {"{\"a\": 1", "f.json:1:8: error: ',' or '}' was expected here, but the text ends here"},
      {"{} {}", "f.json:1:4: error: one value was expected, and then the end"},
      {"\"abc\n\"", "f.json:1:1: error: this string has no end in its line"},
      {"\"\\x\"", "f.json:1:2: error: no such escape"},
      {"\"\\u12g4\"", "f.json:1:2: error: \\u is followed by four hexadecimal digits"},
      {"\"\\ud800\"", "f.json:1:2: error: half of a surrogate pair"},
      {"\"\\udc00\\ud800\"", "f.json:1:2: error: half of a surrogate pair"},
      {"\"\xff\"", "f.json:1:2: error: this is not UTF-8"},
      {"\"\xc0\x80\"", "f.json:1:2: error: this is not UTF-8"},
      {"// why\n{}", "f.json:1:1: error: JSON has no comments; the text format"},
  };
  for (const auto& [text, expected] : cases) {
    const Read result = read(text);
    EXPECT_TRUE(result.problems.starts_with(expected)) << text << "\n" << result.problems;
  }
}

TEST(JsonReader, GoesOnAfterASlipAndTellsAll) {
  const Read result = read("{\n \"a\": 1 # one\n \"b\": [nope,],\n}");
  EXPECT_EQ(std::count(result.problems.begin(), result.problems.end(), '\n'), 4) << result.problems;
}

TEST(JsonReader, RefusesDeepNestingAtOnce) {
  for (const char* open : {"[", "{\"a\":"}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += open;
    const Read result = read(text);
    EXPECT_FALSE(result.value);
    EXPECT_NE(result.problems.find("nested deeper than 32"), std::string::npos);
  }
}

}  // namespace
}  // namespace echostream::internal
