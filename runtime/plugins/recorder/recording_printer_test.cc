#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "echostream/plugins/recording.h"

#include "runtime/plugins/recorder/descriptors.h"

namespace echostream::recorder {
namespace {

using ::testing::HasSubstr;

RecordedChannel channel_of(const google::protobuf::Descriptor& type) {
  RecordedChannel channel;
  channel.topic = "/t";
  channel.message_encoding = channel.schema_encoding = "protobuf";
  channel.schema_name = type.full_name();
  channel.schema = make_descriptor_set(type);
  return channel;
}

TEST(RecordingPrinter, PrintsMessagesByTheDescriptorsOfTheFile) {
  google::protobuf::FileDescriptorProto message;
  message.set_name("a.proto");
  message.add_message_type()->set_name("A");
  RecordingPrinter printer;
  const auto json =
      printer.to_json(channel_of(*message.GetDescriptor()), as_bytes(message.SerializeAsString()));
  ASSERT_TRUE(json.has_value()) << json.status();
  EXPECT_EQ(*json, R"({"name":"a.proto","message_type":[{"name":"A"}]})");
}

TEST(RecordingPrinter, RefusesWhatDoesNotFitItsSchema) {
  google::protobuf::FileDescriptorProto message;
  RecordingPrinter printer;
  RecordedChannel channel = channel_of(*message.GetDescriptor());
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
      printer.to_json(channel_of(*message.GetDescriptor()), as_bytes(message.SerializeAsString()));
  EXPECT_EQ(json.status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace echostream::recorder
