// JSON that becomes messages, and JSON that does not.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/struct.pb.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "runtime/gateway/json/message_types.h"
#include "runtime/gateway/json/messages_test_support.h"

namespace echostream::gateway {
namespace {

class JsonReading : public ::testing::Test {
 protected:
  JsonReading() { add_test_messages(types_); }
  Result<Buffer> read(std::string_view json, std::string_view type = "test.v1.All") {
    return types_.from_json(test_type(types_, type), json);
  }
  /// Read and written again.
  std::string there_and_back(std::string_view json, std::string_view type = "test.v1.All") {
    const auto bytes = read(json, type);
    if (!bytes) return bytes.error().to_string();
    const auto text = types_.to_json(test_type(types_, type), *bytes);
    return text ? *text : text.error().to_string();
  }
  std::string refusal(std::string_view json, std::string_view type = "test.v1.All") {
    const auto bytes = read(json, type);
    if (bytes) return "it was taken";
    EXPECT_EQ(bytes.error().code(), StatusCode::kInvalidArgument) << json;
    return std::string(bytes.error().message());
  }

  MessageTypes types_;
};

TEST_F(JsonReading, TakesEveryKindOfFieldAndWritesItTheSame) {
  for (const char* json : {
           R"({"anInt32":-2147483648,"aUint32":4294967295})",
           R"({"anInt64":"-9223372036854775808","aUint64":"18446744073709551615"})",
           R"({"aFloat":1.5,"aDouble":-1e+300})",
           R"({"aFloat":"NaN","aDouble":"-Infinity"})",
           R"({"aBool":true,"aString":"é€😀\"\n"})",
           R"({"someBytes":"AP/+"})",
           R"({"colour":"GREEN","child":{"colour":"RED"}})",
           R"({"numbers":[1,2,3],"children":[{},{"anInt32":1}]})",
           R"({"counts":{"a b":1},"byNumber":{"-7":{"aBool":true}},"byBool":{"true":"RED"}})",
           R"({"text":""})",
           R"({"number":0})",
           R"({"other":{"mayBe":0}})",
           R"({"duration":"1.500s","time":"2024-05-01T12:30:00.250Z","mask":"aB,c.dE"})",
           R"({"object":{"a":[1,null,{"b":true}],"c":"d"},"value":null,"list":[[],[{}]]})",
           R"({"wrappedInt64":"5","wrappedString":"","wrappedBool":false,"empty":{}})",
           R"({"another-name":1,"values":[null,1,"a"]})",
           R"({"old":{"must":1,"may":""}})",
           R"({"any":{"@type":"type.googleapis.com/test.v1.All","anInt32":1}})",
           R"({"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}})",
       }) {
    EXPECT_EQ(there_and_back(json), json);
  }
}

TEST_F(JsonReading, TakesWhatOtherWritersWrite) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"an_int32":1,"renamed":2})", R"({"anInt32":1,"another-name":2})"},
      {R"({"anInt32":"12","anInt64":1e3,"aUint32":2.0})",
       R"({"anInt32":12,"anInt64":"1000","aUint32":2})"},
      {R"({"colour":2,"byBool":{"false":77}})", R"({"colour":"GREEN","byBool":{"false":77}})"},
      {R"({"someBytes":"AP_-"})", R"({"someBytes":"AP/+"})"},
      {R"({"someBytes":"AP8"})", R"({"someBytes":"AP8="})"},
      {R"({"aString":null,"child":null,"numbers":null,"text":null,"number":1})", R"({"number":1})"},
      {R"({"aString":"\u00e9\ud83d\ude00"})", R"({"aString":"é😀"})"},
      {"  {\r\n\t}\n", "{}"},
      {R"({"any":{"anInt32":1,"@type":"type.googleapis.com/test.v1.All"}})",
       R"({"any":{"@type":"type.googleapis.com/test.v1.All","anInt32":1}})"},
      {R"({"any":{}})", R"({"any":{}})"},
  };
  for (const auto& [json, same] : cases) EXPECT_EQ(there_and_back(json), same);
}

TEST_F(JsonReading, TakesWellKnownTypesAsAWhole) {
  EXPECT_EQ(there_and_back("\"1s\"", "google.protobuf.Duration"), "\"1s\"");
  EXPECT_EQ(there_and_back("[1,[]]", "google.protobuf.ListValue"), "[1,[]]");
  EXPECT_EQ(there_and_back("{\"a\":null}", "google.protobuf.Struct"), "{\"a\":null}");
  EXPECT_EQ(there_and_back("\"5\"", "google.protobuf.Int64Value"), "\"5\"");
  EXPECT_EQ(there_and_back("{}", "google.protobuf.Empty"), "{}");
}

TEST_F(JsonReading, SaysWhereAndWhatToWriteInstead) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1, column 1: a value was expected here, but the text ends here"},
      {"{\"aBool\": true,\n}", "line 1, column 15: no comma is allowed before }"},
      {"{\n  \"aBool\": yes}",
       "line 2, column 12: \"yes\" must stand in double quotes, or be true, false or null"},
      {"{} // done", "line 1, column 4: JSON has no comments"},
      {"[]", "line 1, column 1: an object was expected: { ... }"},
      {"5", "line 1, column 1: an object was expected: { ... }, not 5"},
      {"null", "line 1, column 1: null stands for a field that is not there"},
      {R"({"an_int3": 1})",
       "line 1, column 2: test.v1.All has no field \"an_int3\"; did you mean \"anInt32\"?"},
      {"{\"children\": [{},\n {\"child\": {\"colur\": 1}}]}",
       "line 2, column 13: children[1].child: test.v1.All has no field \"colur\"; did you mean "
       "\"colour\"?"},
      {R"({"anInt32": 1, "an_int32": 2})",
       "line 1, column 16: anInt32: this field was given before"},
      {R"({"text": "a", "number": 1})",
       "line 1, column 25: number: another field of the oneof \"choice\" was given before"},
      {R"({"anInt32": 2147483648})",
       "line 1, column 13: anInt32: a whole number from -2147483648 to 2147483647 was expected, "
       "not 2147483648"},
      {R"({"aUint64": -1})", "line 1, column 13: aUint64: a whole number from 0 to 2^64-1"},
      {R"({"anInt64": 1.5})", "line 1, column 13: anInt64: a whole number"},
      {R"({"anInt64": 9223372036854775808})", "line 1, column 13: anInt64: a whole number"},
      {R"({"anInt32": " 1"})", "line 1, column 13: anInt32: a whole number"},
      {R"({"aDouble": 1e400})", "line 1, column 13: aDouble: a number that a double can hold"},
      {R"({"aFloat": 1e40})", "line 1, column 12: aFloat: a number that a float can hold"},
      {R"({"aDouble": "inf"})", "line 1, column 13: aDouble: a number that a double can hold"},
      {R"({"aBool": 1})", "line 1, column 11: aBool: true or false was expected, not 1"},
      {R"({"aString": 1})", "line 1, column 13: aString: text in quotes was expected, not 1"},
      {R"({"someBytes": "a"})", "line 1, column 15: someBytes: bytes in base64 were expected"},
      {R"({"someBytes": "a-/a"})", "line 1, column 15: someBytes: bytes in base64 were expected"},
      {R"({"colour": "GREN"})",
       "line 1, column 12: colour: a name of test.v1.Colour was expected, not \"GREN\"; did you "
       "mean \"GREEN\"?"},
      {R"({"colour": "purple"})",
       "line 1, column 12: colour: a name of test.v1.Colour was expected, not \"purple\", for "
       "example \"NONE\""},
      {R"({"child": []})", "line 1, column 11: child: an object was expected"},
      {R"({"numbers": 1})", "line 1, column 13: numbers: a list was expected: [ ... ], not 1"},
      {R"({"numbers": [1, [2]]})",
       "line 1, column 17: numbers[1]: one value was expected, not a list"},
      {R"({"numbers": [null]})", "line 1, column 14: numbers[0]: null stands for"},
      {R"({"counts": []})", "line 1, column 12: counts: a map was expected"},
      {R"({"counts": {"a": "b"}})", "line 1, column 18: counts[\"a\"]: a whole number"},
      {R"({"byNumber": {"x": {}}})", "line 1, column 15: byNumber[\"x\"]: the key: a whole number"},
      {R"({"time": "yesterday"})",
       "line 1, column 10: time: a time was expected, like \"2024-05-01T12:30:00.5Z\", not "
       "\"yesterday\""},
      {R"({"time": {"seconds": 1}})", "line 1, column 10: time: a time was expected"},
      {R"({"duration": 5})", "line 1, column 14: duration: a duration in seconds was expected"},
      {R"({"wrappedInt64": {"value": 1}})",
       "line 1, column 18: wrappedInt64: the value itself was expected, not an object"},
      {R"({"wrappedBool": "maybe"})", "line 1, column 17: wrappedBool: true or false"},
      {R"({"any": {"@type": "type.googleapis.com/no.Such"}})",
       "line 1, column 19: any: the type of an Any is \"type.googleapis.com/\" and the full name"},
      {R"({"any": {"@type": "type.googleapis.com/test.v1.All", "no": 1}})",
       "line 1, column 54: any: test.v1.All has no field \"no\""},
      {R"({"any": {"no": 1, "@type": "type.googleapis.com/test.v1.All"}})", ""},
      {R"({"any": {"no": 1}})", ""},
      {R"({"old": {}})", ""},
      {R"({"old": {"must": 1, "inner": {}}})",
       "line 1, column 21: old.inner: this field is a group of proto2"},
      {"{\"aString\": \"\xff\"}", "line 1, column 14: this is not UTF-8"},
      {R"({"aString": "\ud800"})", "line 1, column 14: half of a surrogate pair"},
  };
  for (const auto& [json, expected] : cases) {
    const std::string got = refusal(json);
    EXPECT_TRUE(got.starts_with(expected) && got != "it was taken") << json << "\n" << got;
  }
}

// protobuf's parser would take minutes for each.
TEST_F(JsonReading, R04_DepthBombsAreRefused) {
  std::string objects;
  while (objects.size() < 1024 * 1024) objects += "{\"a\":";
  const std::string bombs[] = {
      std::string(1024 * 1024, '['),
      "{\"value\":" + std::string(1024 * 1024, '['),
      "{\"any\":{\"a\":" + std::string(1024 * 1024, '['),
      "{\"object\":" + objects,
      "{\"numbers\":" + std::string(1024 * 1024, '['),
  };
  for (const std::string& bomb : bombs) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(read(bomb));
    EXPECT_FALSE(read(bomb, "google.protobuf.ListValue"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(500));
  }
  const auto deep = read(bombs[0], "google.protobuf.ListValue");
  EXPECT_EQ(deep.error().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(deep.error().message(), "line 1, column 65: nested deeper than 64");
}

TEST_F(JsonReading, R04_NestsAsDeepAsTheLimitAndNoDeeper) {
  for (const std::size_t depth : {1u, 63u, 64u, 65u}) {
    std::string text;
    for (std::size_t i = 1; i < depth; ++i) text += "{\"child\":";
    text += "{}" + std::string(depth - 1, '}');
    EXPECT_EQ(read(text).has_value(), depth <= 64) << depth;
  }
}

// Each list is two messages: a Value and the ListValue in it.
TEST_F(JsonReading, R04_WhatReceiversWouldNotParseIsNotMade) {
  for (const std::size_t depth : {50u, 51u, 52u}) {
    const std::string text = std::string(depth, '[') + std::string(depth, ']');
    const auto bytes = read(text, "google.protobuf.ListValue");
    EXPECT_EQ(bytes.has_value(), depth <= 51) << depth;
    google::protobuf::ListValue parsed;
    if (!bytes) continue;
    EXPECT_TRUE(parsed.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())));
  }
}

// Every message takes two bytes on the wire, three here, and a hundred times that when decoded.
TEST_F(JsonReading, R03_WhatWouldTakeTooMuchMemoryIsRefused) {
  std::string text = "{\"children\":[{}";
  while (text.size() < 3 * 1024 * 1024) text += ",{}";
  text += "]}";
  const auto bytes = read(text);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), StatusCode::kResourceExhausted);
}

TEST_F(JsonReading, R03_AnAnyThatTellsItsTypeLastHoldsNoMoreThanTheLimit) {
  std::string text = "{\"any\":{\"numbers\":[1";
  while (text.size() < 1024 * 1024) text += ",1";
  const std::string end = "],\"@type\":\"type.googleapis.com/test.v1.All\"}}";
  const auto bytes = read(text + end);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(bytes.error().message().find("write that first"), std::string::npos);
}

TEST_F(JsonReading, TakesAMessageThatIsCutNowhere) {
  const std::string whole =
      R"({"children":[{"counts":{"a":1}}],"any":{"@type":"type.googleapis.com/test.v1.All"}})";
  ASSERT_TRUE(read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read(whole.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace echostream::gateway
