#include "runtime/gateway/json/file_check.h"

#include <gtest/gtest.h>

#include <string>

namespace echostream::gateway {
namespace {

using google::protobuf::FileDescriptorProto;

FileDescriptorProto called(std::string name) {
  FileDescriptorProto file;
  file.set_name(std::move(name));
  return file;
}

TEST(FileCheck, NamesOfFilesAreTextThatCanBeShown) {
  EXPECT_TRUE(check_file(called("acme/v1/robot.proto")).is_ok());
  EXPECT_TRUE(check_file(called("acme/v1/r\xc3\xb6"
                                "bot.proto"))
                  .is_ok());
  for (const std::string& name :
       {std::string(), std::string("a\n"), std::string("a\0", 2), std::string("\xff"),
        std::string("\x1b[31m"), std::string(1025, 'a')}) {
    EXPECT_EQ(check_file(called(name)).code(), StatusCode::kInvalidArgument);
  }
}

TEST(FileCheck, TextFurtherInMustBeUtf8) {
  FileDescriptorProto file = called("a.proto");
  file.add_message_type()->add_field()->set_json_name("\xff");
  EXPECT_EQ(check_file(file).message(), "\"a.proto\": it has text that is not UTF-8");
}

TEST(FileCheck, OptionsMustBeInterpreted) {
  FileDescriptorProto file = called("a.proto");
  file.add_service()->mutable_options()->add_uninterpreted_option()->set_aggregate_value("{");
  EXPECT_EQ(check_file(file).message(),
            "\"a.proto\": it has options that are not interpreted; send what protoc made of it");
}

TEST(FileCheck, R03_RangesThatAreComparedWithEachOtherAreCounted) {
  FileDescriptorProto file = called("a.proto");
  auto* message = file.add_message_type();
  for (int i = 0; i < 10'000; ++i) message->add_reserved_range();
  EXPECT_EQ(check_file(file).message(),
            "\"a.proto\": it has too many reserved or extension ranges");
}

}  // namespace
}  // namespace echostream::gateway
