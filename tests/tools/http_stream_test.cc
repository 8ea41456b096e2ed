// Calls of servers that do not keep to Connect, on virtual time.
#include "tools/echostream/remote/http_stream.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "runtime/gateway/client/http_client_test_support.h"

namespace echostream::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kMessage = 0;
constexpr char kEndOfStream = 2;

std::string enveloped(char flags, const std::string& text) {
  const char header[] = {flags, 0, 0, static_cast<char>(text.size() >> 8),
                         static_cast<char>(text.size())};
  return std::string(header, sizeof header) + text;
}

struct Heard {
  std::vector<std::string> messages;
  Status status;
};

class HttpStreamTest : public ::testing::Test {
 protected:
  HttpStreamTest() { EXPECT_TRUE(world_.connect().is_ok()); }

  void answer_with(std::string type, std::string body, int status = 200) {
    world_.server->on_end = [=](HttpTestServer::Request& request) {
      request.begin(status, {{"content-type", type}});
      request.write(body);
      request.finish({});
    };
  }

  Heard call(gateway::Protocol protocol, bool one_reply) {
    gateway::ClientCall call;
    call.protocol = protocol;
    call.method = "acme.v1.Robot/Grip";
    call.authority = "server.test";
    tool::HttpStream stream(world_.client_loop, *world_.client, std::move(call), one_reply,
                            Buffer::copy("request"), {1024, 1024});
    Heard heard;
    while (auto frame = world_.run(stream.next())) {
      heard.messages.emplace_back(frame->message.text());
    }
    heard.status = stream.status();
    return heard;
  }
  Heard stream(bool one_reply) { return call(gateway::Protocol::kConnectStream, one_reply); }

  static constexpr const char* kStream = "application/connect+proto";
  SimHttp world_;
};

TEST_F(HttpStreamTest, GivesMessagesInTheirOrder) {
  std::string body;
  for (int i = 0; i < 3000; ++i) body += enveloped(kMessage, std::to_string(i));
  answer_with(kStream, body + enveloped(kEndOfStream, "{}"));
  const Heard heard = stream(false);
  ASSERT_EQ(heard.messages.size(), 3000u);
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(heard.messages[i], std::to_string(i));
  EXPECT_TRUE(heard.status.is_ok()) << heard.status;
}

TEST_F(HttpStreamTest, GivesWhatCameBeforeAnError) {
  answer_with(kStream, enveloped(kMessage, "a") +
                           enveloped(kEndOfStream, R"({"error":{"code":"aborted"}})"));
  const Heard heard = stream(false);
  EXPECT_THAT(heard.messages, ElementsAre("a"));
  EXPECT_EQ(heard.status.code(), StatusCode::kAborted);
}

TEST_F(HttpStreamTest, NeedsOneReplyWhereOneIsDue) {
  answer_with(kStream, enveloped(kMessage, "a") + enveloped(kEndOfStream, "{}"));
  EXPECT_THAT(stream(true).messages, ElementsAre("a"));
  for (const std::string& body : {std::string(), enveloped(kMessage, "a") + enveloped(0, "b")}) {
    answer_with(kStream, body + enveloped(kEndOfStream, "{}"));
    const Heard heard = stream(true);
    EXPECT_THAT(heard.messages, IsEmpty());
    EXPECT_EQ(heard.status.code(), StatusCode::kInternal) << heard.status;
  }
  // Nor is one good that an error follows.
  answer_with(kStream, enveloped(kMessage, "a") +
                           enveloped(kEndOfStream, R"({"error":{"code":"aborted"}})"));
  EXPECT_THAT(stream(true).messages, IsEmpty());
}

TEST_F(HttpStreamTest, RefusesMessagesOverTheLimit) {
  answer_with(kStream, enveloped(kMessage, std::string(1025, 'x')));
  EXPECT_EQ(stream(false).status.code(), StatusCode::kResourceExhausted);
  answer_with("application/proto", std::string(1025, 'x'));
  EXPECT_EQ(call(gateway::Protocol::kConnectUnary, true).status.code(),
            StatusCode::kResourceExhausted);
}

TEST_F(HttpStreamTest, SaysWhenAServerDoesNotSpeakConnect) {
  answer_with("text/html", "<html>");
  EXPECT_EQ(stream(false).status.code(), StatusCode::kUnknown);
  EXPECT_EQ(call(gateway::Protocol::kConnectUnary, true).status.code(), StatusCode::kUnknown);
  answer_with("text/html", "<html>", 404);
  EXPECT_EQ(call(gateway::Protocol::kConnectUnary, true).status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(world_.client->request_count(), 0u);
}

TEST_F(HttpStreamTest, FailsWhenTheServerIsLost) {
  world_.server.reset();
  const Heard heard = stream(false);
  EXPECT_EQ(heard.status.code(), StatusCode::kUnavailable) << heard.status;
}

}  // namespace
}  // namespace echostream::testing
