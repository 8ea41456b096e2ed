#include "runtime/gateway/json/message_types.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/json/messages_test_support.h"

namespace echostream::gateway {
namespace {

std::string file(std::string_view name, std::string_view body) {
  return descriptor_of(name, "syntax = \"proto3\"; package p; " + std::string(body));
}

class Types : public ::testing::Test {
 protected:
  std::string refusal(std::string_view bytes) {
    const Status status = types_.add_file(bytes);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }
  MessageTypes types_;
};

TEST_F(Types, FindsTheMethodsOfServicesThatWereAdded) {
  add_test_messages(types_);
  const auto* method = types_.find_method("test.v1.Tests/Try");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->output_type()->full_name(), "test.v1.All");
  for (const char* name : {"test.v1.Tests/No", "test.v1.No/Try", "test.v1.Tests.Try", "", "/"}) {
    EXPECT_EQ(types_.find_method(name), nullptr) << name;
  }
}

TEST_F(Types, AddingAFileTwiceDoesNothingAndAnotherOneOfItsNameIsRefused) {
  const std::string first = file("a.proto", "message A {}");
  EXPECT_TRUE(types_.add_file(first).is_ok());
  EXPECT_TRUE(types_.add_file(first).is_ok());
  EXPECT_EQ(refusal(file("a.proto", "message B {}")),
            "\"a.proto\" was added before, and was another file then");
}

TEST_F(Types, AServiceThatItsDescriptorDoesNotDeclareIsRefused) {
  const std::string bytes = file("a.proto", "message A {} service S { rpc M(A) returns (A); }");
  ServiceInfo info;
  info.full_name = "p.S";
  info.file_descriptor = bytes;
  EXPECT_TRUE(types_.add(info).is_ok());
  EXPECT_TRUE(types_.add(info).is_ok());
  info.full_name = "p.T";
  EXPECT_EQ(types_.add(info).message(), "the descriptor of \"p.T\" does not declare it");
}

TEST_F(Types, ImportsComeFromFilesThatWereAddedAndFromThoseOfTheProgram) {
  EXPECT_EQ(refusal(file("b.proto", "import \"a.proto\"; message B { A a = 1; }")),
            "\"b.proto\" imports \"a.proto\", which was not added before and is not linked into "
            "this program");
  EXPECT_TRUE(types_.add_file(file("a.proto", "message A {}")).is_ok());
  EXPECT_TRUE(
      types_.add_file(file("b.proto", "import \"a.proto\"; message B { A a = 1; }")).is_ok());
  EXPECT_TRUE(types_
                  .add_file(file("c.proto",
                                 "import \"google/protobuf/descriptor.proto\"; message C "
                                 "{ google.protobuf.FieldOptions o = 1; }"))
                  .is_ok());
  EXPECT_NE(types_.pool().FindMessageTypeByName("google.protobuf.FieldOptions"), nullptr);
}

TEST_F(Types, AnotherVersionOfALinkedFileIsLeftAside) {
  EXPECT_TRUE(types_
                  .add_file(descriptor_of(
                      "google/protobuf/timestamp.proto",
                      "syntax = \"proto3\"; package google.protobuf; message Timestamp {}"))
                  .is_ok());
  EXPECT_EQ(test_type(types_, "google.protobuf.Timestamp").field_count(), 2);
}

TEST_F(Types, FilesThatAreWrongSayWhatIsWrong) {
  EXPECT_EQ(refusal("\xff\xff"), "these bytes are no google.protobuf.FileDescriptorProto");
  EXPECT_EQ(refusal(file("self.proto", "import \"self.proto\";")),
            "\"self.proto\" imports \"self.proto\", which was not added before and is not linked "
            "into this program");
  EXPECT_EQ(refusal(file("a.proto", "message A { B b = 1; }")),
            "\"a.proto\": p.A.b: \"B\" is not defined.");
  EXPECT_NE(refusal(file("a.proto", "message A { int32 a = 1; int32 b = 1; }"))
                .find("p.A.b: Field number 1 has already been used"),
            std::string::npos);
  // None of them has left anything behind.
  EXPECT_TRUE(types_.add_file(file("a.proto", "message A {}")).is_ok());
  EXPECT_NE(refusal(file("b.proto", "message A {}")).find("already defined"), std::string::npos);
}

TEST_F(Types, TwoFilesThatImportEachOtherAreRefused) {
  EXPECT_FALSE(types_.add_file(file("a.proto", "import \"b.proto\";")).is_ok());
  EXPECT_FALSE(types_.add_file(file("b.proto", "import \"a.proto\";")).is_ok());
}

TEST_F(Types, R03_HugeFilesAndHordesOfThemAreRefused) {
  EXPECT_EQ(types_.add_file(std::string(MessageTypes::kMaxFileBytes + 1, ' ')).code(),
            StatusCode::kResourceExhausted);
  std::string amplified;
  for (int i = 0; i < 500'000; ++i) amplified += std::string("\x22\x00", 2);
  EXPECT_EQ(types_.add_file(amplified).code(), StatusCode::kResourceExhausted);
  std::size_t added = 0;
  while (types_.add_file(file("f" + std::to_string(added) + ".proto", "")).is_ok()) ++added;
  EXPECT_EQ(added, MessageTypes::kMaxFiles);
}

TEST_F(Types, R03_DeepFilesAreRefused) {
  google::protobuf::FileDescriptorProto deep;
  deep.set_name("deep.proto");
  auto* message = deep.add_message_type();
  for (int i = 0; i < 1000; ++i) {
    message->set_name("M");
    message = message->add_nested_type();
  }
  message->set_name("M");
  EXPECT_FALSE(types_.add_file(deep.SerializeAsString()).is_ok());
}

// A chain of types is no recursion of ours.
TEST_F(Types, LongChainsOfTypesAreReadAndWritten) {
  google::protobuf::FileDescriptorProto chain;
  chain.set_name("chain.proto");
  chain.set_syntax("proto3");
  constexpr int kLength = 20'000;
  for (int i = 0; i <= kLength; ++i) {
    auto* message = chain.add_message_type();
    message->set_name("M" + std::to_string(i));
    if (i == kLength) break;
    auto* field = message->add_field();
    field->set_name("m");
    field->set_number(1);
    field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
    field->set_type(google::protobuf::FieldDescriptorProto::TYPE_MESSAGE);
    field->set_type_name(".M" + std::to_string(i + 1));
  }
  const Status status = types_.add_file(chain.SerializeAsString());
  ASSERT_TRUE(status.is_ok()) << status;
  const auto bytes = types_.from_json(test_type(types_, "M0"), R"({"m":{"m":{}}})");
  ASSERT_TRUE(bytes) << bytes.status();
  EXPECT_EQ(*types_.to_json(test_type(types_, "M0"), *bytes), R"({"m":{"m":{}}})");
}

TEST_F(Types, NothingIsPrinted) {
  ::testing::internal::CaptureStderr();
  (void)types_.add_file("\xff\xff");
  (void)types_.add_file(file("a.proto", "message A { B b = 1; }"));
  (void)types_.add_file(file("b.proto", "import \"no.proto\";"));
  add_test_messages(types_);
  const auto& all = test_type(types_, "test.v1.All");
  (void)types_.from_json(all, "{\"no\":");
  (void)types_.to_json(all, as_bytes("\x42\x01\xff"));
  (void)types_.to_json(all, as_bytes("\xaa\x01\x05\x0a\x03x/y"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace echostream::gateway
