#include "echostream/plugins/logging.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using google::protobuf::Struct;
using lab::v1::Text;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class LogFile : public ::testing::Test {
 protected:
  LogFile() {
    ::unsetenv("ECHOSTREAM_LOG");
    ::unlink(path_.c_str());
  }
  ~LogFile() override { ::unlink(path_.c_str()); }
  std::shared_ptr<Log> open(const std::function<void(LoggingOptions&)>& tune = {}) const {
    LoggingOptions options;
    options.file = path_;
    options.format = LogFormat::kJson;
    if (tune) tune(options);
    auto log = Log::open(options);
    EXPECT_TRUE(log) << log.status();
    return *log;
  }
  std::string contents() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  /// The lines of one event, parsed. Fails the test for what is no JSON.
  std::vector<Struct> lines(const std::string& event) const {
    std::vector<Struct> found;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      Struct parsed;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &parsed).ok()) << line;
      if (parsed.fields().at("event").string_value() == event) found.push_back(parsed);
    }
    return found;
  }
  static std::string text_of(const Struct& line, const char* key) {
    const auto found = line.fields().find(key);
    return found == line.fields().end() ? "" : found->second.string_value();
  }
  const std::string path_ =
      ::testing::TempDir() + "echostream_log_" + std::to_string(::getpid()) + ".jsonl";
};

class Logging : public LogFile {
 protected:
  void connect(const std::shared_ptr<Log>& at_server, const std::shared_ptr<Log>& at_client) {
    Lab::Options options;
    options.link.delay = 5ms;
    lab_.emplace(options);
    if (at_server) {
      ASSERT_TRUE(lab_->server_node->add_plugin(make_logging_plugin(at_server)).is_ok());
    }
    if (at_client) {
      ASSERT_TRUE(lab_->client_node->add_plugin(make_logging_plugin(at_client)).is_ok());
    }
    lab_->connect();
  }
  void fail(std::string message, StatusCode code) {
    Text request = text(std::move(message));
    request.set_number(static_cast<int>(code));
    ASSERT_FALSE(*lab_->run(lab_->client().Fail(request)));
  }
  std::optional<Lab> lab_;
};

TEST_F(Logging, WritesALineForEachCallThatFails) {
  connect(open(), nullptr);
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("well"))));
  fail("no such robot", StatusCode::kNotFound);
  ASSERT_FALSE(*lab_->run(lab_->client().Throw(text(""))));
  const auto served = lines("serve");
  ASSERT_EQ(served.size(), 2u);
  EXPECT_EQ(text_of(served[0], "method"), "lab.v1.Lab/Fail");
  EXPECT_EQ(text_of(served[0], "code"), "NOT_FOUND");
  EXPECT_EQ(text_of(served[0], "message"), "no such robot");
  EXPECT_EQ(text_of(served[0], "level"), "info");
  EXPECT_EQ(text_of(served[1], "level"), "warning") << "a fault of ours";
}

TEST_F(Logging, WritesALineForEveryCallWhenAskedTo) {
  connect(open([](LoggingOptions& options) { options.calls = LogLevel::kInfo; }), nullptr);
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("well"))));
  const auto served = lines("serve");
  ASSERT_EQ(served.size(), 1u);
  EXPECT_EQ(served[0].fields().at("request_bytes").number_value(), 6);
  EXPECT_EQ(served[0].fields().at("reply_bytes").number_value(), 6);
  EXPECT_GE(served[0].fields().at("ms").number_value(), 0);
}

TEST_F(Logging, WritesALineForCallsThatAreCancelledOnBothSides) {
  const auto log = open();
  connect(log, log);
  Text slow;
  slow.set_number(60'000);
  {
    TaskGroup group(lab_->client_loop());
    std::optional<Result<Text>> slot;
    group.spawn(internal::store(lab_->client().Delay(slow), slot));
    lab_->run_for(50ms);
  }
  lab_->run_for(50ms);
  for (const char* event : {"call", "serve"}) {
    const auto found = lines(event);
    ASSERT_EQ(found.size(), 1u) << event;
    EXPECT_EQ(text_of(found[0], "code"), "CANCELLED") << event;
  }
  // And those that are under way when a node goes.
  TaskGroup group(lab_->client_loop());
  std::optional<Result<Text>> slot;
  group.spawn(internal::store(lab_->client().Delay(slow), slot));
  lab_->run_for(50ms);
  lab_->server_node.reset();
  lab_->run_for(50ms);
  EXPECT_EQ(lines("serve").size(), 2u);
  EXPECT_EQ(lines("call").size(), 2u);
  EXPECT_TRUE(slot.has_value());
}

TEST_F(Logging, FollowsSessions) {
  connect(open(), open());
  lab_->at_client->close("done");
  lab_->run_for(100ms);
  EXPECT_EQ(lines("started").size(), 2u);
  EXPECT_EQ(lines("listening").size(), 1u);
  const auto opened = lines("session_open");
  ASSERT_EQ(opened.size(), 2u);
  EXPECT_EQ(text_of(opened[0], "handshake"), "full");
  EXPECT_EQ(lines("session_closed").size(), 2u);
}

TEST_F(Logging, O02_NeverShowsPayloadsOrMetadataThatWasNotAllowed) {
  const auto log = open([](LoggingOptions& options) {
    options.level = LogLevel::kDebug;
    options.metadata_keys = {"x-request-id"};
  });
  connect(log, nullptr);
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("payload-secret"),
                                             CallOptions()
                                                 .metadata("authorization", "Bearer token-secret")
                                                 .metadata("x-other", "other-secret")
                                                 .metadata("x-request-id", "id-7"))));
  log->flush();
  const auto served = lines("serve");
  ASSERT_EQ(served.size(), 1u);
  EXPECT_EQ(text_of(served[0], "metadata.x-request-id"), "id-7");
  EXPECT_THAT(contents(), Not(HasSubstr("secret")));
}

TEST_F(Logging, O02_KeepsWhatAPeerSaysWithinItsValue) {
  connect(nullptr, open());
  const std::string nasty =
      "x\",\"level\":\"error\n{\"event\":\"forged\"}\r\x1b[31m" + std::string(1000, 'y');
  fail(nasty, StatusCode::kNotFound);
  EXPECT_EQ(lines("forged").size(), 0u);
  const auto calls = lines("call");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(text_of(calls[0], "level"), "info");
  EXPECT_THAT(text_of(calls[0], "message"), ::testing::StartsWith("x\",\"level\":\"error\n"));
  EXPECT_LT(text_of(calls[0], "message").size(), 300u);
}

TEST_F(Logging, O01_CountsTheLinesOfAFlood) {
  auto log = open([](LoggingOptions& options) { options.max_lines_per_second = 5; });
  connect(log, nullptr);
  for (int i = 0; i < 20; ++i) fail("again", StatusCode::kNotFound);
  lab_->run_for(1s);
  fail("later", StatusCode::kNotFound);
  EXPECT_LE(lines("serve").size(), 11u);
  const auto told = lines("suppressed");
  ASSERT_GE(told.size(), 1u);
  EXPECT_EQ(text_of(told[0], "lines_of"), "failed_calls");
  EXPECT_GE(log->stats().suppressed, 10u);
}

TEST_F(LogFile, IsSharedByRealNodesAndTheirOwnLines) {
  auto log = open();
  RealNodes nodes;
  for (Node* node : {nodes.server.get(), nodes.client_node.get()}) {
    ASSERT_TRUE(node->add_plugin(make_logging_plugin(log)).is_ok());
  }
  nodes.connect();
  ASSERT_TRUE(nodes.run(nodes.client().Echo(text("hello"))));
  Log::sink_of(log)(LogLevel::kWarning, "of the node");
  echostream::run(*nodes.loop, nodes.client_node->shutdown(1s));
  echostream::run(*nodes.loop, nodes.server->shutdown(1s));
  EXPECT_EQ(lines("stopped").size(), 2u);
  EXPECT_EQ(text_of(lines("node").at(0), "message"), "of the node");
  for (const auto& line : lines("session_open")) {
    EXPECT_THAT(text_of(line, "peer"), ::testing::StartsWith("127.0.0.1:"));
  }
}

TEST_F(Logging, L06_GoesOnWhenTheDiskIsFull) {
  auto log = open([](LoggingOptions& options) {
    options.file = "/dev/full";
    options.max_file_bytes = 0;
  });
  connect(log, log);
  for (int i = 0; i < 300; ++i) fail(std::string(200, 'x'), StatusCode::kNotFound);
  EXPECT_TRUE(*lab_->run(lab_->client().Echo(text("still there"))));
  EXPECT_GT(log->stats().failed, 0u);
}

}  // namespace
}  // namespace echostream::testing
