// A node as the command line reaches it: reflection, JSON, and calls of every kind over the
// loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "echostream/reflection.h"

#include "tests/support/lab.h"
#include "tools/echostream/call/call_run.h"
#include "tools/echostream/remote/native_remote.h"
#include "tools/echostream/remote/status_text.h"

namespace echostream::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Called {
  std::vector<std::string> messages;
  Status usage;
  Status status;
};

class RemoteTest : public ::testing::Test {
 protected:
  RemoteTest() {
    const auto identity = Identity::self_signed("lab", loop_->wall_time()).value();
    NodeOptions server_options;
    server_options.identity = identity;
    server_.emplace(*loop_, std::move(server_options));
    EXPECT_TRUE(server_->serve(lab_).is_ok());
    const auto bound = server_->listen("127.0.0.1:0");
    NodeOptions options;
    options.trust = Trust::pinned({identity.fingerprint()});
    auto dialled =
        echostream::run(*loop_, dial_native(*loop_, bound->to_string(), std::move(options)));
    EXPECT_TRUE(dialled) << dialled.status();
    if (dialled) remote_ = *std::move(dialled);
  }

  Schema described() {
    EXPECT_TRUE(serve_reflection(*server_).is_ok());
    auto schema = echostream::run(*loop_, remote_->describe({"lab.v1.Lab"}));
    EXPECT_TRUE(schema) << schema.status();
    return schema ? *std::move(schema) : Schema();
  }

  Called call(const Schema& schema, std::string_view name, const std::string& data,
              std::size_t most = 1000) {
    const SchemaMethod& method = **schema.find_method(name);
    Called called;
    CallRun run{*loop_, *remote_, schema, method, CallOptions(), *MessageSource::open(data),
                {},     {}};
    run.on_message = [&](const Frame<Buffer>& frame) {
      called.messages.push_back(*schema.reply_to_json(method, frame.message, false));
      return called.messages.size() < most;
    };
    CallOutcome outcome = echostream::run(*loop_, run_call(run));
    called.usage = outcome.usage;
    called.status = outcome.status;
    return called;
  }

  std::unique_ptr<Loop> loop_ = *make_loop();
  std::shared_ptr<echostream::testing::LabHandler> lab_ =
      std::make_shared<echostream::testing::LabHandler>();
  std::optional<Node> server_;
  std::unique_ptr<Remote> remote_;
};

TEST_F(RemoteTest, LearnsWhatANodeServes) {
  const Schema schema = described();
  ASSERT_EQ(schema.services().size(), 1u);
  const auto service = schema.find_service("lab.v1.Lab");
  ASSERT_TRUE(service) << service.status();
  EXPECT_EQ((*service)->methods.size(), lab_->info().methods.size());
  for (const MethodInfo& expected : lab_->info().methods) {
    const auto found = schema.find_method(expected.full_name);
    ASSERT_TRUE(found) << found.status();
    const MethodInfo& info = (*found)->info;
    EXPECT_EQ(info.name, expected.name);
    EXPECT_EQ(info.full_name, expected.full_name);
    EXPECT_EQ(info.id, expected.id);
    EXPECT_EQ(info.kind, expected.kind);
    EXPECT_EQ(info.client_streaming, expected.client_streaming);
    EXPECT_EQ(info.server_streaming, expected.server_streaming);
    EXPECT_EQ(info.idempotent, expected.idempotent);
    EXPECT_EQ(info.no_side_effects, expected.no_side_effects);
    EXPECT_EQ(info.delivery, expected.delivery);
    EXPECT_EQ(info.slow_subscriber, expected.slow_subscriber);
    EXPECT_EQ(info.priority, expected.priority);
    EXPECT_EQ(info.keep_last, expected.keep_last);
    EXPECT_EQ(info.deadline, expected.deadline);
    EXPECT_EQ(info.max_age, expected.max_age);
  }
}

TEST_F(RemoteTest, IsToldWhenANodeDoesNotTell) {
  const auto schema = echostream::run(*loop_, remote_->describe({}));
  EXPECT_EQ(schema.status().code(), StatusCode::kUnimplemented);
}

TEST_F(RemoteTest, CallsAnRpc) {
  const Schema schema = described();
  const Called called = call(schema, "Echo", R"({"text": "hello", "number": "7"})");
  EXPECT_TRUE(called.status.is_ok()) << called.status;
  EXPECT_THAT(called.messages, ElementsAre(R"({"text":"hello","number":"7"})"));
  EXPECT_THAT(call(schema, "Echo", "").messages, ElementsAre("{}"));
}

TEST_F(RemoteTest, GivesTheStatusOfACallThatFailed) {
  const Schema schema = described();
  const Called called = call(schema, "Fail", R"({"text": "no", "number": 5})");
  EXPECT_EQ(called.status.code(), StatusCode::kNotFound);
  EXPECT_EQ(called.status.message(), "no");
  // The lab answers with what it was asked as a detail.
  EXPECT_EQ(status_json(called.status, detail_texts(schema, called.status)),
            R"({"status":"NOT_FOUND","code":5,"message":"no",)"
            R"("details":[{"@type":"type.example/lab.v1.Text"}]})");
}

TEST_F(RemoteTest, SendsAnEvent) {
  const Schema schema = described();
  EXPECT_TRUE(call(schema, "Note", R"({"text": "seen"})").status.is_ok());
  echostream::run(*loop_, remote_->close());
  EXPECT_THAT(lab_->notes, ElementsAre("seen"));
}

TEST_F(RemoteTest, ReadsAStream) {
  const Schema schema = described();
  EXPECT_THAT(call(schema, "CountUp", R"({"count": 3})").messages,
              ElementsAre("{}", R"({"count":"1"})", R"({"count":"2"})"));
}

TEST_F(RemoteTest, ReadsAsMuchAsIsWanted) {
  const Schema schema = described();
  const Called called = call(schema, "CountUp", R"({"count": 100000})", 2);
  EXPECT_EQ(called.messages.size(), 2u);
  EXPECT_TRUE(called.status.is_ok()) << called.status;
}

TEST_F(RemoteTest, WritesAStream) {
  const Schema schema = described();
  EXPECT_THAT(call(schema, "Sum", R"({"count": 1} {"count": 2}{"count": 39})").messages,
              ElementsAre(R"({"count":"42"})"));
  EXPECT_THAT(call(schema, "Sum", "").messages, ElementsAre("{}"));
}

TEST_F(RemoteTest, StreamsBothWays) {
  const Schema schema = described();
  const Called called = call(schema, "Mirror", R"({"text": "a"} {"text": "b"})");
  EXPECT_TRUE(called.status.is_ok()) << called.status;
  EXPECT_THAT(called.messages, ElementsAre(R"({"text":"a"})", R"({"text":"b"})"));
}

TEST_F(RemoteTest, SaysWhereARequestIsWrong) {
  const Schema schema = described();
  const Called unary = call(schema, "Echo", "{\n  \"txt\": \"a\"}");
  EXPECT_EQ(unary.usage.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unary.usage.message()),
              ::testing::AllOf(HasSubstr("--data: line 2, column 3"), HasSubstr("\"text\"")));
  // In the middle of a stream, too, with the line of the whole text.
  for (const char* method : {"Sum", "Mirror"}) {
    const Called streamed = call(schema, method, "{}\n\n  {\"no\": 1}");
    EXPECT_EQ(streamed.usage.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(streamed.usage.message()), HasSubstr("line 3, column 4")) << method;
  }
  const Called two = call(schema, "Echo", "{} {}");
  EXPECT_THAT(std::string(two.usage.message()), HasSubstr("the request is one message"));
}

TEST_F(RemoteTest, SaysThatAMethodIsNotServed) {
  const Schema schema = described();
  SchemaMethod method;
  method.name = "None";
  method.full_name = "lab.v1.Lab/None";
  method.info.id = 4711;
  bind_names(method);
  const auto reply = echostream::run(*loop_, remote_->unary(method, Buffer(), CallOptions()));
  EXPECT_EQ(reply.status().code(), StatusCode::kUnimplemented);
}

TEST_F(RemoteTest, KnowsHowItsNodeIsReached) {
  EXPECT_GT(remote_->handshake_time(), Duration::zero());
  ASSERT_TRUE(remote_->session());
  EXPECT_TRUE(remote_->session()->is_open());
}

TEST(StatusText, ShowsDetails) {
  Schema schema;
  Status status(StatusCode::kAborted, "a \"quoted\" text");
  status.add_detail({"type.googleapis.com/acme.v1.Unknown", std::string("\0\x01\xff", 3)});
  EXPECT_THAT(detail_texts(schema, status),
              ElementsAre(R"({"@type":"type.googleapis.com/acme.v1.Unknown","value":"AAH/"})"));
  EXPECT_THAT(detail_texts(schema, Status::ok()), IsEmpty());
}

TEST(StatusText, DecodesDetailsOfKnownTypes) {
  auto schema = schema_from_protos({LAB_PROTO}, {});
  ASSERT_TRUE(schema) << schema.status();
  lab::v1::Count count;
  count.set_count(3);
  Status status(StatusCode::kAborted, "no");
  status.add_detail({"type.googleapis.com/lab.v1.Count", count.SerializeAsString()});
  status.add_detail({"type.googleapis.com/lab.v1.Count", ""});
  EXPECT_THAT(detail_texts(*schema, status),
              ElementsAre(R"({"@type":"type.googleapis.com/lab.v1.Count","count":"3"})",
                          R"({"@type":"type.googleapis.com/lab.v1.Count"})"));
}

TEST(Base64, FollowsRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace echostream::tool
