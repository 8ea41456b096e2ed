// An HTTP/3 server as the command line reaches it, over the loopback.
#include "tools/echostream/remote/http_remote.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "echostream/http.h"
#include "echostream/reflection.h"

#include "grpc/reflection/v1/reflection.echostream.h"
#include "tests/support/lab.h"
#include "tools/echostream/call/call_run.h"
#include "tools/echostream/remote/status_text.h"

namespace echostream::tool {
namespace {

namespace grpc_v1 = grpc::reflection::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct HttpOutcome {
  std::vector<std::string> messages;
  std::vector<std::uint64_t> sequences;
  Status status;
};

// A server of another make: it knows gRPC's reflection only, and sends no imports with a file.
class PlainReflection final : public grpc_v1::ServerReflection::Handler {
 public:
  std::vector<std::string> listed = {"lab.v1.Lab", "lab.v1.Unknown"};
  bool endless_imports = false;
  int asked = 0;

  Task<Status> ServerReflectionInfo(Call&, Reader<grpc_v1::ServerReflectionRequest> in,
                                    Writer<grpc_v1::ServerReflectionResponse> out) override {
    while (auto frame = co_await in.next()) {
      ++asked;
      const grpc_v1::ServerReflectionResponse response = answer(frame->message);
      Status written = co_await out.write(response);
      if (!written.is_ok()) co_return written;
    }
    co_return Status::ok();
  }

 private:
  grpc_v1::ServerReflectionResponse answer(const grpc_v1::ServerReflectionRequest& request) {
    const auto& pool = *google::protobuf::DescriptorPool::generated_pool();
    grpc_v1::ServerReflectionResponse response;
    const google::protobuf::FileDescriptor* file = nullptr;
    if (request.has_list_services()) {
      for (const std::string& name : listed) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      return response;
    }
    google::protobuf::FileDescriptorProto proto;
    if (endless_imports) {
      proto.set_name("f" + std::to_string(asked) + ".proto");
      proto.add_dependency("f" + std::to_string(asked + 1) + ".proto");
    } else if (request.has_file_by_filename()) {
      file = pool.FindFileByName(request.file_by_filename());
    } else {
      file = pool.FindFileContainingSymbol(request.file_containing_symbol());
    }
    if (file != nullptr) {
      file->CopyTo(&proto);
      // As it is called elsewhere: nothing of this program's is to be of help.
      proto.set_name("elsewhere/" + proto.name());
    }
    if (proto.name().empty()) {
      response.mutable_error_response()->set_error_code(5);
      response.mutable_error_response()->set_error_message("none");
      return response;
    }
    response.mutable_file_descriptor_response()->add_file_descriptor_proto(
        proto.SerializeAsString());
    return response;
  }
};

class HttpRemoteTest : public ::testing::Test {
 protected:
  void start(
      const std::function<void(Node&)>& serve = [](Node&) {},
      HttpProtocol protocol = HttpProtocol::kConnect) {
    NodeOptions server_options;
    server_options.identity = identity_;
    server_.emplace(*loop_, std::move(server_options));
    EXPECT_TRUE(server_->serve(lab_).is_ok());
    serve(*server_);
    EXPECT_TRUE(enable_http(*server_).is_ok());
    const auto bound = server_->listen("127.0.0.1:0");
    NodeOptions options;
    options.trust = Trust::pinned({identity_.fingerprint()});
    auto dialled = echostream::run(
        *loop_, dial_http(*loop_, "https://" + bound->to_string(), std::move(options), protocol));
    ASSERT_TRUE(dialled) << dialled.status();
    remote_ = *std::move(dialled);
  }

  Result<Schema> describe(std::vector<std::string> services) {
    return echostream::run(*loop_, remote_->describe(std::move(services)));
  }
  Schema described() {
    auto schema = describe({"lab.v1.Lab"});
    EXPECT_TRUE(schema) << schema.status();
    return schema ? *std::move(schema) : Schema();
  }

  HttpOutcome call(const Schema& schema, std::string_view name, const std::string& data,
                   CallOptions options = CallOptions(), std::size_t most = 1000) {
    const SchemaMethod& method = **schema.find_method(name);
    HttpOutcome seen;
    CallRun run{*loop_, *remote_, schema, method, std::move(options), *MessageSource::open(data),
                {},     {}};
    run.on_message = [&](const Frame<Buffer>& frame) {
      seen.messages.push_back(*schema.reply_to_json(method, frame.message, false));
      seen.sequences.push_back(frame.sequence);
      return seen.messages.size() < most;
    };
    CallOutcome outcome = echostream::run(*loop_, run_call(run));
    EXPECT_TRUE(outcome.usage.is_ok()) << outcome.usage;
    seen.status = outcome.status;
    return seen;
  }

  std::unique_ptr<Loop> loop_ = *make_loop();
  Identity identity_ = Identity::self_signed("lab", loop_->wall_time()).value();
  std::shared_ptr<echostream::testing::LabHandler> lab_ =
      std::make_shared<echostream::testing::LabHandler>();
  std::optional<Node> server_;
  std::unique_ptr<Remote> remote_;
};

void serve_ours(Node& node) { EXPECT_TRUE(serve_reflection(node).is_ok()); }

TEST_F(HttpRemoteTest, LearnsWhatANodeServes) {
  start(serve_ours);
  const Schema schema = described();
  const auto service = schema.find_service("lab.v1.Lab");
  ASSERT_TRUE(service) << service.status();
  EXPECT_EQ((*service)->methods.size(), lab_->info().methods.size());
  EXPECT_EQ((*schema.find_method("News"))->info.kind, MethodKind::kPublished);
}

TEST_F(HttpRemoteTest, CallsMethodsOfEveryKind) {
  start(serve_ours);
  const Schema schema = described();
  EXPECT_THAT(call(schema, "Echo", R"({"text": "hello"})").messages,
              ElementsAre(R"({"text":"hello"})"));
  EXPECT_THAT(call(schema, "Echo", "").messages, ElementsAre("{}"));
  EXPECT_TRUE(call(schema, "Note", R"({"text": "seen"})").status.is_ok());
  EXPECT_THAT(lab_->notes, ElementsAre("seen"));
  const HttpOutcome counted = call(schema, "CountUp", R"({"count": 3})");
  EXPECT_THAT(counted.messages, ElementsAre("{}", R"({"count":"1"})", R"({"count":"2"})"));
  EXPECT_THAT(counted.sequences, ElementsAre(0u, 1u, 2u));
  EXPECT_THAT(call(schema, "Sum", R"({"count": 1} {"count": 41})").messages,
              ElementsAre(R"({"count":"42"})"));
  EXPECT_THAT(call(schema, "Mirror", R"({"text": "a"} {"text": "b"})").messages,
              ElementsAre(R"({"text":"a"})", R"({"text":"b"})"));
}

class HttpRemoteProtocolTest : public HttpRemoteTest,
                               public ::testing::WithParamInterface<HttpProtocol> {};

INSTANTIATE_TEST_SUITE_P(, HttpRemoteProtocolTest,
                         ::testing::Values(HttpProtocol::kConnect, HttpProtocol::kGrpc,
                                           HttpProtocol::kGrpcWeb));

TEST_P(HttpRemoteProtocolTest, ReflectsAndCallsInEachProtocol) {
  start(serve_ours, GetParam());
  const Schema schema = described();
  EXPECT_THAT(call(schema, "Echo", R"({"text": "hello"})").messages,
              ElementsAre(R"({"text":"hello"})"));
  EXPECT_TRUE(call(schema, "Note", R"({"text": "seen"})").status.is_ok());
  EXPECT_THAT(lab_->notes, ElementsAre("seen"));
  EXPECT_THAT(call(schema, "CountUp", R"({"count": 2})").messages,
              ElementsAre("{}", R"({"count":"1"})"));
  EXPECT_THAT(call(schema, "Sum", R"({"count": 1} {"count": 41})").messages,
              ElementsAre(R"({"count":"42"})"));
  EXPECT_THAT(call(schema, "Mirror", R"({"text": "a"} {"text": "b"})").messages,
              ElementsAre(R"({"text":"a"})", R"({"text":"b"})"));
  const HttpOutcome failed = call(schema, "Fail", R"({"text": "no", "number": 5})");
  EXPECT_EQ(failed.status.code(), StatusCode::kNotFound);
  EXPECT_EQ(failed.status.message(), "no");
  EXPECT_EQ(failed.status.details().size(), 1u);
  const HttpOutcome late = call(schema, "Delay", R"({"number": "60000"})",
                                CallOptions().timeout(std::chrono::milliseconds(50)));
  EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded);
}

TEST_P(HttpRemoteProtocolTest, AsksServersOfOthersByTheReflectionOfGrpcInEachProtocol) {
  const auto plain = std::make_shared<PlainReflection>();
  start([&](Node& node) { EXPECT_TRUE(node.serve(plain).is_ok()); }, GetParam());
  const auto schema = describe({});
  ASSERT_TRUE(schema) << schema.status();
  EXPECT_EQ(schema->services().size(), 1u);
}

TEST_F(HttpRemoteTest, ReadsAsMuchOfAStreamAsIsWanted) {
  start(serve_ours);
  const Schema schema = described();
  const HttpOutcome some = call(schema, "CountUp", R"({"count": 1000000})", CallOptions(), 2);
  EXPECT_EQ(some.messages.size(), 2u);
  EXPECT_TRUE(some.status.is_ok()) << some.status;
  EXPECT_EQ(call(schema, "CountUp", R"({"count": 50000})", CallOptions(), 100000).messages.size(),
            50000u);
}

TEST_F(HttpRemoteTest, GivesTheStatusOfACallThatFailed) {
  start(serve_ours);
  const Schema schema = described();
  const HttpOutcome failed = call(schema, "Fail", R"({"text": "no", "number": 5})");
  // Connect names a detail's type without what an Any has before it.
  EXPECT_EQ(status_json(failed.status, detail_texts(schema, failed.status)),
            R"({"status":"NOT_FOUND","code":5,"message":"no",)"
            R"("details":[{"@type":"type.googleapis.com/lab.v1.Text"}]})");
  SchemaMethod none;
  none.name = "None";
  none.full_name = "lab.v1.Lab/None";
  bind_names(none);
  auto reply = echostream::run(*loop_, remote_->unary(none, Buffer(), CallOptions()));
  EXPECT_EQ(reply.status().code(), StatusCode::kUnimplemented);
}

TEST_F(HttpRemoteTest, CarriesMetadataAndTimeouts) {
  start(serve_ours);
  const Schema schema = described();
  Metadata answered;
  CallOptions options = CallOptions().metadata("x-echo", "there").response_metadata(&answered);
  EXPECT_TRUE(call(schema, "Echo", "{}", std::move(options)).status.is_ok());
  EXPECT_EQ(lab_->last_metadata.find("x-echo"), "there");
  EXPECT_EQ(answered.find("x-echo"), "there");
  const HttpOutcome late = call(schema, "Delay", R"({"number": "60000"})",
                                CallOptions().timeout(std::chrono::milliseconds(50)));
  EXPECT_EQ(late.status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_NE(lab_->last_deadline, kNever);
}

TEST_F(HttpRemoteTest, EndsAStreamThatIsCancelled) {
  start(serve_ours);
  const Schema schema = described();
  const SchemaMethod& method = **schema.find_method("Mirror");
  auto stream = echostream::run(*loop_, remote_->open(method, std::nullopt, CallOptions()));
  stream->cancel();
  EXPECT_FALSE(echostream::run(*loop_, stream->next()));
  EXPECT_EQ(stream->status().code(), StatusCode::kCancelled);
  EXPECT_EQ(echostream::run(*loop_, stream->write(Buffer())).code(), StatusCode::kCancelled);
}

TEST_F(HttpRemoteTest, PingsAndKnowsWhomItReached) {
  start();
  EXPECT_TRUE(echostream::run(*loop_, remote_->ping(std::chrono::seconds(10))).is_ok());
  EXPECT_GT(remote_->handshake_time(), Duration::zero());
  EXPECT_FALSE(remote_->session());
  EXPECT_EQ(remote_->fingerprint(), identity_.fingerprint());
  EXPECT_EQ(remote_->protocol(), "HTTP/3");
}

TEST_F(HttpRemoteTest, IsToldWhenAServerDoesNotTell) {
  start();
  EXPECT_EQ(describe({}).status().code(), StatusCode::kUnimplemented);
}

TEST_F(HttpRemoteTest, AsksServersOfOthersByTheReflectionOfGrpc) {
  const auto plain = std::make_shared<PlainReflection>();
  start([&](Node& node) { EXPECT_TRUE(node.serve(plain).is_ok()); });
  const auto schema = describe({});
  ASSERT_TRUE(schema) << schema.status();
  ASSERT_EQ(schema->services().size(), 1u);
  EXPECT_EQ(schema->services().front().methods.size(), lab_->info().methods.size());
  EXPECT_THAT(call(*schema, "Echo", R"({"text": "hello"})").messages,
              ElementsAre(R"({"text":"hello"})"));
}

TEST_F(HttpRemoteTest, RefusesDescriptionsWithoutEnd) {
  const auto plain = std::make_shared<PlainReflection>();
  plain->endless_imports = true;
  start([&](Node& node) { EXPECT_TRUE(node.serve(plain).is_ok()); });
  const auto schema = describe({"lab.v1.Lab"});
  EXPECT_EQ(schema.status().code(), StatusCode::kResourceExhausted) << schema.status();
  EXPECT_LE(plain->asked, 3000);
}

}  // namespace
}  // namespace echostream::tool
