#include "runtime/messages/decode_budget.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/struct.pb.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "runtime/api/call_state.h"
#include "tests/support/lab.pb.h"

namespace echostream::internal {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::Empty;
using google::protobuf::FileDescriptorProto;
using google::protobuf::ListValue;
using google::protobuf::Message;
using google::protobuf::SourceCodeInfo;
using google::protobuf::Struct;

constexpr std::size_t kMiB = 1024 * 1024;

BytesView view(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

std::string repeated(const std::string& piece, std::size_t bytes) {
  std::string out;
  out.reserve(bytes);
  while (out.size() + piece.size() <= bytes) out += piece;
  return out;
}

// A length-delimited field.
std::string field(int number, const std::string& content) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  for (std::size_t size = content.size();; size >>= 7) {
    if (size < 0x80) return out + static_cast<char>(size) + content;
    out += static_cast<char>((size & 0x7f) | 0x80);
  }
}

Status decode(const std::string& bytes, Message&& message) {
  return decode_message(view(bytes), message, Limits{}.max_decoded_bytes).status();
}

struct Attack {
  const char* name;
  const Message* type;
  bool is_refused;
  std::string bytes;
};

// As many fields as the largest message has room for.
std::vector<Attack> attacks() {
  const std::size_t most = Limits{}.max_message_bytes;
  // Field 3 of DescriptorProto is a list of DescriptorProto, 4 of FileDescriptorProto too.
  const std::string empties = repeated(std::string("\x1a\0", 2), most - 16);
  const std::string ones = repeated(std::string("\x0a\0", 2), most);
  const std::string tens = repeated(std::string("\x52\0", 2), most);
  return {
      {"messages", &DescriptorProto::default_instance(), true, empties},
      {"messages in a message", &FileDescriptorProto::default_instance(), true, field(4, empties)},
      {"entries of a map", &Struct::default_instance(), true, ones},
      {"unknown strings", &Empty::default_instance(), true, ones},
      // A number of 33 bits, of which parsers take 32.
      {"messages under a field number that is too long", &FileDescriptorProto::default_instance(),
       true, std::string("\xa2\x80\x80\x80\x10", 5) + field(4, empties).substr(1)},
      // Parsers find out at its end that it is longer than the message which it is in.
      {"messages in one that is too long", &FileDescriptorProto::default_instance(), true,
       "\x22\x04" + field(3, empties)},
      // Of little size each.
      {"numbers in a list", &ListValue::default_instance(), false, ones},
      {"strings", &DescriptorProto::default_instance(), false, tens},
      {"unknown groups", &Empty::default_instance(), false, repeated("\x0b\x0c", most)},
  };
}

TEST(DecodeBudget, R03_AMegabyteOfEmptyFieldsStaysWithinTheBudgetOrIsRefused) {
  const Limits limits;
  for (const Attack& attack : attacks()) {
    const std::unique_ptr<Message> message(attack.type->New());
    const Status status =
        decode_message(view(attack.bytes), *message, limits.max_decoded_bytes).status();
    if (!attack.is_refused) {
      EXPECT_TRUE(status.is_ok()) << attack.name << ": " << status;
      EXPECT_LE(message->SpaceUsedLong(), limits.max_decoded_bytes) << attack.name;
      continue;
    }
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << attack.name;
    EXPECT_NE(status.message().find("max_decoded_bytes"), std::string::npos) << status;
    EXPECT_LT(message->SpaceUsedLong(), 1000u) << attack.name;
  }
}

TEST(DecodeBudget, R03_DepthIsRefusedAndCostsNothing) {
  std::string nested;
  for (int i = 0; i < 101; ++i) nested = field(3, nested);
  EXPECT_EQ(decode(nested, DescriptorProto()).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(decode(repeated("\x0b", kMiB), Empty()).code(), StatusCode::kInvalidArgument);
  // In a type that has no group, in one that is long enough to be looked at, and after a message.
  std::string deep;
  for (int i = 0; i < 50'000; ++i) deep = "\x1b" + deep + "\x1c";
  EXPECT_EQ(decode(deep, DescriptorProto()).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(decode(field(3, field(3, "")), DescriptorProto()).is_ok());
}

TEST(DecodeBudget, R03_BytesThatAreNotUtf8AreNotAString) {
  EXPECT_EQ(decode("\x0a\x02\xc3\x28", lab::v1::Text()).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(decode("\x0a\x03\xed\xa0\x80", lab::v1::Text()).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(decode("\x0a\x02\xc3\xa9", lab::v1::Text()).is_ok());
}

TEST(DecodeBudget, R03_UnknownFieldsOfANewerPeerPass) {
  lab::v1::Text text;
  text.set_text("known");
  std::string bytes = text.SerializeAsString();
  for (int i = 0; i < 1000; ++i) bytes += field(9, "something new, of some length");
  lab::v1::Text decoded;
  ASSERT_TRUE(decode_message(view(bytes), decoded, Limits{}.max_decoded_bytes));
  EXPECT_EQ(decoded.text(), "known");
}

TEST(DecodeBudget, LargeMessagesOfUsefulContentPass) {
  lab::v1::Text picture;
  picture.set_payload(std::string(kMiB - 100, '\x1a'));
  EXPECT_TRUE(decode(picture.SerializeAsString(), lab::v1::Text()).is_ok());

  ListValue readings;  // 13 bytes each
  for (int i = 0; i < 80'000; ++i) readings.add_values()->set_number_value(i);
  EXPECT_TRUE(decode(readings.SerializeAsString(), ListValue()).is_ok());

  SourceCodeInfo::Location path;  // packed
  for (int i = 0; i < 1'000'000; ++i) path.add_path(i % 128);
  EXPECT_TRUE(decode(path.SerializeAsString(), SourceCodeInfo::Location()).is_ok());
}

TEST(DecodeBudget, MeansWhatTheMessageTakesBesideItsOwnBytes) {
  const std::string half = repeated(std::string("\x1a\0", 2), 100'000);
  DescriptorProto decoded;
  ASSERT_TRUE(decoded.ParseFromString(half));
  const std::size_t taken = decoded.SpaceUsedLong();
  EXPECT_FALSE(decoded_size(view(half), decoded, taken - half.size()));
  const auto estimate = decoded_size(view(half), decoded, taken * 2);
  ASSERT_TRUE(estimate);
  EXPECT_GE(*estimate, taken - half.size());
}

// Whatever comes, what is let through takes no more than was allowed. (SpaceUsedLong() does not
// know what malloc adds.)
TEST(DecodeBudget, R03_WhatIsLetThroughStaysWithinTheBudget) {
  constexpr std::size_t kBudget = 100'000;
  std::mt19937 random(1);
  int refused = 0, passed = 0;
  for (const Attack& attack : attacks()) {
    for (int i = 0; i < 300; ++i) {
      std::string bytes = attack.bytes.substr(0, 1024 + random() % 20'000);
      for (int changes = static_cast<int>(random() % 20); changes > 0; --changes) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      const std::unique_ptr<Message> message(attack.type->New());
      if (!decoded_size(view(bytes), *message, kBudget)) {
        ++refused;
        continue;
      }
      ++passed;
      (void)message->ParsePartialFromString(bytes);  // malformed ones take memory as well
      EXPECT_LE(message->SpaceUsedLong(), kBudget + bytes.size() + 1000) << attack.name;
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(passed, 100);
}

TEST(DecodeBudget, RandomBytesAreLookedAtWithoutHarm) {
  std::mt19937 random(2);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes(1024 + random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 32);
    FileDescriptorProto message;
    (void)decoded_size(view(bytes), message, 10'000);
    (void)decoded_size(view(bytes), Empty(), 10'000);
  }
}

}  // namespace
}  // namespace echostream::internal
