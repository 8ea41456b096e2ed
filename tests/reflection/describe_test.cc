// echostream.reflection.v1.Reflection: what a program needs that was built without the .proto.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>

#include "echostream/raw_service.h"
#include "echostream/reflection.echostream.h"
#include "echostream/reflection.h"

#include "runtime/gateway/json/message_types.h"
#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using reflection::v1::DescribeRequest;
using reflection::v1::DescribeResponse;
using reflection::v1::Method;
using ::testing::ElementsAre;
using DescribeClient = reflection::v1::Reflection::Client;

constexpr char kLab[] = "lab.v1.Lab";

std::vector<std::string> names(const DescribeResponse& response) {
  std::vector<std::string> all;
  for (const auto& service : response.services()) all.push_back(service.name());
  return all;
}

const Method& method(const DescribeResponse& response, const std::string& name) {
  for (const auto& service : response.services()) {
    for (const Method& found : service.methods()) {
      if (found.name() == name) return found;
    }
  }
  ADD_FAILURE() << "there is no method " << name;
  return Method::default_instance();
}

std::vector<std::string> file_names(const DescribeResponse& response) {
  std::vector<std::string> all;
  for (const std::string& bytes : response.files()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    all.push_back(file.name());
  }
  return all;
}

/// Serves a method whose type nobody has heard of.
class Strange final : public RawService {
 public:
  explicit Strange(std::string_view descriptor) {
    info_.full_name = "strange.v1.Strange";
    info_.methods = kMethods;
    info_.file_descriptor = descriptor;
  }
  const ServiceInfo& info() const override { return info_; }

 private:
  static const MethodInfo kMethods[1];
  ServiceInfo info_;
};

MethodInfo strange_method() {
  MethodInfo info;
  info.name = "Do";
  info.full_name = "strange.v1.Strange/Do";
  info.id = 4711;
  info.kind = MethodKind::kStream;
  info.server_streaming = true;
  info.delivery = Delivery::kExpiring;
  info.max_age = std::chrono::milliseconds(150);
  info.priority = 1;
  info.sync_group = "scene";
  info.jitter_buffer.enabled = true;
  info.jitter_buffer.profile = PlayoutProfile::kStrict;
  info.jitter_buffer.max_late_share = 0.02;
  info.jitter_buffer.initial_delay = std::chrono::milliseconds(80);
  return info;
}
const MethodInfo Strange::kMethods[1] = {strange_method()};

class DescribeOfNodes : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options lab_options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.tune_server = [](NodeOptions& options) {
      options.log = [](LogLevel, std::string_view line) { log().emplace_back(line); };
    };
    return chosen;
  }
  static std::vector<std::string>& log() {
    static std::vector<std::string> lines;
    return lines;
  }
  void SetUp() override {
    log().clear();
    const Status served = serve_reflection(*lab_.server_node);
    ASSERT_TRUE(served.is_ok()) << served;
    lab_.connect();
  }
  Result<DescribeResponse> ask(const DescribeRequest& request) {
    auto client = lab_.at_client->client<reflection::v1::Reflection>();
    auto response = lab_.run(client.Describe(request));
    return response ? std::move(*response) : Status(StatusCode::kInternal, "no answer");
  }
  DescribeResponse describe(const DescribeRequest& request = {}) {
    const auto response = ask(request);
    EXPECT_TRUE(response) << response.status();
    return response ? *response : DescribeResponse();
  }

  Lab lab_{lab_options()};
};

TEST_P(DescribeOfNodes, TellsOfAllServicesAndOfItself) {
  EXPECT_THAT(names(describe()), ElementsAre(kLab, "echostream.reflection.v1.Reflection",
                                             "grpc.reflection.v1.ServerReflection",
                                             "grpc.reflection.v1alpha.ServerReflection"));
}

TEST_P(DescribeOfNodes, TellsWhatTheOptionsSay) {
  const DescribeResponse response = describe();
  const Method& echo = method(response, "Echo");
  EXPECT_EQ(echo.kind(), Method::RPC);
  EXPECT_TRUE(echo.idempotent());
  EXPECT_TRUE(echo.no_side_effects());
  EXPECT_TRUE(method(response, "WhoAmI").idempotent());
  EXPECT_FALSE(method(response, "WhoAmI").no_side_effects());
  EXPECT_FALSE(method(response, "Delay").idempotent());
  EXPECT_FALSE(echo.has_deadline_ms());
  EXPECT_EQ(echo.input_type(), "lab.v1.Text");
  EXPECT_NE(echo.id(), 0u);
  EXPECT_EQ(method(response, "Delay").deadline_ms(), 60'000);
  EXPECT_EQ(method(response, "Note").kind(), Method::EVENT);
  EXPECT_EQ(method(response, "Note").output_type(), "google.protobuf.Empty");
  EXPECT_EQ(method(response, "News").kind(), Method::PUBLISHED);
  EXPECT_EQ(method(response, "News").keep_last(), 2u);
  EXPECT_EQ(method(response, "Fragile").max_queue(), 8u);
  EXPECT_EQ(method(response, "Fragile").slow_subscriber(), Method::DISCONNECT);
  const Method& mirror = method(response, "ExpiringMirror");
  EXPECT_TRUE(mirror.client_streaming());
  EXPECT_TRUE(mirror.server_streaming());
  EXPECT_EQ(mirror.delivery(), Method::EXPIRING);
  EXPECT_EQ(mirror.max_age_ms(), 150);
  EXPECT_EQ(method(response, "DatagramMirror").priority(), 1u);
  EXPECT_FALSE(mirror.has_jitter_buffer());
}

TEST_P(DescribeOfNodes, FilesComeOnceAndAfterTheirImportsSoThatTypesCanBeMadeOfThem) {
  const DescribeResponse response = describe();
  const std::vector<std::string> files = file_names(response);
  EXPECT_EQ(std::set<std::string>(files.begin(), files.end()).size(), files.size());
  google::protobuf::DescriptorPool pool;
  for (const std::string& bytes : response.files()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    EXPECT_NE(pool.BuildFile(file), nullptr) << file.name();
  }
  const auto* echo = pool.FindMethodByName("lab.v1.Lab.Echo");
  ASSERT_NE(echo, nullptr);
  EXPECT_EQ(echo->input_type()->field_count(), 3);
  EXPECT_NE(pool.FindMethodByName("grpc.reflection.v1.ServerReflection.ServerReflectionInfo"),
            nullptr);
}

TEST_P(DescribeOfNodes, WhoeverHearsOfAServiceCanCallItWithJson) {
  const DescribeResponse response = describe();
  gateway::MessageTypes types;
  for (const std::string& bytes : response.files()) {
    const Status status = types.add_file(bytes);
    ASSERT_TRUE(status.is_ok()) << status;
  }
  const auto* echo = types.find_method("lab.v1.Lab/Echo");
  ASSERT_NE(echo, nullptr);
  const auto bytes = types.from_json(*echo->input_type(), R"({"text": "hi", "number": "7"})");
  ASSERT_TRUE(bytes) << bytes.status();
  EXPECT_EQ(*types.to_json(*echo->output_type(), *bytes), R"({"text":"hi","number":"7"})");
}

TEST_P(DescribeOfNodes, TellsOfThoseThatAreAskedForAndLeavesOutWhatIsKnown) {
  DescribeRequest request;
  request.add_services(kLab);
  request.add_services("acme.v1.Robot");
  EXPECT_THAT(names(describe(request)), ElementsAre(kLab));
  const std::vector<std::string> files = file_names(describe(request));
  EXPECT_EQ(files.back(), "tests/support/lab.proto");
  for (const std::string& file : files) {
    if (file != "tests/support/lab.proto") request.add_known_files(file);
  }
  EXPECT_THAT(file_names(describe(request)), ElementsAre("tests/support/lab.proto"));
}

TEST_P(DescribeOfNodes, ServicesThatComeLaterAreTold) {
  EXPECT_EQ(describe().services_size(), 4);
  ASSERT_TRUE(lab_.server_node->serve(std::make_shared<Strange>("")).is_ok());
  EXPECT_EQ(describe().services_size(), 5);
}

TEST_P(DescribeOfNodes, AServiceWithoutAGoodDescriptorIsToldWithoutTypes) {
  (void)describe();
  ASSERT_TRUE(lab_.server_node->serve(std::make_shared<Strange>("\xff\xff")).is_ok());
  const DescribeResponse response = describe();
  (void)describe();
  EXPECT_EQ(response.services(4).name(), "strange.v1.Strange");
  EXPECT_EQ(response.services(4).file(), "");
  const Method& strange = method(response, "Do");
  EXPECT_EQ(strange.id(), 4711u);
  EXPECT_EQ(strange.input_type(), "");
  EXPECT_EQ(strange.sync_group(), "scene");
  ASSERT_TRUE(strange.has_jitter_buffer());
  EXPECT_EQ(strange.jitter_buffer().profile(), reflection::v1::JitterBuffer::STRICT);
  EXPECT_DOUBLE_EQ(strange.jitter_buffer().max_late_percent(), 2);
  EXPECT_EQ(strange.jitter_buffer().initial_delay_ms(), 80);
  EXPECT_FALSE(strange.jitter_buffer().has_min_delay_ms());
  // Said once, however often somebody asks.
  EXPECT_THAT(log(), ElementsAre(::testing::HasSubstr(
                         "reflection cannot tell the types of strange.v1.Strange: these bytes")));
}

TEST_P(DescribeOfNodes, ARequestWithTooManyNamesIsRefused) {
  DescribeRequest request;
  for (int i = 0; i <= 4096; ++i) request.add_services("a");
  const auto response = ask(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), StatusCode::kInvalidArgument);
}

TEST_P(DescribeOfNodes, ServingItTwiceDoesNothing) {
  EXPECT_TRUE(serve_reflection(*lab_.server_node).is_ok());
  EXPECT_EQ(lab_.server_node->services().size(), 4u);
}

INSTANTIATE_TEST_SUITE_P(Wires, DescribeOfNodes, ::testing::Values(Wire::kMemory, Wire::kQuic));

TEST(DescribeOfRealNodes, IsAskedOverTheLoopback) {
  RealNodes nodes;
  ASSERT_TRUE(serve_reflection(*nodes.server).is_ok());
  nodes.connect();
  ASSERT_TRUE(nodes.session);
  auto client = nodes.session->client<reflection::v1::Reflection>();
  const auto response = nodes.run(client.Describe(DescribeRequest()));
  ASSERT_TRUE(response) << response.status();
  EXPECT_EQ(names(*response).front(), kLab);
  EXPECT_GE(response->files_size(), 4);
}

TEST(DescribeOfRealNodes, ANodeWithReflectionOfItsOwnKeepsIt) {
  RealNodes nodes;
  class Own final : public reflection::v1::Reflection::Handler {
    Task<Result<DescribeResponse>> Describe(Call&, DescribeRequest) override {
      co_return DescribeResponse();
    }
  };
  ASSERT_TRUE(nodes.server->serve(std::make_shared<Own>()).is_ok());
  EXPECT_EQ(serve_reflection(*nodes.server).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(nodes.server->services().size(), 2u);
}

}  // namespace
}  // namespace echostream::testing
