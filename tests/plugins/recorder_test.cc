// What the recorder writes of the calls between two nodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <map>

#include "tests/plugins/real_nodes.h"
#include "tests/plugins/recorded_nodes.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A session in memory does not wait for plugins.
void start(Lab& lab) {
  for (Node* node : {lab.server_node.get(), lab.client_node.get()}) {
    const auto started = lab.run(node->start());
    ASSERT_TRUE(started && started->is_ok());
  }
}

// Both nodes record.
class RecordedLab : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 10ms;
    return chosen;
  }
  void SetUp() override {
    at_client.attach(*lab.client_node);
    at_server.attach(*lab.server_node);
    start(lab);
    lab.connect();
  }
  Tape at_client;
  Tape at_server;
  Lab lab{options()};
};
INSTANTIATE_TEST_SUITE_P(Wires, RecordedLab, ::testing::Values(Wire::kMemory, Wire::kQuic));

TEST_P(RecordedLab, HasRequestAndReplyOfEachCallOnBothSides) {
  ASSERT_TRUE((*lab.run(lab.client().Echo(text("one")))).has_value());
  ASSERT_TRUE((*lab.run(lab.client().Echo(text("two")))).has_value());
  for (Tape* tape : {&at_client, &at_server}) {
    const auto messages = tape->messages();
    EXPECT_THAT(lines(messages), ElementsAre("/lab.v1.Lab/Echo/request {\"text\":\"one\"}",
                                             "/lab.v1.Lab/Echo/response {\"text\":\"one\"}",
                                             "/lab.v1.Lab/Echo/request {\"text\":\"two\"}",
                                             "/lab.v1.Lab/Echo/response {\"text\":\"two\"}"));
    for (const TapedMessage& message : messages) {
      EXPECT_EQ(message.value("side"), tape == &at_client ? "caller" : "server");
      EXPECT_EQ(message.value("kind"), "rpc");
      EXPECT_EQ(message.value("slot"), "0");
      EXPECT_EQ(message.value("session"), "1");
      EXPECT_EQ(message.log_time, message.publish_time);
    }
    EXPECT_EQ(messages[0].sequence, messages[1].sequence);
    EXPECT_NE(messages[1].sequence, messages[2].sequence);
  }
}

TEST_P(RecordedLab, SaysHowEachCallEnded) {
  lab::v1::Text request = text("no such thing");
  request.set_number(static_cast<int>(StatusCode::kNotFound));
  EXPECT_FALSE((*lab.run(lab.client().Fail(request))).has_value());
  for (Tape* tape : {&at_client, &at_server}) {
    const auto ends = tape->messages("/echostream/calls");
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_THAT(ends[0].json, HasSubstr(R"("method":"lab.v1.Lab/Fail")"));
    EXPECT_THAT(ends[0].json, HasSubstr(R"("code":"NOT_FOUND","message":"no such thing")"));
  }
}

TEST_P(RecordedLab, HasEachFrameWithTheTimesOfItsCaptureAndArrival) {
  const auto frames = lab.run(read_ticks(lab.client(), ticks(5, 20, 20)));
  ASSERT_EQ(frames->size(), 5u);
  for (Tape* tape : {&at_client, &at_server}) {
    const auto sent = tape->messages("/lab.v1.Lab/Tick/response");
    ASSERT_EQ(sent.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(sent[i].sequence, i);
      if (tape == &at_client) {
        EXPECT_EQ(sent[i].log_time - sent[0].log_time, (*frames)[i].arrived - (*frames)[0].arrived);
      } else {
        EXPECT_EQ(sent[i].publish_time - sent[0].publish_time, static_cast<int>(i) * 20ms);
      }
    }
  }
}

Task<Status> sum(lab::v1::Lab::Client lab, int count) {
  auto stream = co_await lab.Sum();
  for (int i = 1; i <= count; ++i) {
    lab::v1::Count number;
    number.set_count(i);
    Status written = co_await stream.write(number);
    if (!written.is_ok()) co_return written;
  }
  auto reply = co_await stream.finish();
  co_return reply.status();
}

TEST_P(RecordedLab, HasStreamsToTheServer) {
  EXPECT_TRUE((*lab.run(sum(lab.client(), 2))).is_ok());
  for (Tape* tape : {&at_client, &at_server}) {
    EXPECT_THAT(lines(tape->messages()), ElementsAre("/lab.v1.Lab/Sum/request {\"count\":\"1\"}",
                                                     "/lab.v1.Lab/Sum/request {\"count\":\"2\"}",
                                                     "/lab.v1.Lab/Sum/response {\"count\":\"3\"}"));
  }
}

Task<Status> hear_news(lab::v1::Lab::Client lab, LabHandler& publisher) {
  lab::v1::Filter filter;
  filter.set_prefix("a");
  auto reader = co_await lab.News(filter);
  (void)co_await sleep_for(100ms);
  publisher.PublishNews(text("apple"));
  publisher.PublishNews(text("pear"));
  publisher.PublishNews(text("apricot"));
  for (int i = 0; i < 2; ++i) {
    auto frame = co_await reader.next();
    if (!frame) co_return reader.status();
  }
  co_return Status::ok();
}

TEST_P(RecordedLab, HasEventsAndWhoTheyWereFor) {
  EXPECT_TRUE((*lab.run(lab.client().Note(text("note")))).is_ok());
  EXPECT_TRUE((*lab.run(hear_news(lab.client(), *lab.server_handler))).is_ok());
  lab.run_for(1s);
  for (Tape* tape : {&at_client, &at_server}) {
    EXPECT_THAT(lines(tape->messages()),
                ElementsAre("/lab.v1.Lab/Note/request {\"text\":\"note\"}",
                            "/lab.v1.Lab/News/request {\"prefix\":\"a\"}",
                            "/lab.v1.Lab/News/response {\"text\":\"apple\"}",
                            "/lab.v1.Lab/News/response {\"text\":\"apricot\"}"));
  }
}

Task<int> delay_at_once(lab::v1::Lab::Client lab, int count) {
  TaskGroup calls(*(co_await internal::current_context()).executor);
  int answered = 0;
  const auto one = [](lab::v1::Lab::Client client, int& done) -> Task<void> {
    lab::v1::Text request = text("wait");
    request.set_number(50);
    auto reply = co_await client.Delay(request);
    if (reply) ++done;
  };
  for (int i = 0; i < count; ++i) calls.spawn(one(lab, answered));
  (void)co_await calls.join();
  co_return answered;
}

// A recording of a year has no more channels than one of a minute.
TEST_P(RecordedLab, GivesCallsThatRunAtOnceChannelsOfTheirOwnAndLaterOnesTheSame) {
  EXPECT_EQ(lab.run(delay_at_once(lab.client(), 3)), 3);
  EXPECT_EQ(lab.run(delay_at_once(lab.client(), 3)), 3);
  for (Tape* tape : {&at_client, &at_server}) {
    std::map<std::string, std::vector<std::string>> by_slot;
    for (const TapedMessage& message : tape->messages()) {
      by_slot[message.value("slot")].push_back(message.topic);
    }
    EXPECT_EQ(by_slot.size(), 3u);
    for (const auto& [slot, topics] : by_slot) {
      EXPECT_THAT(topics, ElementsAre("/lab.v1.Lab/Delay/request", "/lab.v1.Lab/Delay/response",
                                      "/lab.v1.Lab/Delay/request", "/lab.v1.Lab/Delay/response"));
    }
  }
}

TEST_P(RecordedLab, TellsOfItsSessions) {
  lab.run_for(100ms);
  (void)at_server.all_messages();
  ASSERT_EQ(at_server.metadata.size(), 1u);
  EXPECT_EQ(at_server.metadata[0].name, "echostream.session");
  EXPECT_EQ(at_server.metadata[0].entries[0].second, "1");
  (void)at_client.all_messages();
  ASSERT_EQ(at_client.metadata.size(), 1u);
  if (GetParam() == Wire::kQuic) {
    EXPECT_EQ(at_client.metadata[0].entries[1].second, "10.0.0.1:4433");
    EXPECT_EQ(at_client.metadata[0].entries[2].first, "peer_fingerprint");
  }
}

TEST(Recorder, MayBeHeldForLongerThanItsNodeLives) {
  Tape tape;
  Lab lab;
  tape.attach(*lab.client_node);
  lab.connect();
  ASSERT_TRUE((*lab.run(lab.client().Echo(text("one")))).has_value());
  lab.at_client.reset();
  lab.client_node.reset();
  lab.run_for(10s);
  EXPECT_EQ(tape.messages().size(), 2u);
  EXPECT_GE(tape.recorder->stats().messages_written, 3u);
}

TEST(Recorder, SaysWhatItKnowsOfThePeersClock) {
  Lab::Options options;
  options.link.delay = 10ms;
  options.client_clock_offset = 5s;
  Tape tape;
  Lab lab(options);
  tape.attach(*lab.client_node);
  lab.connect();
  lab.run_for(10s);
  const auto samples = tape.messages("/echostream/clock/1");
  ASSERT_GE(samples.size(), 9u);
  EXPECT_THAT(samples.back().json, HasSubstr("\"state\":\"TRACKING\""));
  EXPECT_THAT(samples.back().json, HasSubstr("\"offset_ns\":\"-5"));
}

TEST(Recorder, PutsCapturesOfThePeerOnItsOwnClock) {
  Lab::Options options;
  options.link.delay = 10ms;
  options.client_clock_offset = 5s;
  Tape at_client;
  Tape at_server;
  Lab lab(options);
  at_client.attach(*lab.client_node);
  at_server.attach(*lab.server_node);
  lab.connect();
  lab.run_for(10s);
  ASSERT_EQ(lab.run(read_ticks(lab.client(), ticks(5, 20, 20)))->size(), 5u);
  const auto received = at_client.messages("/lab.v1.Lab/Tick/response");
  const auto sent = at_server.messages("/lab.v1.Lab/Tick/response");
  for (std::size_t i = 0; i < 5; ++i) {
    // Both recordings began when the clocks of day said the same.
    const Duration apart = received[i].publish_time - sent[i].publish_time;
    EXPECT_LT(std::chrono::abs(apart), 100ms) << apart.count();
    const Duration spacing = received[i].publish_time - received[0].publish_time;
    EXPECT_LT(std::chrono::abs(spacing - static_cast<int>(i) * 20ms), 50us) << spacing.count();
  }
}

class RecordedMemory : public ::testing::Test {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = Wire::kMemory;
    return chosen;
  }
  Result<lab::v1::Text> echo(std::string value, CallOptions call_options = {}) {
    return *lab.run(lab.client().Echo(text(std::move(value)), std::move(call_options)));
  }
  Tape tape;
  Lab lab{options()};
};

TEST_F(RecordedMemory, HasOnlyTheMethodsThatAreWanted) {
  RecorderOptions options = tape.options();
  options.methods = {"lab.v1.Lab/E*", "lab.v1.Lab/Sum"};
  options.except = {"*/Echo"};
  tape.attach(*lab.server_node, options);
  start(lab);
  lab.connect();
  EXPECT_TRUE(echo("hello").has_value());
  EXPECT_TRUE((*lab.run(sum(lab.client(), 1))).is_ok());
  EXPECT_THAT(lines(tape.messages()), ElementsAre("/lab.v1.Lab/Sum/request {\"count\":\"1\"}",
                                                  "/lab.v1.Lab/Sum/response {\"count\":\"1\"}"));
}

TEST_F(RecordedMemory, HasNoMetadataButThatOfTheKeysItIsTold) {
  RecorderOptions options = tape.options();
  options.metadata_keys = {"room"};
  tape.attach(*lab.server_node, options);
  start(lab);
  lab.connect();
  const auto reply = echo(
      "hello", CallOptions().metadata("authorization", "Bearer hunter2").metadata("room", "blue"));
  EXPECT_TRUE(reply.has_value());
  EXPECT_THAT(tape.bytes(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(tape.bytes(), Not(HasSubstr("authorization")));
  EXPECT_THAT(tape.bytes(), HasSubstr("blue"));
  EXPECT_THAT(tape.messages("/echostream/calls")[0].json, HasSubstr("room"));
}

TEST_F(RecordedMemory, SaysThatACallWasCancelled) {
  tape.attach(*lab.server_node);
  start(lab);
  lab.connect();
  lab::v1::Text request = text("long");
  request.set_number(10'000);
  const auto reply = *lab.run(lab.client().Delay(request, CallOptions().timeout(100ms)));
  EXPECT_EQ(reply.status().code(), StatusCode::kDeadlineExceeded);
  lab.run_for(1s);
  EXPECT_THAT(lines(tape.messages()),
              ElementsAre("/lab.v1.Lab/Delay/request {\"text\":\"long\",\"number\":\"10000\"}"));
  const auto ends = tape.messages("/echostream/calls");
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_THAT(ends[0].json, Not(HasSubstr("\"OK\"")));
}

TEST_F(RecordedMemory, MayEndWithCallsUnderWay) {
  auto& node = lab.server_node;
  tape.attach(*node);
  start(lab);
  lab.connect();
  TaskGroup calls(lab.client_loop());
  lab::v1::Text request = text("long");
  request.set_number(10'000);
  const auto wait = [](lab::v1::Lab::Client client, lab::v1::Text what) -> Task<void> {
    auto reply = co_await client.Delay(what);
    EXPECT_FALSE(reply.has_value());
  };
  calls.spawn(wait(lab.client(), request));
  lab.run_for(1s);
  lab.at_server.reset();
  node.reset();
  tape.recorder.reset();
  EXPECT_EQ(tape.messages().size(), 1u);
}

TEST_F(RecordedMemory, IsFinishedByTheNodesShutdown) {
  tape.attach(*lab.server_node);
  start(lab);
  lab.connect();
  EXPECT_TRUE(echo("hello").has_value());
  EXPECT_TRUE(lab.sim
                  .run(
                      *lab.server_side,
                      [](Node& node) -> Task<bool> {
                        co_await node.shutdown(100ms);
                        co_return true;
                      }(*lab.server_node),
                      10s)
                  .has_value());
  tape.recorder->flush();
  auto reader = RecordingReader::open(tape.path());
  ASSERT_TRUE(reader.has_value());
  while (reader->next()) {
  }
  EXPECT_TRUE(reader->damage().is_complete()) << reader->damage().reason;
}

TEST_F(RecordedMemory, DoesNotStartWhereItCannotWrite) {
  std::ofstream(tape.path()) << "somebody's";
  tape.attach(*lab.server_node);
  const auto started = lab.sim.run(*lab.server_side, lab.server_node->start(), 10s);
  ASSERT_TRUE(started.has_value());
  EXPECT_EQ(started->code(), StatusCode::kAlreadyExists) << *started;
  EXPECT_THAT(started->to_string(), HasSubstr("tape.mcap"));
}

// Files of this process can get no larger than that while it lives.
class SmallDisk {
 public:
  explicit SmallDisk(::rlim_t most) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const ::rlimit tight{most, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, previous_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  ::rlimit before_{};
  void (*previous_)(int) = std::signal(SIGXFSZ, SIG_IGN);
};

TEST(Recorder, L06_ADiskThatIsFullDisturbsNoCallAndIsLoggedOnce) {
  std::vector<std::string> log;
  Lab::Options options;
  options.wire = Wire::kMemory;
  options.tune_server = [&](NodeOptions& node) {
    node.log = [&](LogLevel level, std::string_view line) {
      if (level >= LogLevel::kInfo) log.emplace_back(line);
    };
  };
  Tape tape;
  Lab lab(options);
  tape.attach(*lab.server_node);
  start(lab);
  lab.connect();
  const auto echo_for = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      EXPECT_TRUE((*lab.run(lab.client().Echo(text(std::string(2000, 'x'))))).has_value());
      lab.run_for(1s);
      tape.recorder->flush();
    }
  };
  {
    const SmallDisk disk(10'000);
    echo_for(8);
    EXPECT_FALSE(tape.recorder->stats().error.is_ok());
    EXPECT_GT(tape.recorder->stats().messages_dropped, 0u);
  }
  echo_for(20);
  EXPECT_TRUE(tape.recorder->stats().error.is_ok());
  const auto count = [&](std::string_view part) {
    return std::count_if(log.begin(), log.end(),
                         [&](const std::string& line) { return line.find(part) != line.npos; });
  };
  EXPECT_EQ(count("nothing is recorded any more"), 1);
  EXPECT_EQ(count("messages are recorded again"), 1);
  EXPECT_GE(count("messages were not recorded"), 1);
  EXPECT_LE(count("messages were not recorded"), 3);
}

TEST(RecorderOptions, AreCheckedWhenThePluginIsMade) {
  const auto refused = [](void (*change)(RecorderOptions&), const char* name) {
    RecorderOptions options("a.mcap");
    change(options);
    const auto made = make_recorder_plugin(options);
    EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(made.status().to_string(), HasSubstr(name));
  };
  refused([](RecorderOptions& options) { options.path = ""; }, "path");
  refused([](RecorderOptions& options) { options.methods = {}; }, "methods");
  refused([](RecorderOptions& options) { options.chunk_bytes = 10; }, "chunk_bytes");
  refused([](RecorderOptions& options) { options.flush_interval = {}; }, "flush_interval");
  refused([](RecorderOptions& options) { options.max_queue_bytes = 10; }, "max_queue_bytes");
  refused([](RecorderOptions& options) { options.max_file_bytes = 10; }, "max_file_bytes");
  refused([](RecorderOptions& options) { options.max_file_duration = -1s; }, "max_file_duration");
  refused([](RecorderOptions& options) { options.max_total_bytes = 10; }, "max_total_bytes");
  refused([](RecorderOptions& options) { options.clock_interval = -1s; }, "clock_interval");
}

// Real sockets, real time, a compressed file.
TEST(Recorder, WorksOverTheLoopback) {
  Tape tape;
  RecorderOptions options = tape.options();
  options.compression = RecordingCompression::kZstd;
  {
    RealNodes nodes;
    tape.attach(*nodes.server, options);
    nodes.connect();
    ASSERT_TRUE(nodes.run(nodes.client().Echo(text("hello"))).has_value());
    EXPECT_EQ(nodes.run(read_ticks(nodes.client(), ticks(5, 2, 2))).size(), 5u);
    EXPECT_EQ(tape.messages().size(), 2u + 6u);
  }
  tape.recorder.reset();
  EXPECT_EQ(tape.messages().size(), 2u + 6u);
}

}  // namespace
}  // namespace echostream::testing
