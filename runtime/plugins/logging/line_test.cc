#include "runtime/plugins/logging/line.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kTime{1'800'000'000s + 123456us};

std::string line_of(LogFormat format, std::string_view value) {
  Line line(format, kTime, LogLevel::kInfo, "call");
  line.text("message", value).number("n", 7).milliseconds("ms", 1234us);
  return std::move(line).finish();
}

TEST(Line, IsTextForPeople) {
  EXPECT_EQ(line_of(LogFormat::kText, "plain"), "call message=plain n=7 ms=1.234");
  EXPECT_EQ(line_of(LogFormat::kText, "two words"), "call message=\"two words\" n=7 ms=1.234");
  EXPECT_EQ(line_of(LogFormat::kText, ""), "call message=\"\" n=7 ms=1.234");
}

TEST(Line, IsJsonForPrograms) {
  EXPECT_EQ(line_of(LogFormat::kJson, "x"),
            "{\"time\":\"2027-01-15T08:00:00.123456Z\",\"level\":\"info\",\"event\":\"call\","
            "\"message\":\"x\",\"n\":7,\"ms\":1.234}");
}

TEST(Line, CutsLongValues) {
  EXPECT_LT(line_of(LogFormat::kText, std::string(1'000'000, 'x')).size(), 400u);
  EXPECT_LT(line_of(LogFormat::kJson, std::string(1'000'000, '\n')).size(), 2000u);
}

// A value that pretends to be further fields, a second line, or orders to a terminal.
TEST(Line, O02_AValueCannotLeaveItsPlace) {
  const std::string nasty[] = {
      "x code=OK",
      "x\" code=OK \"",
      "x\ninfo call code=OK",
      "x\r\x1b[2J",
      "x\",\"y\":\"1",
      std::string("a\0b", 3),
      "\xc2\x9b"
      "31m red",
      "\xe2\x80\xae"
      "evil",
      "\xff\xfe\xc3(",
      "\xe2\x80\xa8 next line",
      "back\\slash",
      "a=b",
  };
  for (const std::string& value : nasty) {
    const std::string text = line_of(LogFormat::kText, value);
    ASSERT_TRUE(text.starts_with("call message=\"") && text.ends_with("\" n=7 ms=1.234")) << text;
    const std::string inside = text.substr(14, text.size() - 14 - 15);
    for (std::size_t i = 0; i < inside.size(); ++i) {
      ASSERT_GE(static_cast<unsigned char>(inside[i]), 0x20) << text;
      if (inside[i] == '\\') {
        ++i;
      } else {
        ASSERT_NE(inside[i], '"') << text;
      }
    }
    EXPECT_EQ(inside.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(inside.find("\xe2\x80"), std::string::npos);
    google::protobuf::Struct parsed;
    const std::string json = line_of(LogFormat::kJson, value);
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
    EXPECT_EQ(parsed.fields().size(), 6u) << json;
    EXPECT_EQ(json.find('\n'), std::string::npos);
  }
}

TEST(Line, O02_RandomBytesStayValidJson) {
  std::uint64_t random = 3;
  for (int round = 0; round < 5000; ++round) {
    std::string value;
    for (int i = 0; i < round % 40; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      value += static_cast<char>(random >> 56);
    }
    google::protobuf::Struct parsed;
    const std::string json = line_of(LogFormat::kJson, value);
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
  }
}

}  // namespace
}  // namespace echostream::internal
