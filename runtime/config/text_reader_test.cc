#include "runtime/config/text_reader.h"

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
  result.value = read_text_format(text, "f.textproto", problems);
  result.problems = problems.status(nullptr).message();
  return result;
}

TEST(TextReader, UnderstandsTheFormat) {
  const Read result = read(
      "# a comment\n"
      "a { b: 0x10 c: -1.5f; d: \"one\" ' two' }\n"
      "e: [1, WORD], f: < g: 010 >\n"
      "f <>");
  ASSERT_TRUE(result.value) << result.problems;
  const auto& members = result.value->members;
  ASSERT_EQ(members.size(), 4u);
  const auto& a = members[0].value.members;
  ASSERT_EQ(a.size(), 3u);
  EXPECT_EQ(a[0].value.text, "16");
  EXPECT_EQ(a[1].value.text, "-1.5");
  EXPECT_EQ(a[2].value.text, "one two");
  EXPECT_EQ(members[1].value.items[1].kind, Value::Kind::kWord);
  EXPECT_EQ(members[2].value.members[0].value.text, "8");
  EXPECT_EQ(members[0].place.line, 2);
  EXPECT_EQ(a[1].place.column, 13);
  EXPECT_EQ(a[1].value.place.column, 16);
}

TEST(TextReader, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"a: 1\nb 2", "f.textproto:2:3: error: ':' or '{' was expected here, not \"2\""},
      {"a {\n", "f.textproto:2:1: error: a field's name or '}' was expected here, but the text"},
      {"a: }", "f.textproto:1:4: error: a value was expected here, not \"}\""},
      {"a: [1 2]", "f.textproto:1:7: error: ',' or ']' was expected here, not \"2\""},
      {"}", "f.textproto:1:1: error: a field's name was expected here, not \"}\""},
      {"[x.y]: 1", "f.textproto:1:1: error: a field's name was expected here, not \"[\""},
      {"a: \"x", "f.textproto:1:6: error: Unexpected end of string."},
  };
  for (const auto& [text, expected] : cases) {
    const Read result = read(text);
    EXPECT_FALSE(result.value) << text;
    EXPECT_TRUE(result.problems.starts_with(expected)) << text << "\n" << result.problems;
  }
}

TEST(TextReader, RefusesDeepNestingAtOnce) {
  for (const char* open : {"a {", "a <"}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += open;
    const Read result = read(text);
    EXPECT_FALSE(result.value);
    EXPECT_NE(result.problems.find("deeper than 32"), std::string::npos) << result.problems;
  }
}

}  // namespace
}  // namespace echostream::internal
