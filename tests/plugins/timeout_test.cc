#include "echostream/plugins/timeout.h"

#include <gmock/gmock.h>

#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Text;
using lab::v1::Ticks;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::shared_ptr<Plugin> timeouts(const std::function<void(TimeoutRule&)>& rule,
                                 std::string method = "*") {
  TimeoutOptions options;
  options.rules.emplace_back().methods = {std::move(method)};
  rule(options.rules[0]);
  auto plugin = make_timeout_plugin(std::move(options));
  EXPECT_TRUE(plugin) << plugin.status();
  return *plugin;
}

class Timeouts : public ::testing::TestWithParam<Wire> {
 protected:
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void at_client(std::shared_ptr<Plugin> plugin) {
    ASSERT_TRUE(lab_.client_node->add_plugin(std::move(plugin)).is_ok());
  }
  void at_server(std::shared_ptr<Plugin> plugin) {
    ASSERT_TRUE(lab_.server_node->add_plugin(std::move(plugin)).is_ok());
  }
  /// Runs it, and says how long that took.
  template <class T>
  Duration time_of(Task<T> task, std::optional<T>& result) {
    const Duration before = lab_.sim.elapsed();
    result = lab_.run(std::move(task));
    return lab_.sim.elapsed() - before;
  }
  static Text number(std::int64_t value) {
    Text message;
    message.set_number(value);
    return message;
  }

  Lab lab_{options()};
};

TEST_P(Timeouts, GiveARpcADeadlineThatHasNone) {
  at_client(timeouts([](TimeoutRule& rule) { rule.default_timeout = 200ms; }));
  lab_.connect();
  const LocalTime before = lab_.server_node->loop().now();
  ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("a"))));
  EXPECT_GT(lab_.server_handler->last_deadline, before + 190ms);
  EXPECT_LT(lab_.server_handler->last_deadline, before + 220ms);
}

TEST_P(Timeouts, LeaveOtherMethodsAndOwnDeadlinesAlone) {
  at_client(timeouts([](TimeoutRule& rule) { rule.default_timeout = 100ms; }, "lab.v1.Lab/Delay"));
  lab_.connect();
  ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("a"))));
  EXPECT_EQ(lab_.server_handler->last_deadline, kNever) << "no rule is for it";
  EXPECT_TRUE(*lab_.run(lab_.client().Delay(number(500)))) << "its .proto says 60 s";
}

TEST_P(Timeouts, LeaveTheDeadlineOfACallAlone) {
  at_client(timeouts([](TimeoutRule& rule) { rule.default_timeout = 100ms; }));
  lab_.connect();
  const LocalTime before = lab_.server_node->loop().now();
  ASSERT_TRUE(*lab_.run(lab_.client().Echo(text("a"), CallOptions().timeout(5s))));
  EXPECT_GT(lab_.server_handler->last_deadline, before + 4s);
}

TEST_P(Timeouts, BoundCallsThatInheritALongerDeadline) {
  at_server(timeouts([](TimeoutRule& rule) { rule.default_timeout = 1s; }));
  lab_.connect();
  const LocalTime before = lab_.client_loop().now();
  ASSERT_TRUE(*lab_.run(lab_.client().CallBack(text("a"), CallOptions().timeout(10s))));
  EXPECT_LT(lab_.client_handler->last_deadline, before + 2s);
  // But never beyond it.
  ASSERT_TRUE(*lab_.run(lab_.client().CallBack(text("a"), CallOptions().timeout(300ms))));
  EXPECT_LE(lab_.client_handler->last_deadline, lab_.client_loop().now() + 300ms);
}

TEST_P(Timeouts, AnswerForAHandlerThatTakesTooLongAndCancelIt) {
  at_server(timeouts([](TimeoutRule& rule) { rule.handler_timeout = 100ms; }));
  lab_.connect();
  std::optional<Result<Text>> reply;
  const Duration took = time_of(lab_.client().Delay(number(5000)), reply);
  EXPECT_EQ(reply->status().code(), StatusCode::kDeadlineExceeded) << reply->status();
  EXPECT_GE(took, 100ms);
  EXPECT_LT(took, 150ms);
  lab_.run_for(1ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
  EXPECT_EQ(lab_.server_handler->cancelled, 1);
  EXPECT_TRUE(*lab_.run(lab_.client().Delay(number(90)))) << "others have their time";
}

TEST_P(Timeouts, NeverGiveAHandlerMoreThanItsCallerDoes) {
  at_server(timeouts([](TimeoutRule& rule) { rule.handler_timeout = 10s; }));
  lab_.connect();
  std::optional<Result<Text>> reply;
  const Duration took =
      time_of(lab_.client().Delay(number(5000), CallOptions().timeout(100ms)), reply);
  EXPECT_EQ(reply->status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_LT(took, 150ms);
}

// Writes `count` messages 200 ms apart, reads what comes back, and then waits for the end.
Task<Status> talk(Lab& lab, int count, int& heard, Duration& last) {
  auto stream = co_await lab.client().Mirror();
  for (int i = 0; i < count; ++i) {
    Text message = text("still here");
    Status written = co_await stream.writer.write(message);
    if (!written.is_ok()) co_return written;
    auto frame = co_await stream.reader.next();
    if (!frame) co_return stream.reader.status();
    ++heard;
    last = lab.sim.elapsed();
    (void)co_await sleep_for(200ms);
  }
  auto frame = co_await stream.reader.next();
  EXPECT_FALSE(frame);
  co_return stream.reader.status();
}

TEST_P(Timeouts, EndAStreamThatIsIdleForItsCaller) {
  at_client(timeouts([](TimeoutRule& rule) { rule.idle_timeout = 300ms; }));
  lab_.connect();
  int heard = 0;
  Duration last{};
  const auto end = lab_.run(talk(lab_, 10, heard, last));
  EXPECT_EQ(heard, 10) << "messages 200 ms apart are no idling";
  EXPECT_EQ(end->code(), StatusCode::kDeadlineExceeded) << *end;
  EXPECT_THAT(std::string(end->message()), HasSubstr("no message on this stream for 300 ms"));
  EXPECT_LT(lab_.sim.elapsed() - last, 320ms);
  lab_.run_for(50ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
}

TEST_P(Timeouts, EndAStreamThatIsIdleForItsHandler) {
  at_server(timeouts([](TimeoutRule& rule) { rule.idle_timeout = 300ms; }));
  lab_.connect();
  int heard = 0;
  Duration last{};
  const auto end = lab_.run(talk(lab_, 10, heard, last));
  EXPECT_EQ(heard, 10);
  EXPECT_EQ(end->code(), StatusCode::kDeadlineExceeded) << *end;
  EXPECT_THAT(std::string(end->message()), HasSubstr("no message on this stream for 300 ms"));
  EXPECT_EQ(lab_.server_handler->running, 0);
}

TEST_P(Timeouts, LeaveAStreamThatEndsByItselfItsOwnEnd) {
  const auto rule = [](TimeoutRule& times) {
    times.idle_timeout = 300ms;
    times.max_duration = 10s;
  };
  at_client(timeouts(rule));
  at_server(timeouts(rule));
  lab_.connect();
  Count count;
  count.set_count(1000);
  auto reader = lab_.run(lab_.client().CountUp(count));
  int got = 0;
  const auto read_all = [](Reader<Count> in, int& frames) -> Task<Status> {
    while (auto frame = co_await in.next()) ++frames;
    co_return in.status();
  };
  EXPECT_TRUE(lab_.run(read_all(std::move(*reader), got))->is_ok());
  EXPECT_EQ(got, 1000);
  lab_.run_for(1s);
  EXPECT_EQ(lab_.server_handler->cancelled, 0);
}

TEST_P(Timeouts, EndAStreamThatTakesTooLongAltogether) {
  for (const bool at_the_client : {true, false}) {
    Lab lab(options());
    auto plugin = timeouts([](TimeoutRule& rule) { rule.max_duration = 1s; });
    Node& node = at_the_client ? *lab.client_node : *lab.server_node;
    ASSERT_TRUE(node.add_plugin(std::move(plugin)).is_ok());
    lab.connect();
    Ticks ticks;
    ticks.set_count(1'000'000);
    ticks.set_pause_ms(50);
    const Duration before = lab.sim.elapsed();
    auto reader = lab.run(lab.client().Tick(ticks));
    const auto read_all = [](Reader<Count> in) -> Task<Status> {
      while (auto frame = co_await in.next()) {
      }
      co_return in.status();
    };
    const auto end = lab.run(read_all(std::move(*reader)));
    EXPECT_EQ(end->code(), StatusCode::kDeadlineExceeded) << *end;
    EXPECT_GE(lab.sim.elapsed() - before, 1s);
    EXPECT_LT(lab.sim.elapsed() - before, 1100ms);
    lab.run_for(100ms);
    EXPECT_EQ(lab.server_handler->running, 0);
  }
}

TEST_P(Timeouts, LeaveSubscriptionsThatHearNothingAlone) {
  const auto rule = [](TimeoutRule& times) {
    times.idle_timeout = 100ms;
    times.max_duration = 100ms;
    times.handler_timeout = 100ms;
    times.default_timeout = 100ms;
  };
  at_client(timeouts(rule));
  at_server(timeouts(rule));
  lab_.connect();
  auto reader = lab_.run(lab_.client().News(lab::v1::Filter()));
  lab_.run_for(10s);
  lab_.server_handler->PublishNews(text("at last"));
  auto frame = lab_.run(reader->next());
  ASSERT_TRUE(frame->has_value()) << reader->status();
  EXPECT_EQ((*frame)->message.text(), "at last");
}

TEST_P(Timeouts, EndAStreamWhoseCallerDropsItLikeAnyOther) {
  at_client(timeouts([](TimeoutRule& rule) { rule.idle_timeout = 1s; }));
  at_server(timeouts([](TimeoutRule& rule) { rule.idle_timeout = 1s; }));
  lab_.connect();
  {
    auto stream = lab_.run(lab_.client().Mirror());
    lab_.run_for(50ms);
    EXPECT_EQ(lab_.server_handler->running, 1);
  }
  lab_.run_for(50ms);
  EXPECT_EQ(lab_.server_handler->running, 0);
}

INSTANTIATE_TEST_SUITE_P(Wires, Timeouts, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& each) {
                           return each.param == Wire::kMemory ? "Memory" : "Quic";
                         });

// The network has gone without a word: nobody else would end these.
TEST(TimeoutsOnBadLinks, EndWhatNobodyAnswersAtTheirTime) {
  for_each_seed(20, [](std::uint64_t seed) {
    Lab::Options options;
    options.seed = seed;
    options.link.delay = 20ms;
    options.link.loss = 0.05;
    Lab lab(options);
    auto plugin = timeouts([](TimeoutRule& rule) {
      rule.default_timeout = 700ms;
      rule.idle_timeout = 500ms;
    });
    ASSERT_TRUE(lab.client_node->add_plugin(std::move(plugin)).is_ok());
    lab.connect();
    int heard = 0;
    Duration last{};
    std::optional<Status> stream_end;
    TaskGroup group(lab.client_loop());
    group.spawn(internal::store(talk(lab, 1000, heard, last), stream_end));
    lab.run_for(3s);
    LinkOptions cut = options.link;
    cut.cut = true;
    lab.sim.set_link("server", "client", cut);
    const Duration before = lab.sim.elapsed();
    auto reply = lab.run(lab.client().Echo(text("anybody?")));
    EXPECT_EQ(reply->status().code(), StatusCode::kDeadlineExceeded) << reply->status();
    EXPECT_GE(lab.sim.elapsed() - before, 700ms);
    EXPECT_LT(lab.sim.elapsed() - before, 710ms);
    lab.run_for(100ms);  // it may have written a last time 200 ms after the cut
    ASSERT_TRUE(stream_end) << "the stream was idle for longer than its time";
    EXPECT_EQ(stream_end->code(), StatusCode::kDeadlineExceeded) << *stream_end;
  });
}

TEST(TimeoutsOverTheLoopback, AnswerForAHandlerThatHangs) {
  RealNodes nodes;
  auto plugin = timeouts([](TimeoutRule& rule) { rule.handler_timeout = 20ms; });
  ASSERT_TRUE(nodes.server->add_plugin(std::move(plugin)).is_ok());
  nodes.connect();
  Text forever;
  forever.set_number(50'000);
  auto reply = nodes.run(nodes.client().Delay(forever));
  EXPECT_EQ(reply.status().code(), StatusCode::kDeadlineExceeded) << reply.status();
}

}  // namespace
}  // namespace echostream::testing
