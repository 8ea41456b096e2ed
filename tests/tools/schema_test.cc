// Services that are known from .proto files, and the names by which people call their methods.
#include "tools/echostream/remote/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/lab.h"
#include "tools/echostream/call/describe_text.h"

namespace echostream::tool {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A folder of its own for each test, gone afterwards.
class SchemaTest : public ::testing::Test {
 protected:
  SchemaTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "schema_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~SchemaTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  std::filesystem::path folder_;
};

TEST_F(SchemaTest, ReadsWhatGeneratedCodeHas) {
  const auto schema = schema_from_protos({LAB_PROTO}, {});
  ASSERT_TRUE(schema) << schema.status();
  for (const MethodInfo& expected : echostream::testing::LabHandler().info().methods) {
    const auto found = schema->find_method(expected.full_name);
    ASSERT_TRUE(found) << found.status();
    const MethodInfo& info = (*found)->info;
    EXPECT_EQ(info.id, expected.id) << expected.name;
    EXPECT_EQ(info.kind, expected.kind) << expected.name;
    EXPECT_EQ(info.delivery, expected.delivery) << expected.name;
    EXPECT_EQ(info.deadline, expected.deadline) << expected.name;
    EXPECT_EQ(info.max_age, expected.max_age) << expected.name;
    EXPECT_EQ(info.keep_last, expected.keep_last) << expected.name;
    EXPECT_EQ(info.priority, expected.priority) << expected.name;
    EXPECT_EQ(info.idempotent, expected.idempotent) << expected.name;
    EXPECT_EQ(info.no_side_effects, expected.no_side_effects) << expected.name;
  }
}

TEST_F(SchemaTest, FindsMethodsByAnyNameThatIsOnlyTheirs) {
  const auto schema = schema_from_protos({LAB_PROTO}, {});
  ASSERT_TRUE(schema) << schema.status();
  for (const char* name : {"lab.v1.Lab/Echo", "lab.v1.Lab.Echo", "Lab/Echo", "Lab.Echo", "Echo"}) {
    const auto found = schema->find_method(name);
    ASSERT_TRUE(found) << found.status();
    EXPECT_EQ((*found)->full_name, "lab.v1.Lab/Echo");
  }
  const auto misspelt = schema->find_method("Eco");
  EXPECT_EQ(misspelt.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(misspelt.error().message()), HasSubstr("is it lab.v1.Lab/Echo"));
  EXPECT_EQ(schema->find_method("cho").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(schema->find_method("").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(schema->find_method(std::string(100'000, 'x')).status().code(), StatusCode::kNotFound);
}

TEST_F(SchemaTest, AsksWhichOfSeveralMethodsIsMeant) {
  const std::string path = write("two.proto", R"(syntax = "proto3";
package two;
message M {}
service A { rpc Get(M) returns (M); }
service B { rpc Get(M) returns (M); })");
  const auto schema = schema_from_protos({path}, {});
  ASSERT_TRUE(schema) << schema.status();
  const auto found = schema->find_method("Get");
  EXPECT_EQ(found.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(found.error().message()), HasSubstr("two.A/Get, two.B/Get"));
  EXPECT_TRUE(schema->find_method("A/Get"));
}

TEST_F(SchemaTest, FindsImports) {
  const std::string path = write("acme/robot.proto", R"(syntax = "proto3";
package acme;
import "acme/types.proto";
import "echostream/options.proto";
import "google/protobuf/timestamp.proto";
service Robot {
  rpc At(google.protobuf.Timestamp) returns (Place) {
    option (echostream.method) = { rpc { deadline_ms: 70 } };
  }
})");
  write("acme/types.proto", "syntax = \"proto3\"; package acme; message Place { int32 x = 1; }");
  const auto schema = schema_from_protos({path}, {folder_.string()});
  ASSERT_TRUE(schema) << schema.status();
  const auto method = schema->find_method("At");
  ASSERT_TRUE(method) << method.status();
  EXPECT_EQ((*method)->info.deadline, std::chrono::milliseconds(70));
  EXPECT_TRUE(schema->request_from_json(**method, "\"2026-01-31T12:00:00Z\""));
  // As an import would name it.
  EXPECT_TRUE(schema_from_protos({"acme/robot.proto"}, {folder_.string()}));
}

TEST_F(SchemaTest, SaysWhatIsWrongWithAFile) {
  const std::string bad = write("bad.proto", "syntax = \"proto3\";\nmessage M {\n  int32 x = ;\n}");
  const auto schema = schema_from_protos({bad}, {});
  EXPECT_EQ(schema.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(schema.error().message()), HasSubstr("bad.proto:3:"));
  const std::string option = write("option.proto", R"(syntax = "proto3";
package acme;
import "echostream/options.proto";
message M {}
service S {
  rpc Get(M) returns (M) { option (echostream.method) = { stream {} }; }
})");
  const auto refused = schema_from_protos({option}, {});
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("option.proto:6:"));
  EXPECT_FALSE(schema_from_protos({"/no/such.proto"}, {}));
  EXPECT_FALSE(schema_from_protos({"no/such.proto"}, {folder_.string()}));
}

TEST_F(SchemaTest, DescribesServicesMethodsAndTypes) {
  const auto schema = schema_from_protos({LAB_PROTO}, {});
  ASSERT_TRUE(schema) << schema.status();
  EXPECT_THAT(list_text(*schema),
              AllOf(HasSubstr("lab.v1.Lab\n"), HasSubstr("  event      Note(lab.v1.Text) returns "
                                                         "(google.protobuf.Empty)\n")));
  EXPECT_THAT(*describe_text(*schema, "lab.v1.Lab", false),
              HasSubstr("stream, EXPIRING, max age 150 ms"));
  EXPECT_THAT(*describe_text(*schema, "Delay", false),
              AllOf(HasSubstr("// Answers after"), HasSubstr("rpc, deadline 60000 ms"),
                    HasSubstr("message Text {")));
  EXPECT_THAT(*describe_text(*schema, "Count", false), HasSubstr("int64 count = 1;"));
  EXPECT_THAT(*describe_text(*schema, "lab.v1.Lab/Datagrams", true),
              HasSubstr(R"("delivery":"DATAGRAM")"));
  EXPECT_EQ(describe_text(*schema, "nothing", false).status().code(), StatusCode::kNotFound);
}

TEST_F(SchemaTest, DescribesByTheEndOfANameThatOnlyOneHas) {
  const std::string path = write("two.proto", R"(syntax = "proto3";
package two.v1;
import "other.proto";
message M {}
service Arm { rpc Get(M) returns (other.Place); }
service Leg { rpc Get(M) returns (M); })");
  write("other.proto", "syntax = \"proto3\"; package other; message Place { int32 x = 1; }");
  const auto schema = schema_from_protos({path}, {});
  ASSERT_TRUE(schema) << schema.status();
  for (const char* name : {"two.v1.Arm", "v1.Arm", "Arm"}) {
    EXPECT_THAT(*describe_text(*schema, name, false), HasSubstr("service two.v1.Arm"));
  }
  EXPECT_THAT(*describe_text(*schema, "Place", false), HasSubstr("int32 x = 1;"));
  const auto error = [&](const char* name) {
    return std::string(describe_text(*schema, name, false).status().message());
  };
  EXPECT_THAT(error("Get"), HasSubstr("two.v1.Arm/Get, two.v1.Leg/Get: say which one"));
  EXPECT_THAT(error("arm"), HasSubstr("is it two.v1.Arm?"));
  EXPECT_THAT(error("Palce"), HasSubstr("is it other.Place?"));
  EXPECT_THAT(error("Nothing"), HasSubstr("'list' shows what there is"));
  EXPECT_THAT(error("rm"), HasSubstr("is it two.v1.Arm"));
}

TEST_F(SchemaTest, AsksWhichOfSeveralServicesIsMeant) {
  write("v1.proto",
        "syntax = \"proto3\"; package v1; message M {}\n"
        "service Arm { rpc Get(M) returns (M); }");
  write("v2.proto",
        "syntax = \"proto3\"; package v2; message M {}\n"
        "service Arm { rpc Get(M) returns (M); }");
  const auto schema = schema_from_protos(
      {(folder_ / "v1.proto").string(), (folder_ / "v2.proto").string()}, {folder_.string()});
  ASSERT_TRUE(schema) << schema.status();
  const auto described = describe_text(*schema, "Arm", false);
  EXPECT_EQ(described.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(described.status().message()), HasSubstr("v1.Arm, v2.Arm"));
}

TEST_F(SchemaTest, ShowsTheBytesOfAnAnyOfATypeThatIsNotKnown) {
  const std::string path = write("any.proto", R"(syntax = "proto3";
package any;
import "google/protobuf/any.proto";
message M { int32 number = 1; google.protobuf.Any what = 2; }
service S { rpc Get(M) returns (M); })");
  const auto schema = schema_from_protos({path}, {});
  ASSERT_TRUE(schema) << schema.status();
  const std::string reply("\x08\x07\x12\x08\x0a\x03x/y\x12\x01z", 12);
  const auto json = schema->reply_to_json(**schema->find_method("Get"), as_bytes(reply), false);
  ASSERT_TRUE(json) << json.status();
  EXPECT_EQ(*json, R"({"number":7,"what":{"@type":"x/y","value":"eg=="}})");
}

}  // namespace
}  // namespace echostream::tool
