#include "runtime/gateway/protocol/head_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>

#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

http3::Fields call_of(const std::string& value, const std::string& length = "3") {
  return post("application/proto", {{"acme-shard-id", value}, {"content-length", length}});
}

class HeadReaderTest : public ::testing::Test {
 protected:
  RequestHead read(const http3::Fields& head) {
    auto read = reader.read(head);
    if (const auto* request = std::get_if<0>(&read)) return **request;
    ADD_FAILURE() << "refused with " << std::get<ResponsePart>(read).head.get(":status");
    return {};
  }
  std::string status_of(const http3::Fields& head) {
    auto read = reader.read(head);
    const auto* part = std::get_if<ResponsePart>(&read);
    return part != nullptr ? std::string(part->head.get(":status")) : "taken";
  }

  GatewayRules rules;
  HeadReader reader{rules};
};

TEST_F(HeadReaderTest, AHeadThatComesAgainSaysTheSame) {
  for (int i = 0; i < 3; ++i) {
    const RequestHead head = read(call_of("42", std::to_string(i)));
    EXPECT_EQ(head.method, "acme.v1.Robot/Grip");
    EXPECT_EQ(head.protocol, Protocol::kConnectUnary);
    EXPECT_EQ(head.metadata, (Metadata{{"acme-shard-id", "42"}}));
  }
}

TEST_F(HeadReaderTest, AHeadOfTheSameLengthIsNotTakenForAnother) {
  for (int i = 10; i < 30; ++i) {
    const std::string value = std::to_string(10 + i % 7);
    EXPECT_EQ(read(call_of(value)).metadata, (Metadata{{"acme-shard-id", value}}));
  }
  // The same bytes, cut otherwise.
  EXPECT_EQ(read(post("application/proto", {{"ab", "c"}})).metadata, (Metadata{{"ab", "c"}}));
  EXPECT_EQ(read(post("application/proto", {{"a", "bc"}})).metadata, (Metadata{{"a", "bc"}}));
}

TEST_F(HeadReaderTest, ALengthOverTheLimitIsRefusedThoughTheHeadIsKnown) {
  EXPECT_EQ(status_of(call_of("42")), "taken");
  EXPECT_EQ(status_of(call_of("42", std::to_string(rules.max_message_bytes + 1))), "429");
  EXPECT_EQ(status_of(call_of("42", "many")), "400");
  EXPECT_EQ(status_of(call_of("42")), "taken");
}

TEST_F(HeadReaderTest, ARefusalIsMadeEachTime) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_of(post("text/plain")), "415");
}

TEST_F(HeadReaderTest, EveryGetHasItsOwnMessage) {
  for (const char* text : {"AQ", "Ag", "AQ"}) {
    const RequestHead head =
        read(get(std::string("connect=v1&encoding=proto&base64=1&message=") + text));
    ASSERT_TRUE(head.message);
    EXPECT_EQ(head.message->size(), 1u);
    EXPECT_EQ(head.message->data()[0], text[1] == 'Q' ? 1 : 2);
  }
}

}  // namespace
}  // namespace echostream::gateway
