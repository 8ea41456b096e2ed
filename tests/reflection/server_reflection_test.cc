// gRPC's server reflection protocol, in both versions.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <optional>

#include "echostream/reflection.h"

#include "grpc/reflection/v1/reflection.echostream.h"
#include "grpc/reflection/v1alpha/reflection.echostream.h"
#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

namespace v1 = grpc::reflection::v1;
namespace v1alpha = grpc::reflection::v1alpha;
using Request = v1::ServerReflectionRequest;
using Response = v1::ServerReflectionResponse;
using InfoStream = DuplexStream<Request, Response>;

constexpr char kLabFile[] = "tests/support/lab.proto";

std::vector<std::string> files_of(const Response& response) {
  std::vector<std::string> names;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    names.push_back(file.name());
  }
  return names;
}

class ReflectionOfNodes : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options_of_lab() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    return chosen;
  }
  void SetUp() override {
    ASSERT_TRUE(serve_reflection(*lab_.server_node).is_ok());
    lab_.connect();
    auto client = lab_.at_client->client<v1::ServerReflection>();
    stream_.emplace(std::move(*lab_.run(client.ServerReflectionInfo())));
  }
  Response ask(const Request& request) {
    const auto written = lab_.run(stream_->writer.write(request));
    EXPECT_TRUE(written && written->is_ok());
    auto frame = lab_.run(stream_->reader.next());
    if (!frame || !*frame) {
      ADD_FAILURE() << "the stream ended: " << stream_->reader.status();
      return Response();
    }
    EXPECT_EQ((*frame)->message.original_request().SerializeAsString(),
              request.SerializeAsString());
    return std::move((*frame)->message);
  }
  Response ask_for_symbol(const std::string& symbol) {
    Request request;
    request.set_file_containing_symbol(symbol);
    return ask(request);
  }

  Lab lab_{options_of_lab()};
  std::optional<InfoStream> stream_;
};

TEST_P(ReflectionOfNodes, ListsWhatIsServed) {
  Request request;
  request.set_host("here");
  request.set_list_services("");
  const Response response = ask(request);
  EXPECT_EQ(response.valid_host(), "here");
  std::vector<std::string> services;
  for (const auto& service : response.list_services_response().service()) {
    services.push_back(service.name());
  }
  EXPECT_THAT(services, ElementsAre("lab.v1.Lab", "echostream.reflection.v1.Reflection",
                                    "grpc.reflection.v1.ServerReflection",
                                    "grpc.reflection.v1alpha.ServerReflection"));
}

TEST_P(ReflectionOfNodes, AFileComesFirstAndEachOfItsImportsOnceAStream) {
  Request request;
  request.set_file_by_filename(kLabFile);
  const std::vector<std::string> first = files_of(ask(request));
  EXPECT_EQ(first.front(), kLabFile);
  EXPECT_THAT(first,
              UnorderedElementsAre(kLabFile, "google/protobuf/empty.proto",
                                   "google/protobuf/descriptor.proto", "echostream/options.proto"));
  EXPECT_THAT(files_of(ask(request)), ElementsAre(kLabFile));
  request.set_file_by_filename("echostream/reflection.proto");
  EXPECT_THAT(files_of(ask(request)), ElementsAre("echostream/reflection.proto"));
}

TEST_P(ReflectionOfNodes, FindsEveryKindOfSymbol) {
  for (const char* symbol :
       {"lab.v1.Lab", "lab.v1.Lab.Echo", "lab.v1.Text", "lab.v1.Text.number"}) {
    EXPECT_EQ(files_of(ask_for_symbol(symbol)).front(), kLabFile) << symbol;
  }
  EXPECT_EQ(files_of(ask_for_symbol("echostream.method")).front(), "echostream/options.proto");
  EXPECT_EQ(files_of(ask_for_symbol("echostream.reflection.v1.Method.DATAGRAM")).front(),
            "echostream/reflection.proto");
}

TEST_P(ReflectionOfNodes, FindsExtensions) {
  Request request;
  request.mutable_file_containing_extension()->set_containing_type("google.protobuf.MethodOptions");
  request.mutable_file_containing_extension()->set_extension_number(76543);
  EXPECT_EQ(files_of(ask(request)).front(), "echostream/options.proto");
  request.set_all_extension_numbers_of_type("google.protobuf.MethodOptions");
  const Response numbers = ask(request);
  EXPECT_EQ(numbers.all_extension_numbers_response().base_type_name(),
            "google.protobuf.MethodOptions");
  EXPECT_THAT(numbers.all_extension_numbers_response().extension_number(), ElementsAre(76543));
  request.set_all_extension_numbers_of_type("lab.v1.Text");
  EXPECT_EQ(ask(request).all_extension_numbers_response().extension_number_size(), 0);
}

TEST_P(ReflectionOfNodes, WhatIsNotThereIsAnAnswerAndTheStreamGoesOn) {
  std::vector<Request> requests(6);
  requests[0].set_file_by_filename("no.proto");
  requests[1].set_file_containing_symbol("no.Such\n");
  requests[2].mutable_file_containing_extension()->set_containing_type("lab.v1.Text");
  requests[3].mutable_file_containing_extension()->set_containing_type("no.Such");
  requests[4].set_all_extension_numbers_of_type("no.Such");
  for (const Request& request : requests) {
    const Response response = ask(request);
    const bool is_set = request.message_request_case() != Request::MESSAGE_REQUEST_NOT_SET;
    EXPECT_EQ(response.error_response().error_code(), is_set ? 5 : 3);
    EXPECT_NE(response.error_response().error_message(), "");
  }
  // A name that is linked into this program, but has to do with no service.
  EXPECT_TRUE(ask_for_symbol("google.protobuf.Api").has_error_response());
  EXPECT_EQ(files_of(ask_for_symbol("lab.v1.Lab")).front(), kLabFile);
}

TEST_P(ReflectionOfNodes, EndsWhenTheCallerHasAskedAll) {
  (void)ask_for_symbol("lab.v1.Lab");
  const auto finished = lab_.run(stream_->writer.finish());
  EXPECT_TRUE(finished && finished->is_ok());
  EXPECT_FALSE(*lab_.run(stream_->reader.next()));
  EXPECT_TRUE(stream_->reader.status().is_ok()) << stream_->reader.status();
}

TEST_P(ReflectionOfNodes, TheOlderVersionAnswersTheSame) {
  auto client = lab_.at_client->client<v1alpha::ServerReflection>();
  auto stream = std::move(*lab_.run(client.ServerReflectionInfo()));
  v1alpha::ServerReflectionRequest request;
  request.set_file_by_filename(kLabFile);
  const auto written = lab_.run(stream.writer.write(request));
  ASSERT_TRUE(written && written->is_ok());
  const auto frame = lab_.run(stream.reader.next());
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->message.file_descriptor_response().file_descriptor_proto_size(), 4);
}

// Writes until it is told to stop.
Task<void> ask_without_reading(InfoStream& stream, int& asked, int most) {
  Request request;
  request.set_file_by_filename(kLabFile);
  while (asked < most) {
    Status written = co_await stream.writer.write(request);
    if (!written.is_ok()) co_return;
    ++asked;
  }
}

// 100,000 answers of some kilobytes would be a gigabyte if they were queued.
TEST_P(ReflectionOfNodes, S04_WhoAsksWithoutReadingIsHeldUp) {
  constexpr int kMost = 100'000;
  int asked = 0;
  TaskGroup tasks(lab_.client_loop());
  tasks.spawn(ask_without_reading(*stream_, asked, kMost));
  lab_.run_for(10s);
  EXPECT_GT(asked, 10);
  EXPECT_LT(asked, kMost / 2);
  const int before = asked;
  lab_.run_for(10s);
  EXPECT_EQ(asked, before);
  // Others are answered meanwhile, and so is this one as it reads.
  const auto echo = lab_.run(lab_.client().Echo(text("still here")));
  EXPECT_TRUE(echo && *echo);
  for (int i = 0; i < before; ++i) {
    const auto frame = lab_.run(stream_->reader.next());
    ASSERT_TRUE(frame && *frame) << i;
  }
  EXPECT_GT(asked, before);
}

INSTANTIATE_TEST_SUITE_P(Wires, ReflectionOfNodes, ::testing::Values(Wire::kMemory, Wire::kQuic));

TEST(ReflectionOfRealNodes, IsAskedOverTheLoopback) {
  RealNodes nodes;
  ASSERT_TRUE(serve_reflection(*nodes.server).is_ok());
  nodes.connect();
  ASSERT_TRUE(nodes.session);
  auto client = nodes.session->client<v1::ServerReflection>();
  auto stream = nodes.run(client.ServerReflectionInfo());
  Request request;
  request.set_file_containing_symbol("lab.v1.Lab");
  const Status written = nodes.run(stream.writer.write(request));
  ASSERT_TRUE(written.is_ok()) << written;
  const auto frame = nodes.run(stream.reader.next());
  ASSERT_TRUE(frame);
  EXPECT_EQ(files_of(frame->message).front(), kLabFile);
}

}  // namespace
}  // namespace echostream::testing
