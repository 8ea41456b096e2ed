// Recordings that are served again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "echostream/plugins/replay.h"

#include "tests/plugins/real_nodes.h"
#include "tests/plugins/recorded_nodes.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kAddress[] = "10.0.0.1:4433";

// A client of a node that serves a recording.
class ReplayWorld {
 public:
  explicit ReplayWorld(const Replay& replay, std::uint64_t seed = 1, LinkOptions link = {})
      : sim_(seed) {
    server_loop_ = &sim_.add_node("server", SocketAddress::ipv4({10, 0, 0, 1}, 0));
    client_loop_ = &sim_.add_node("client", SocketAddress::ipv4({10, 0, 0, 2}, 0));
    sim_.set_link("server", "client", link);
    auto identity = Identity::self_signed("server", server_loop_->wall_time());
    NodeOptions server;
    server.identity = *identity;
    server_ = std::make_unique<Node>(*server_loop_, std::move(server));
    for (const auto& service : replay.services) EXPECT_TRUE(server_->serve(service).is_ok());
    NodeOptions client;
    client.trust = Trust::pinned({identity->fingerprint()});
    client_ = std::make_unique<Node>(*client_loop_, std::move(client));
    EXPECT_TRUE(server_->listen(kAddress).has_value());
    auto session = run(client_->connect(kAddress));
    EXPECT_TRUE(session.has_value()) << session.status();
    session_ = *session;
  }
  template <class T>
  T run(Task<T> task) {
    auto result = sim_.run(*client_loop_, std::move(task), 60s);
    EXPECT_TRUE(result.has_value()) << "took too long";
    return *std::move(result);
  }
  lab::v1::Lab::Client lab() const { return session_->client<lab::v1::Lab>(); }
  Simulation& sim() { return sim_; }
  Loop& loop() { return *client_loop_; }

 private:
  Simulation sim_;
  Loop* server_loop_;
  Loop* client_loop_;
  std::unique_ptr<Node> server_;
  std::unique_ptr<Node> client_;
  std::optional<Session> session_;
};

enum class Recorded { kByServer, kByClient };

// What `use` did with a node, as a recording.
class RecordedUse {
 public:
  template <class Use>
  RecordedUse(Recorded by, Use use) {
    Lab lab;
    tape_.attach(by == Recorded::kByServer ? *lab.server_node : *lab.client_node);
    lab.connect();
    lab.run_for(5s);  // the clocks get to know each other
    use(lab);
    lab.run_for(1s);
    tape_.recorder->flush();
  }
  Replay replay(ReplayOptions options = {}) {
    auto loaded = load_replay(tape_.path(), std::move(options));
    EXPECT_TRUE(loaded.has_value()) << loaded.status();
    return *std::move(loaded);
  }
  Tape& tape() { return tape_; }

 private:
  Tape tape_;
};

// Frames that were captured 33, 7, 20 ... ms apart.
constexpr std::int64_t kFrames = 50;
RecordedUse record_ticks(Recorded by) {
  return RecordedUse(by, [](Lab& lab) {
    EXPECT_EQ(lab.run(read_ticks(lab.client(), ticks(kFrames, 33, 20)))->size(),
              static_cast<std::size_t>(kFrames));
  });
}

void expect_paced(const std::vector<TickedFrame>& frames, Duration interval, Duration within) {
  ASSERT_EQ(frames.size(), static_cast<std::size_t>(kFrames));
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].count, static_cast<std::int64_t>(i));
    const Duration expected = static_cast<std::int64_t>(i) * interval;
    const Duration captured = frames[i].captured - frames[0].captured;
    EXPECT_LE(std::chrono::abs(captured - expected), within) << i << ": " << captured.count();
  }
}

class Replayed : public ::testing::TestWithParam<Recorded> {};
INSTANTIATE_TEST_SUITE_P(Sides, Replayed,
                         ::testing::Values(Recorded::kByServer, Recorded::kByClient));

TEST_P(Replayed, StreamsHaveTheSpacingOfTheirCaptureToTheMicrosecond) {
  RecordedUse use = record_ticks(GetParam());
  for_each_seed(3, [&](std::uint64_t seed) {
    LinkOptions link;
    link.delay = 5ms;
    ReplayWorld world(use.replay(), seed, link);
    const auto frames = world.run(read_ticks(world.lab(), ticks(kFrames, 33, 20)));
    // What a caller recorded has gone through its estimate of the server's clock.
    expect_paced(frames, 33ms, GetParam() == Recorded::kByServer ? 0us : 50us);
    for (std::size_t i = 1; i < frames.size(); ++i) {
      const Duration apart = frames[i].arrived - frames[i - 1].arrived;
      EXPECT_LT(std::chrono::abs(apart - 33ms), 1ms) << i;
    }
    const auto again = use.tape().messages("/lab.v1.Lab/Tick/response");
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const Duration recorded = again[i].publish_time - again[0].publish_time;
      EXPECT_EQ(frames[i].captured - frames[0].captured, recorded) << i;
    }
  });
}

// A camera that captures now, as cameras do.
Task<Status> watch(lab::v1::Lab::Client lab, std::vector<TickedFrame>& frames, int count) {
  lab::v1::Filter filter;
  filter.set_prefix("frame");
  auto reader = co_await lab.News(filter);
  for (int i = 0; i < count; ++i) {
    auto frame = co_await reader.next();
    if (!frame) co_return reader.status();
    frames.push_back({frame->message.number(), frame->capture_time, frame->arrival_time});
  }
  co_return Status::ok();
}

TEST_P(Replayed, SubscriptionsGetTheirEventsAtTheirPaceAndDoNotEnd) {
  constexpr int kEvents = 5;
  RecordedUse use(GetParam(), [](Lab& lab) {
    std::vector<TickedFrame> seen;
    TaskGroup group(lab.client_loop());
    std::optional<Status> end;
    group.spawn(internal::store(watch(lab.client(), seen, kEvents), end));
    for (int i = 0; i < kEvents; ++i) {
      lab.run_for(250ms);
      lab::v1::Text event = text("frame");
      event.set_number(i);
      lab.server_handler->PublishNews(event);
    }
    lab.run_for(1s);
    EXPECT_TRUE(end.has_value());
  });
  ReplayWorld world(use.replay());
  std::vector<TickedFrame> seen;
  EXPECT_TRUE(world.run(watch(world.lab(), seen, kEvents)).is_ok());
  ASSERT_EQ(seen.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(seen[i].count, static_cast<std::int64_t>(i));
    const Duration expected = static_cast<int>(i) * 250ms;
    EXPECT_LT(std::chrono::abs(seen[i].captured - seen[0].captured - expected), 50us);
    EXPECT_LT(std::chrono::abs(seen[i].arrived - seen[0].arrived - expected), 1ms);
  }
  TaskGroup group(world.loop());
  std::optional<Status> end;
  std::vector<TickedFrame> more;
  group.spawn(internal::store(watch(world.lab(), more, kEvents + 1), end));
  world.sim().run_for(20s);
  EXPECT_EQ(more.size(), 5u);
  EXPECT_FALSE(end.has_value());
}

TEST(Replay, MayGoFaster) {
  RecordedUse use = record_ticks(Recorded::kByServer);
  ReplayOptions options;
  options.speed = 3;
  ReplayWorld world(use.replay(options));
  expect_paced(world.run(read_ticks(world.lab(), ticks(kFrames, 33, 20))), 11ms, 1us);
}

TEST(Replay, MayGoAsFastAsTheClientReads) {
  RecordedUse use = record_ticks(Recorded::kByServer);
  ReplayOptions options;
  options.speed = 0;
  ReplayWorld world(use.replay(options));
  const Duration before = world.sim().elapsed();
  EXPECT_EQ(world.run(read_ticks(world.lab(), ticks(kFrames, 33, 20))).size(), 50u);
  EXPECT_LT(world.sim().elapsed() - before, 100ms);
}

TEST_P(Replayed, CallsGetTheReplyOfTheSameRequest) {
  RecordedUse use(GetParam(), [](Lab& lab) {
    EXPECT_TRUE((*lab.run(lab.client().Echo(text("one")))).has_value());
    lab::v1::Text failing = text("as recorded");
    failing.set_number(static_cast<int>(StatusCode::kAborted));
    EXPECT_FALSE((*lab.run(lab.client().Fail(failing))).has_value());
  });
  ReplayWorld world(use.replay());
  EXPECT_EQ(world.run(world.lab().Echo(text("one")))->text(), "one");
  const auto other = world.run(world.lab().Echo(text("other")));
  EXPECT_EQ(other.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(other.status().to_string(), HasSubstr("lab.v1.Lab/Echo"));
  lab::v1::Text failing = text("as recorded");
  failing.set_number(static_cast<int>(StatusCode::kAborted));
  EXPECT_EQ(world.run(world.lab().Fail(failing)).status(),
            Status(StatusCode::kAborted, "as recorded"));
  EXPECT_EQ(world.run(world.lab().Delay(text("never recorded"))).status().code(),
            StatusCode::kUnimplemented);
}

Task<Status> count_to(lab::v1::Lab::Client lab, std::vector<std::int64_t>& sums, int count) {
  auto stream = co_await lab.Sum();
  for (int i = 1; i <= count; ++i) {
    lab::v1::Count number;
    number.set_count(i);
    Status written = co_await stream.write(number);
    if (!written.is_ok()) co_return written;
  }
  auto reply = co_await stream.finish();
  if (!reply) co_return reply.status();
  sums.push_back(reply->count());
  co_return Status::ok();
}

TEST_P(Replayed, RepeatedCallsGetWhatWasRecordedInItsOrderAndThenFromTheBeginning) {
  std::vector<std::int64_t> sums;
  RecordedUse use(GetParam(), [&](Lab& lab) {
    for (int count : {2, 3, 4})
      EXPECT_TRUE((*lab.run(count_to(lab.client(), sums, count))).is_ok());
  });
  ReplayWorld world(use.replay());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(world.run(count_to(world.lab(), sums, 1)).is_ok());
  EXPECT_THAT(sums, ElementsAre(3, 6, 10, 3, 6, 10, 3));
}

Task<std::string> mirror(lab::v1::Lab::Client lab, std::string word) {
  auto stream = co_await lab.Mirror();
  for (const char letter : word) {
    Status written = co_await stream.writer.write(text(std::string(1, letter)));
    EXPECT_TRUE(written.is_ok()) << written;
  }
  Status finished = co_await stream.writer.finish();
  EXPECT_TRUE(finished.is_ok()) << finished;
  std::string seen;
  while (auto frame = co_await stream.reader.next()) seen += frame->message.text();
  EXPECT_TRUE(stream.reader.status().is_ok()) << stream.reader.status();
  co_return seen;
}

TEST_P(Replayed, StreamsInBothDirectionsSayWhatTheServerSaidThen) {
  RecordedUse use(GetParam(),
                  [](Lab& lab) { EXPECT_EQ(lab.run(mirror(lab.client(), "abc")), "abc"); });
  ReplayWorld world(use.replay());
  EXPECT_EQ(world.run(mirror(world.lab(), "something else")), "abc");
}

TEST(Replay, MayAnswerRequestsThatWereNotRecorded) {
  RecordedUse use(Recorded::kByServer, [](Lab& lab) {
    EXPECT_TRUE((*lab.run(lab.client().Echo(text("one")))).has_value());
  });
  ReplayOptions options;
  options.any_request = true;
  ReplayWorld world(use.replay(options));
  EXPECT_EQ(world.run(world.lab().Echo(text("other")))->text(), "one");
}

TEST(Replay, HoldsNoMoreThanItMay) {
  RecordedUse use = record_ticks(Recorded::kByServer);
  ReplayOptions options;
  options.max_bytes = 1000;
  const auto refused = load_replay(use.tape().path(), options);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  options.methods = {"lab.v1.Lab/Echo"};
  EXPECT_EQ(load_replay(use.tape().path(), options).status().code(), StatusCode::kNotFound);
  options.speed = -1;
  EXPECT_EQ(load_replay(use.tape().path(), options).status().code(), StatusCode::kInvalidArgument);
}

TEST(Replay, WorksOverTheLoopback) {
  RecordedUse use = record_ticks(Recorded::kByServer);
  ReplayOptions options;
  options.speed = 100;
  const Replay replay = use.replay(options);
  auto loop = *make_loop();
  auto identity = Identity::self_signed("server", loop->wall_time());
  NodeOptions server_options;
  server_options.identity = *identity;
  Node server(*loop, std::move(server_options));
  for (const auto& service : replay.services) ASSERT_TRUE(server.serve(service).is_ok());
  NodeOptions client_options;
  client_options.trust = Trust::pinned({identity->fingerprint()});
  Node client(*loop, std::move(client_options));
  auto bound = server.listen("127.0.0.1:0");
  ASSERT_TRUE(bound.has_value());
  auto session = echostream::run(*loop, client.connect(bound->to_string()));
  ASSERT_TRUE(session.has_value()) << session.status();
  const auto frames =
      echostream::run(*loop, read_ticks(session->client<lab::v1::Lab>(), ticks(kFrames, 33, 20)));
  expect_paced(frames, 330us, 1us);
}

}  // namespace
}  // namespace echostream::testing
