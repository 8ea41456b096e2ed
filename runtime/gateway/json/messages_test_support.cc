#include "runtime/gateway/json/messages_test_support.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

namespace echostream::gateway {
namespace {

constexpr std::string_view kOld = R"(
syntax = "proto2";
package test.v1;
message Old {
  required int32 must = 1;
  optional string may = 2 [default = "x"];
  optional group Inner = 3 { optional bool yes = 4; }
  extensions 100 to 200;
}
extend Old { optional int32 more = 100; }
)";

constexpr std::string_view kAll = R"(
syntax = "proto3";
package test.v1;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "test/old.proto";
enum Colour { NONE = 0; RED = 1; GREEN = 2; }
message All {
  int32 an_int32 = 1;
  int64 an_int64 = 2;
  uint32 a_uint32 = 3;
  uint64 a_uint64 = 4;
  float a_float = 5;
  double a_double = 6;
  bool a_bool = 7;
  string a_string = 8;
  bytes some_bytes = 9;
  Colour colour = 10;
  All child = 11;
  repeated int32 numbers = 12;
  repeated All children = 13;
  map<string, int32> counts = 14;
  map<int32, All> by_number = 15;
  map<bool, Colour> by_bool = 16;
  oneof choice { string text = 17; int32 number = 18; All other = 19; }
  optional int32 may_be = 20;
  google.protobuf.Any any = 21;
  google.protobuf.Duration duration = 22;
  google.protobuf.FieldMask mask = 23;
  google.protobuf.Struct object = 24;
  google.protobuf.Value value = 25;
  google.protobuf.ListValue list = 26;
  google.protobuf.Timestamp time = 27;
  google.protobuf.Int64Value wrapped_int64 = 28;
  google.protobuf.StringValue wrapped_string = 29;
  google.protobuf.BoolValue wrapped_bool = 30;
  google.protobuf.Empty empty = 31;
  google.protobuf.NullValue nothing = 32;
  int32 renamed = 33 [json_name = "another-name"];
  Old old = 34;
  repeated google.protobuf.Value values = 35;
}
service Tests { rpc Try(All) returns (stream All); }
)";

}  // namespace

std::string descriptor_of(std::string_view name, std::string_view proto) {
  google::protobuf::io::ArrayInputStream in(proto.data(), static_cast<int>(proto.size()));
  google::protobuf::io::Tokenizer tokens(&in, nullptr);
  google::protobuf::compiler::Parser parser;
  google::protobuf::FileDescriptorProto file;
  EXPECT_TRUE(parser.Parse(&tokens, &file)) << proto;
  file.set_name(std::string(name));
  file.clear_source_code_info();
  return file.SerializeAsString();
}

void add_test_messages(MessageTypes& types) {
  const Status old = types.add_file(descriptor_of("test/old.proto", kOld));
  ASSERT_TRUE(old.is_ok()) << old;
  const Status all = types.add_file(descriptor_of("test/all.proto", kAll));
  ASSERT_TRUE(all.is_ok()) << all;
}

const google::protobuf::Descriptor& test_type(const MessageTypes& types, std::string_view name) {
  const auto* type = types.pool().FindMessageTypeByName(std::string(name));
  EXPECT_NE(type, nullptr) << name;
  return *type;
}

}  // namespace echostream::gateway
