#include "echostream/plugins/tracing.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <vector>

#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using lab::v1::Count;
using lab::v1::Text;
using namespace std::chrono_literals;

constexpr char kParent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// One span of the file.
struct SpanLine {
  std::string service, trace, id, parent, name, code;
  int kind = 0;
  std::size_t events = 0;
};

const Value& at(const Value& value, const char* key) {
  static const Value none;
  const auto found = value.struct_value().fields().find(key);
  return found == value.struct_value().fields().end() ? none : found->second;
}

std::string attribute(const Value& of, const std::string& key) {
  for (const Value& one : at(of, "attributes").list_value().values()) {
    if (at(one, "key").string_value() == key) {
      return at(at(one, "value"), "stringValue").string_value();
    }
  }
  return {};
}

std::vector<SpanLine> read_spans(const std::string& path) {
  std::vector<SpanLine> spans;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    Value root;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, root.mutable_struct_value()).ok())
        << line;
    for (const Value& resource : at(root, "resourceSpans").list_value().values()) {
      const std::string service = attribute(at(resource, "resource"), "service.name");
      for (const Value& scope : at(resource, "scopeSpans").list_value().values()) {
        for (const Value& span : at(scope, "spans").list_value().values()) {
          SpanLine read;
          read.service = service;
          read.trace = at(span, "traceId").string_value();
          read.id = at(span, "spanId").string_value();
          read.parent = at(span, "parentSpanId").string_value();
          read.name = at(span, "name").string_value();
          read.kind = static_cast<int>(at(span, "kind").number_value());
          read.code = attribute(span, "rpc.response.status_code");
          read.events = static_cast<std::size_t>(at(span, "events").list_value().values_size());
          EXPECT_LE(std::stoull(at(span, "startTimeUnixNano").string_value()),
                    std::stoull(at(span, "endTimeUnixNano").string_value()));
          spans.push_back(read);
        }
      }
    }
  }
  return spans;
}

Task<int> count_frames(lab::v1::Lab::Client client, Count request) {
  auto reader = co_await client.CountUp(request);
  int frames = 0;
  while (auto frame = co_await reader.next()) ++frames;
  co_return frames;
}

class TracingFile : public ::testing::Test {
 protected:
  TracingFile() { ::unlink(path_.c_str()); }
  ~TracingFile() override { ::unlink(path_.c_str()); }
  TracingOptions options(const char* service) const {
    TracingOptions chosen;
    chosen.service_name = service;
    chosen.file = path_;
    chosen.interval = 1ms;
    return chosen;
  }
  static std::shared_ptr<Plugin> plugin(TracingOptions chosen) {
    auto made = make_tracing_plugin(std::move(chosen));
    EXPECT_TRUE(made) << made.status();
    return *made;
  }
  const std::string path_ =
      ::testing::TempDir() + "echostream_traces_" + std::to_string(::getpid()) + ".jsonl";
};

class Tracing : public TracingFile {
 protected:
  void connect(const std::function<void(TracingOptions&)>& tune = [](TracingOptions&) {}) {
    TracingOptions at_client = options("client");
    TracingOptions at_server = options("server");
    tune(at_client);
    tune(at_server);
    Lab::Options lab_options;
    lab_options.link.delay = 5ms;
    lab_.emplace(lab_options);
    ASSERT_TRUE(lab_->client_node->add_plugin(plugin(at_client)).is_ok());
    ASSERT_TRUE(lab_->server_node->add_plugin(plugin(at_server)).is_ok());
    lab_->connect();
  }
  /// By service and method. Ends the nodes.
  std::map<std::string, SpanLine> spans() {
    lab_.reset();
    std::map<std::string, SpanLine> found;
    for (const SpanLine& span : read_spans(path_)) {
      const std::string key = span.service + (span.kind == 3 ? " calls " : " serves ") + span.name;
      EXPECT_TRUE(found.emplace(key, span).second) << "twice: " << key;
    }
    return found;
  }
  std::optional<Lab> lab_;
};

TEST_F(Tracing, JoinsBothSidesOfACall) {
  connect();
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("hello"))));
  auto found = spans();
  ASSERT_EQ(found.size(), 2u);
  const SpanLine& caller = found["client calls lab.v1.Lab/Echo"];
  const SpanLine& server = found["server serves lab.v1.Lab/Echo"];
  EXPECT_EQ(caller.parent, "");
  EXPECT_EQ(server.parent, caller.id);
  EXPECT_EQ(server.trace, caller.trace);
  EXPECT_NE(server.id, caller.id);
  EXPECT_EQ(caller.code, "OK");
}

TEST_F(Tracing, FollowsACallThroughItsHandlers) {
  connect();
  ASSERT_TRUE(*lab_->run(lab_->client().CallBack(text("round"))));
  auto found = spans();
  ASSERT_EQ(found.size(), 4u);
  const SpanLine& first = found["client calls lab.v1.Lab/CallBack"];
  const SpanLine& second = found["server serves lab.v1.Lab/CallBack"];
  const SpanLine& third = found["server calls lab.v1.Lab/Echo"];
  const SpanLine& fourth = found["client serves lab.v1.Lab/Echo"];
  EXPECT_EQ(second.parent, first.id);
  EXPECT_EQ(third.parent, second.id);
  EXPECT_EQ(fourth.parent, third.id);
  for (const SpanLine* span : {&second, &third, &fourth}) EXPECT_EQ(span->trace, first.trace);
}

TEST_F(Tracing, CoversEventsAndStreamsWithSomeOfTheirMessages) {
  connect([](TracingOptions& options) { options.max_message_events = 5; });
  ASSERT_TRUE(lab_->run(lab_->client().Note(text("n")))->is_ok());
  Count request;
  request.set_count(30);
  EXPECT_EQ(lab_->run(count_frames(lab_->client(), request)), 30);
  lab_->run_for(50ms);
  auto found = spans();
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found["server serves lab.v1.Lab/Note"].parent,
            found["client calls lab.v1.Lab/Note"].id);
  EXPECT_EQ(found["server serves lab.v1.Lab/CountUp"].parent,
            found["client calls lab.v1.Lab/CountUp"].id);
  EXPECT_EQ(found["client calls lab.v1.Lab/CountUp"].events, 5u);
}

TEST_F(Tracing, TellsHowCallsEnded) {
  connect();
  Text request = text("no such robot");
  request.set_number(static_cast<int>(StatusCode::kNotFound));
  ASSERT_FALSE(*lab_->run(lab_->client().Fail(request)));
  Text slow;
  slow.set_number(60'000);
  ASSERT_FALSE(*lab_->run(lab_->client().Delay(slow, CallOptions().timeout(50ms))));
  lab_->run_for(50ms);
  auto found = spans();
  EXPECT_EQ(found["client calls lab.v1.Lab/Fail"].code, "NOT_FOUND");
  EXPECT_EQ(found["server serves lab.v1.Lab/Fail"].code, "NOT_FOUND");
  EXPECT_EQ(found["client calls lab.v1.Lab/Delay"].code, "DEADLINE_EXCEEDED");
  EXPECT_EQ(found.count("server serves lab.v1.Lab/Delay"), 1u);
}

TEST_F(Tracing, GoesOnWithATraceThatTheProgramHas) {
  connect();
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(
      text("x"),
      CallOptions().metadata("traceparent", kParent).metadata("tracestate", "vendor=1"))));
  EXPECT_EQ(lab_->server_handler->last_metadata.find("tracestate"), "vendor=1");
  auto found = spans();
  const SpanLine& caller = found["client calls lab.v1.Lab/Echo"];
  EXPECT_EQ(caller.trace, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(caller.parent, "00f067aa0ba902b7");
}

TEST_F(Tracing, TellsOthersNotToRecordWhatItDoesNot) {
  connect([](TracingOptions& options) {
    options.sample_ratio = options.service_name == "client" ? 0 : 1;
  });
  // The server's own call, made for the client's, is not recorded either.
  ASSERT_TRUE(*lab_->run(lab_->client().CallBack(text("x"))));
  EXPECT_EQ(lab_->client_handler->last_metadata.find("b3"), "0");
  EXPECT_FALSE(lab_->client_handler->last_metadata.find("traceparent"));
  EXPECT_EQ(spans().size(), 0u);
}

TEST_F(Tracing, SaysNoOnceAndThenBySilenceOnEachSession) {
  connect([](TracingOptions& options) {
    options.sample_ratio = options.service_name == "client" ? 0 : 1;
  });
  const auto& seen = lab_->server_handler->last_metadata;
  // A one-way event proves nothing.
  ASSERT_TRUE(lab_->run(lab_->client().Note(text("n")))->is_ok());
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("first"))));
  EXPECT_EQ(seen.find("b3"), "0");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("later"))));
    EXPECT_TRUE(seen.empty());
  }
  // Calls that handlers make for one that is not recorded are not either.
  ASSERT_TRUE(*lab_->run(lab_->client().CallBack(text("x"))));
  Count request;
  request.set_count(3);
  EXPECT_EQ(lab_->run(count_frames(lab_->client(), request)), 3);
  // One that is recorded still is, and the next silent one is not.
  ASSERT_TRUE(
      *lab_->run(lab_->client().Echo(text("x"), CallOptions().metadata("traceparent", kParent))));
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("later"))));
  // The server's own calls are its own business.
  auto own = lab_->sim.run(*lab_->server_side,
                           lab_->at_server->client<lab::v1::Lab>().Echo(text("own")), 5s);
  ASSERT_TRUE(own && *own);
  // Another session has not heard it yet.
  auto another =
      lab_->run(lab_->client_node->connect(lab_->at_client->remote_address().to_string()));
  ASSERT_TRUE(another && *another) << another->status();
  ASSERT_TRUE(*lab_->run((*another)->client<lab::v1::Lab>().Echo(text("first"))));
  EXPECT_EQ(seen.find("b3"), "0");
  lab_->run_for(50ms);
  auto found = spans();
  EXPECT_EQ(found.size(), 4u);
  EXPECT_EQ(found["server serves lab.v1.Lab/Echo"].trace, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(found["client serves lab.v1.Lab/Echo"].parent,
            found["server calls lab.v1.Lab/Echo"].id);
}

TEST_F(Tracing, HandsOnTracesThatAreNotRecordedWhenAskedTo) {
  connect([](TracingOptions& options) {
    options.sample_ratio = 0;
    options.unrecorded_calls = UnrecordedCalls::kTraceparent;
  });
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("x"))));
  const auto context = TraceContext::from(lab_->server_handler->last_metadata);
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->sampled);
  EXPECT_EQ(spans().size(), 0u);
}

TEST_F(Tracing, SaysNothingOfCallsThatAreNotRecordedWhenAskedTo) {
  connect([](TracingOptions& options) {
    options.sample_ratio = options.service_name == "client" ? 0 : 1;
    options.unrecorded_calls = UnrecordedCalls::kSayNothing;
  });
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("x"))));
  EXPECT_TRUE(lab_->server_handler->last_metadata.empty());
  auto found = spans();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->second.parent, "") << "a trace of the server's own";
}

TEST_F(Tracing, RecordsWhatTheCallerDoesHoweverLittleIsSampledHere) {
  connect([](TracingOptions& options) { options.sample_ratio = 0; });
  ASSERT_TRUE(
      *lab_->run(lab_->client().Echo(text("x"), CallOptions().metadata("traceparent", kParent))));
  EXPECT_EQ(spans().size(), 2u);
}

TEST_F(Tracing, IgnoresWhatIsNoTrace) {
  // Only the server has the plugin: what the client writes goes over the wire as it is.
  lab_.emplace();
  ASSERT_TRUE(lab_->server_node->add_plugin(plugin(options("server"))).is_ok());
  lab_->connect();
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(
      text("x"), CallOptions().metadata("traceparent", std::string("00-zz\0\n", 7)))));
  auto found = spans();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->second.parent, "");
}

TEST_F(Tracing, BelievesNoCallerWhenToldSo) {
  connect([](TracingOptions& options) { options.follow_callers = false; });
  ASSERT_TRUE(*lab_->run(lab_->client().Echo(text("x"))));
  auto found = spans();
  EXPECT_EQ(found["server serves lab.v1.Lab/Echo"].parent, "");
  EXPECT_NE(found["server serves lab.v1.Lab/Echo"].trace,
            found["client calls lab.v1.Lab/Echo"].trace);
}

TEST_F(TracingFile, IsWrittenByRealNodesWhenTheyShutDown) {
  RealNodes nodes;
  ASSERT_TRUE(nodes.client_node->add_plugin(plugin(options("client"))).is_ok());
  ASSERT_TRUE(nodes.server->add_plugin(plugin(options("server"))).is_ok());
  nodes.connect();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(nodes.run(nodes.client().Echo(text("hello"))));
  echostream::run(*nodes.loop, nodes.client_node->shutdown(1s));
  echostream::run(*nodes.loop, nodes.server->shutdown(1s));
  const auto spans = read_spans(path_);
  ASSERT_EQ(spans.size(), 100u);
}

TEST(TracingCollector, IsNamedInTheNodesLogWhenItTakesNothing) {
  TracingOptions options;
  options.collector = "http://127.0.0.1:1";  // nobody is there
  options.interval = 1ms;
  const auto tracing = make_tracing_plugin(options);
  ASSERT_TRUE(tracing) << tracing.error();
  std::vector<std::string> lines;
  Lab::Options lab_options;
  lab_options.tune_client = [&lines](NodeOptions& node) {
    node.log = [&lines](LogLevel, std::string_view line) { lines.emplace_back(line); };
  };
  Lab lab(lab_options);
  ASSERT_TRUE(lab.client_node->add_plugin(*tracing).is_ok());
  lab.connect();
  ASSERT_TRUE(*lab.run(lab.client().Echo(text("x"))));
  while ((*tracing)->tracing_stats().failed_exports == 0) ::usleep(1000);
  lab.run_for(60s);
  const std::string expected = "tracing: http://127.0.0.1:1 does not take all spans: ";
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [&](const std::string& line) { return line.starts_with(expected); }),
            1);
}

TEST(TracingOptionsCheck, SaysWhatIsAllowed) {
  const auto code = [](const std::function<void(TracingOptions&)>& tune) {
    TracingOptions options;
    options.collector = "http://127.0.0.1:1";
    tune(options);
    return make_tracing_plugin(options).status().code();
  };
  EXPECT_EQ(code([](TracingOptions&) {}), StatusCode::kOk);
  EXPECT_EQ(code([](TracingOptions& o) { o.sample_ratio = 1.5; }), StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](TracingOptions& o) { o.file = "x"; }), StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](TracingOptions& o) { o.collector = ""; }), StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](TracingOptions& o) { o.collector = "x"; }), StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](TracingOptions& o) { o.max_batch = 5000; }), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace echostream::testing
