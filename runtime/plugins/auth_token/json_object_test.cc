#include "runtime/plugins/auth_token/json_object.h"

#include <gmock/gmock.h>

#include "runtime/plugins/auth_token/base64url.h"

namespace echostream::auth_token {
namespace {

using ::testing::ElementsAre;
using Kind = JsonObject::Kind;

TEST(TokenJson, KeepsStringsNumbersAndListsOfStrings) {
  const auto object = JsonObject::parse(
      R"( {"a":"x\u00e9\n","b":-1.5e3,"c":["p","q"],"d":{"a":"y","e":["z"]},"f":true,"g":[],"h":["p",1]} )");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->find("a")->text, "x\xc3\xa9\n");
  EXPECT_EQ(object->find("b")->number, -1500);
  EXPECT_THAT(object->find("c")->texts, ElementsAre("p", "q"));
  EXPECT_EQ(object->find("d")->kind, Kind::kOther);
  EXPECT_EQ(object->find("e"), nullptr);
  EXPECT_EQ(object->find("f")->kind, Kind::kOther);
  EXPECT_EQ(object->find("g")->kind, Kind::kStrings);
  EXPECT_EQ(object->find("h")->kind, Kind::kOther);
}

TEST(TokenJson, RefusesWhatIsNotOneObject) {
  for (const char* text : {"", "{", "[]", "1", "\"a\"", "{}{}", "{} x", "{\"a\":1,}", "{a:1}",
                           "{\"a\":NaN}", "{\"a\":1e999}", "{\"a\":\"\xff\"}", "{\"a\":'b'}",
                           "{\"a\":1,\"a\":2}", "{/**/}", "null"}) {
    EXPECT_FALSE(JsonObject::parse(text)) << text;
  }
  EXPECT_TRUE(JsonObject::parse("{}"));
}

TEST(TokenJson, BoundsDepthAndNumberOfValues) {
  const auto nested = [](int levels) {
    std::string text = "{\"a\":";
    for (int i = 1; i < levels; ++i) text += "[";
    for (int i = 1; i < levels; ++i) text += "]";
    return text + (levels == 1 ? "0}" : "}");
  };
  EXPECT_TRUE(JsonObject::parse(nested(8)));
  EXPECT_FALSE(JsonObject::parse(nested(9)));
  EXPECT_FALSE(JsonObject::parse(nested(100'000)));
  const auto wide = [](int values) {
    std::string text = "{\"a\":[0";
    for (int i = 1; i < values - 1; ++i) text += ",0";
    return text + "]}";
  };
  EXPECT_TRUE(JsonObject::parse(wide(256)));
  EXPECT_FALSE(JsonObject::parse(wide(257)));
}

TEST(Base64Url, IsReadInOneFormOnly) {
  for (const std::string& bytes : {std::string(), std::string("f"), std::string("fo"),
                                   std::string("foo"), std::string("\xff\xfe\xfd\x00", 4)}) {
    const std::string text = to_base64url(as_bytes(bytes));
    EXPECT_EQ(from_base64url(text), bytes);
    EXPECT_FALSE(from_base64url(text + "=")) << "padding";
    EXPECT_FALSE(from_base64url(text + "\n")) << "white space";
  }
  EXPECT_EQ(to_base64url(as_bytes("\xff\xef")), "_-8");
  EXPECT_FALSE(from_base64url("_-9")) << "bits that say nothing";
  EXPECT_FALSE(from_base64url("/+8")) << "the other alphabet";
  EXPECT_FALSE(from_base64url("A")) << "no length of anything";
}

}  // namespace
}  // namespace echostream::auth_token
