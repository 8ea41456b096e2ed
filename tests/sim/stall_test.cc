// L09: a loop that stands still for seconds.
#include <gmock/gmock.h>

#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Lines {
  std::vector<std::string> server;
  std::vector<std::string> client;
};

TrafficOptions world(Lines& lines) {
  TrafficOptions options;
  LinkOptions link;
  link.delay = 10ms;
  options.set_link(link);
  const auto keep = [](std::vector<std::string>& where) {
    return [&where](LogLevel level, std::string_view line) {
      if (level >= LogLevel::kWarning) where.emplace_back(line);
    };
  };
  options.tune_server = [&lines, keep](NodeOptions& node) { node.log = keep(lines.server); };
  options.tune_client = [&lines, keep](NodeOptions& node) { node.log = keep(lines.client); };
  return options;
}

Task<StreamResult> download(TrafficPair& pair, traffic::v1::Order what) {
  Reader<traffic::v1::Piece> reader = co_await pair.client.client().Download(what);
  Task<StreamResult> reading =
      read_pieces(pair, pair.client, std::move(reader), Delivery::kReliable);
  StreamResult result = co_await std::move(reading);
  co_return result;
}

class Stall : public ::testing::TestWithParam<const char*> {};

TEST_P(Stall, L09_OfFiveSecondsIsSurvivedByCallsAndStreamsAndLoggedWhereItWas) {
  Lines lines;
  TrafficPair pair(world(lines));
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<StreamResult> stream;
  std::optional<Result<traffic::v1::Answer>> answer;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(download(pair, order(2000, 5ms, 1000)), stream));
  pair.sim.run_for(3500ms);
  group.spawn(internal::store(pair.client.client().Ask(question(1, 5000)), answer));
  pair.sim.run_for(5ms);
  pair.sim.stall(GetParam(), 5s);
  const Duration before = pair.now();
  ASSERT_TRUE(pair.wait_until([&] { return answer && stream; }, 60s));
  EXPECT_GE(pair.now() - before, 5s);
  EXPECT_TRUE(*answer) << answer->status();
  EXPECT_TRUE(stream->status.is_ok()) << stream->status;
  EXPECT_EQ(stream->received, 2000);
  EXPECT_TRUE(pair.client.session->is_open());
  EXPECT_TRUE(pair.server.session->is_open());
  const bool at_server = std::string(GetParam()) == "server";
  const auto& guilty = at_server ? lines.server : lines.client;
  EXPECT_THAT(at_server ? lines.client : lines.server, IsEmpty());
  ASSERT_THAT(guilty, SizeIs(1));
  // A second at most is not seen: the time to the tick that was late.
  EXPECT_THAT(guilty[0], HasSubstr("the loop stood still for 4"));
}

TEST_P(Stall, L09_BeyondTheIdleTimeoutEndsTheSessionOnceAtBothEndsAndNothingElse) {
  Lines lines;
  TrafficPair pair(world(lines));
  ASSERT_TRUE(pair.connect().is_ok());
  pair.sim.run_for(1s);
  pair.sim.stall(GetParam(), 40s);
  pair.sim.run_for(60s);
  ASSERT_THAT(pair.client.closed, SizeIs(1));
  ASSERT_THAT(pair.server.closed, SizeIs(1));
  EXPECT_EQ(pair.client.closed[0].code(), StatusCode::kUnavailable);
  EXPECT_EQ(pair.server.closed[0].code(), StatusCode::kUnavailable);
  auto again = pair.run(pair.client.node->connect("10.0.0.1:4433"));
  ASSERT_TRUE(*again) << again->status();
  auto answer = pair.run((*again)->client<traffic::v1::Traffic>().Ask(question(1)));
  EXPECT_TRUE(*answer) << answer->status();
}

INSTANTIATE_TEST_SUITE_P(Ends, Stall, ::testing::Values("server", "client"),
                         [](const auto& test) { return test.param; });

TEST(StallLog, IsQuietAboutShortOnesAndSaysOftenRepeatedOnesRarely) {
  Lines lines;
  TrafficPair pair(world(lines));
  ASSERT_TRUE(pair.connect().is_ok());
  for (int i = 0; i < 20; ++i) {
    pair.sim.run_for(1s);
    pair.sim.stall("server", 900ms);
    pair.sim.run_for(900ms);
  }
  EXPECT_THAT(lines.server, IsEmpty());
  for (int i = 0; i < 10; ++i) {
    pair.sim.run_for(1s);
    pair.sim.stall("server", 3s);
    pair.sim.run_for(3s);
  }
  pair.sim.run_for(1s);
  // 40 seconds.
  EXPECT_GE(lines.server.size(), 3u);
  EXPECT_LE(lines.server.size(), 5u);
  EXPECT_THAT(lines.server.back(), HasSubstr("times more before"));
}

TEST(StallLog, NoTimerRunsInANodeWithoutSessions) {
  Lines lines;
  TrafficPair pair(world(lines));
  ASSERT_TRUE(pair.connect().is_ok());
  pair.client.session->close();
  // Nothing can happen any more: the simulation says so.
  EXPECT_FALSE(pair.sim.run_until([] { return false; }, 1h));
  pair.sim.stall("server", 5s);
  pair.sim.run_for(10s);
  EXPECT_THAT(lines.server, IsEmpty());
}

}  // namespace
}  // namespace echostream::testing
