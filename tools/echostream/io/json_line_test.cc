#include "tools/echostream/io/json_line.h"

#include <gtest/gtest.h>

#include <limits>

namespace echostream::tool {
namespace {

TEST(JsonLine, WritesWhatItIsGiven) {
  JsonLine line;
  line.add("text", "a").add("yes", true).add("count", std::uint64_t{18446744073709551615u});
  line.add("less", -3).add("ratio", 0.25).add("whole", 1e6).add_null("none");
  line.add("list", std::vector<std::string>{"x", "y"}).add_json("raw", "{}");
  EXPECT_EQ(line.text(),
            R"({"text":"a","yes":true,"count":18446744073709551615,"less":-3,"ratio":0.25,)"
            R"("whole":1000000,"none":null,"list":["x","y"],"raw":{}})");
}

TEST(JsonLine, HasNoNumberForWhatIsNone) {
  EXPECT_EQ(JsonLine().add("a", std::numeric_limits<double>::quiet_NaN()).text(), R"({"a":null})");
  EXPECT_EQ(JsonLine().add("a", std::numeric_limits<double>::infinity()).text(), R"({"a":null})");
}

TEST(QuotedJson, EscapesWhatMustBeEscaped) {
  EXPECT_EQ(quoted_json("a\"b\\c\n\x01\x7f\xc2\x9b"), R"("a\"b\\c\n\u0001\u007f\u009b")");
}

TEST(QuotedJson, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(quoted_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
            "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xc3", "\xf4\x90\x80\x80"}) {
    EXPECT_NE(quoted_json(bad).find("\xef\xbf\xbd"), std::string::npos) << bad;
    EXPECT_EQ(quoted_json(bad).find(bad), std::string::npos) << bad;
  }
}

}  // namespace
}  // namespace echostream::tool
