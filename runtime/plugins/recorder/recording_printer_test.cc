#include <gmock/gmock.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "echostream/plugins/recording.h"

#include "runtime/plugins/recorder/descriptors.h"

namespace echostream::recorder {
namespace {

using ::testing::HasSubstr;

// Of a type, and what its schema is.
class ChannelOf {
 public:
  explicit ChannelOf(const google::protobuf::Descriptor& type)
      : schema_(make_descriptor_set(type)) {
    channel_.topic = "/t";
    channel_.message_encoding = "protobuf";
    channel_.schema_encoding = "protobuf";
    channel_.schema_name = type.full_name();
    channel_.schema = schema_;
  }
  RecordedChannel& operator*() { return channel_; }

 private:
  std::string schema_;
  RecordedChannel channel_;
};

TEST(RecordingPrinter, PrintsMessagesByTheDescriptorsOfTheFile) {
  google::protobuf::FileDescriptorProto message;
  message.set_name("a.proto");
  message.add_message_type()->set_name("A");
  RecordingPrinter printer;
  const auto json =
      printer.to_json(*ChannelOf(*message.GetDescriptor()), as_bytes(message.SerializeAsString()));
  ASSERT_TRUE(json.has_value()) << json.status();
  EXPECT_EQ(*json, R"({"name":"a.proto","message_type":[{"name":"A"}]})");
}

TEST(RecordingPrinter, RefusesWhatDoesNotFitItsSchema) {
  google::protobuf::FileDescriptorProto message;
  RecordingPrinter printer;
  ChannelOf whole(*message.GetDescriptor());
  RecordedChannel& channel = *whole;
  EXPECT_EQ(printer.to_json(channel, as_bytes("\x0A\xFF")).status().code(),
            StatusCode::kInvalidArgument);
  channel.schema_name = "no.Such";
  EXPECT_THAT(printer.to_json(channel, {}).status().to_string(), HasSubstr("no.Such"));
  channel.schema_name = "garbage";
  channel.schema = "\x0A\xFF";
  EXPECT_THAT(printer.to_json(channel, {}).status().to_string(), HasSubstr("FileDescriptorSet"));
  channel.message_encoding = "ros1";
  EXPECT_FALSE(printer.to_json(channel, {}).has_value());
}

// Each level is one call of the JSON printer.
TEST(RecordingPrinter, RefusesMessagesThatAreNestedTooDeeply) {
  google::protobuf::DescriptorProto message;
  google::protobuf::DescriptorProto* inner = &message;
  for (int i = 0; i < 90; ++i) inner = inner->add_nested_type();
  RecordingPrinter printer;
  const auto json =
      printer.to_json(*ChannelOf(*message.GetDescriptor()), as_bytes(message.SerializeAsString()));
  EXPECT_EQ(json.status().code(), StatusCode::kInvalidArgument);
}

// To the parser each level is bytes in the one before.
TEST(RecordingPrinter, RefusesMessagesThatAreNestedTooDeeplyInAny) {
  // From the inside out, and backwards, so that nothing is copied for each level.
  const auto nested = [](int levels) {
    const std::string url = "type.googleapis.com/google.protobuf.Any";
    std::string backwards;
    for (int i = 0; i < levels; ++i) {
      std::string head = "\x0A" + std::string(1, static_cast<char>(url.size())) + url + "\x12";
      std::size_t size = backwards.size();
      for (; size >= 0x80; size >>= 7) head += static_cast<char>(size | 0x80);
      head += static_cast<char>(size);
      backwards.append(head.rbegin(), head.rend());
    }
    return std::string(backwards.rbegin(), backwards.rend());
  };
  RecordingPrinter printer;
  ChannelOf channel(*google::protobuf::Any::descriptor());
  const auto deep = printer.to_json(*channel, as_bytes(nested(20'000)));
  EXPECT_EQ(deep.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(deep.status().to_string(), HasSubstr("nested too deeply"));
  google::protobuf::Any empty;
  empty.PackFrom(google::protobuf::Any());
  const auto json = printer.to_json(*channel, as_bytes(empty.SerializeAsString()));
  EXPECT_TRUE(json.has_value()) << json.status();
}

}  // namespace
}  // namespace echostream::recorder
