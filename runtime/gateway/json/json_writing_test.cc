// Messages that become JSON, and bytes that are none.
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "runtime/gateway/json/message_types.h"
#include "runtime/gateway/json/messages_test_support.h"

namespace echostream::gateway {
namespace {

class JsonWriting : public ::testing::Test {
 protected:
  JsonWriting() { add_test_messages(types_); }
  Result<std::string> write(std::string_view bytes, bool with_defaults = false) {
    return types_.to_json(test_type(types_, "test.v1.All"), as_bytes(bytes), with_defaults);
  }

  MessageTypes types_;
};

TEST_F(JsonWriting, LeavesOutWhatHasItsDefaultUnlessItIsAskedFor) {
  EXPECT_EQ(*write(""), "{}");
  const auto all = write("", true);
  ASSERT_TRUE(all);
  for (const char* part : {"\"anInt32\":0", "\"anInt64\":\"0\"", "\"aString\":\"\"",
                           "\"colour\":\"NONE\"", "\"numbers\":[]", "\"another-name\":0"}) {
    EXPECT_NE(all->find(part), std::string::npos) << part << "\n" << *all;
  }
  // What has presence is not there.
  EXPECT_EQ(all->find("mayBe"), std::string::npos);
  EXPECT_EQ(all->find("choice"), std::string::npos);
}

TEST_F(JsonWriting, ValuesThatAnEnumDoesNotHaveAreNumbers) {
  EXPECT_EQ(*write("\x50\x63"), R"({"colour":99})");
}

TEST_F(JsonWriting, FieldsThatTheTypeDoesNotHaveAreLeftOut) {
  EXPECT_EQ(*write("\xa2\x1f\x02hi\x08\x01"), R"({"anInt32":1})");
}

TEST_F(JsonWriting, BytesThatAreNoSuchMessageAreAnErrorOfTheirWriter) {
  const std::string_view cases[] = {
      "\x0a",                               // no length
      "\x42\x05hi",                         // longer than the message
      "\x42\x01\xff",                       // not UTF-8
      "\x5a\x02\x08",                       // an inner one that ends outside
      "\x5a\x03\x42\x01\xff",               // not UTF-8 further in
      {"\xca\x01\x04\x20\x01\x20\x00", 7},  // a Value of two kinds
      {"\x00\x01", 2},                      // field number 0
      "\x0b\xff",                           // a group that does not end
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
  };
  for (const std::string_view bytes : cases) {
    const auto text = write(bytes);
    ASSERT_FALSE(text) << *text;
    EXPECT_EQ(text.error().code(), StatusCode::kInternal);
    EXPECT_EQ(text.error().message(), "these bytes are no test.v1.All");
  }
}

TEST_F(JsonWriting, AnAnyOfATypeThatIsNotKnownIsAnError) {
  std::string any = "\x0a\x1btype.googleapis.com/no.Such";
  any += "\x12\x02\x08\x01";
  const std::string field = "\xaa\x01" + std::string(1, static_cast<char>(any.size())) + any;
  const auto text = write(field);
  ASSERT_FALSE(text) << *text;
  EXPECT_EQ(text.error().code(), StatusCode::kInternal);
}

std::string any_of(const std::string& url, const std::string& bytes) {
  google::protobuf::Any any;
  any.set_type_url(url);
  any.set_value(bytes);
  return any.SerializeAsString();
}

TEST_F(JsonWriting, ShowsTheBytesOfAnAnyOfATypeThatIsNotKnownWhereThatIsWanted) {
  const auto show = [&](const std::string& any, bool with_defaults = false) {
    const auto text = types_.to_json(test_type(types_, "google.protobuf.Any"), as_bytes(any),
                                     with_defaults, UnknownAny::kShowBytes);
    return text ? *text : std::string(text.error().message());
  };
  const std::string unknown = any_of("type.googleapis.com/no.Such", "\x08\x01");
  const std::string shown = R"({"@type":"type.googleapis.com/no.Such","value":"CAE="})";
  EXPECT_EQ(show(unknown), shown);
  EXPECT_EQ(show(unknown, true), shown);
  // Bytes that are no message at all, none, and a well-known type's name on another host.
  EXPECT_EQ(show(any_of("a/no.Such", "\xff\xff")), R"({"@type":"a/no.Such","value":"//8="})");
  EXPECT_EQ(show(any_of("a/no.Such", "")), R"({"@type":"a/no.Such"})");
  EXPECT_EQ(show(any_of("a/google.protobuf.Timestamp", "x")),
            R"({"@type":"a/google.protobuf.Timestamp","value":"eA=="})");
  // Inside of one that is known.
  const std::string nested = any_of("type.googleapis.com/google.protobuf.Any", unknown);
  EXPECT_EQ(show(nested),
            R"({"@type":"type.googleapis.com/google.protobuf.Any","value":)" + shown + "}");
  EXPECT_EQ(show(any_of("", "x")).find("{"), std::string::npos);
}

TEST_F(JsonWriting, ShowsWhatStandsAroundAnAnyOfATypeThatIsNotKnown) {
  const auto& all = test_type(types_, "test.v1.All");
  google::protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<google::protobuf::Message> message(factory.GetPrototype(&all)->New());
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    an_int32: 7
    children { any { type_url: "x/no.Such" value: "a" } }
    by_number { key: 3 value { any { type_url: "y/no.Such" value: "b" } } }
    any { type_url: "type.googleapis.com/google.protobuf.Duration" value: "\010\002" })",
                                                            message.get()));
  const auto text =
      types_.to_json(all, as_bytes(message->SerializeAsString()), false, UnknownAny::kShowBytes);
  ASSERT_TRUE(text) << text.error();
  EXPECT_EQ(*text,
            R"({"anInt32":7,"children":[{"any":{"@type":"x/no.Such","value":"YQ=="}}],)"
            R"("byNumber":{"3":{"any":{"@type":"y/no.Such","value":"Yg=="}}},)"
            R"("any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"2s"}})");
}

// Two bytes for each message, and a kilobyte of defaults for each to print.
TEST_F(JsonWriting, R03_DefaultsOfManyMessagesAreNotPrinted) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += std::string("\x6a\x00", 2);
  const auto text = write(bytes, true);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(write(bytes.substr(0, 1000), true));
}

TEST_F(JsonWriting, MessagesThatNestTooDeeplyAreAnError) {
  std::string bytes;
  for (int i = 0; i < 80; ++i) {
    std::string outer = "\x5a";
    if (bytes.size() >= 0x80) outer += static_cast<char>((bytes.size() & 0x7f) | 0x80);
    outer += static_cast<char>(bytes.size() >= 0x80 ? bytes.size() >> 7 : bytes.size());
    bytes = outer + bytes;
  }
  EXPECT_FALSE(write(bytes));
}

}  // namespace
}  // namespace echostream::gateway
