// Whole shows between a stage and a seat, over QUIC on a bad link, on virtual time.
#include <gtest/gtest.h>

#include <fstream>

#include "echostream/node.h"
#include "echostream/testing/sim.h"

#include "report.h"
#include "stage.h"
#include "test_voice.h"
#include "viewing.h"

namespace lipsync {
namespace {

using echostream::Duration;
using echostream::Loop;
using echostream::Node;
using echostream::NodeOptions;
using echostream::Reader;
using echostream::Session;
using echostream::SocketAddress;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using echostream::testing::LinkOptions;
using echostream::testing::Simulation;
using namespace std::chrono_literals;

LinkOptions bad_link() {
  LinkOptions link;
  link.delay = 30ms;
  link.jitter = 10ms;
  link.loss = 0.02;
  link.rate_bits_per_s = 4'000'000;
  return link;
}

// A stage and a seat in it, whose clocks are hours apart and drift.
class Theatre {
 public:
  explicit Theatre(std::uint64_t seed, const LinkOptions& link = bad_link()) : sim_(seed) {
    sim_.set_link("stage", "seat", link);
    auto identity = echostream::Identity::self_signed("stage", stage_loop_.wall_time());
    EXPECT_TRUE(identity) << identity.status();
    NodeOptions listening;
    listening.identity = *identity;
    listening.congestion_control = echostream::CongestionControl::kBbr;
    stage_.emplace(stage_loop_, std::move(listening));
    const auto show = std::make_shared<Stage>(stage_loop_, Show(babble(30, 7)));
    EXPECT_TRUE(stage_->serve(show).is_ok());
    EXPECT_TRUE(stage_->listen("10.0.0.1:4433"));
    NodeOptions dialling;
    dialling.trust = echostream::Trust::pinned({identity->fingerprint()});
    seat_.emplace(seat_loop_, std::move(dialling));
    auto session = sim_.run(seat_loop_, seat_->connect("10.0.0.1:4433"), 10s);
    EXPECT_TRUE(session && *session);
    session_ = **session;
    auto known = sim_.run(seat_loop_, session_->clock().wait_until_known(1s), 10s);
    EXPECT_TRUE(known && known->is_ok());
  }

  template <class T>
  T run(Task<T> task) {
    auto result = sim_.run(seat_loop_, std::move(task), 60s);
    EXPECT_TRUE(result.has_value()) << "took too long";
    return *std::move(result);
  }
  std::unique_ptr<Viewing> watch(Duration length, bool in_sync_group) {
    Viewing::Options options;
    options.length = length;
    options.in_sync_group = in_sync_group;
    auto viewing = Viewing::make(seat_loop_, *session_, options);
    EXPECT_TRUE(viewing) << viewing.status();
    const Status status = run((*viewing)->run());
    EXPECT_TRUE(status.is_ok()) << status;
    return *std::move(viewing);
  }
  v1::Stage::Client client() { return session_->client<v1::Stage>(); }

 private:
  Simulation sim_;
  Loop& stage_loop_ = sim_.add_node("stage", SocketAddress::ipv4({10, 0, 0, 1}, 0), {3h, 40});
  Loop& seat_loop_ = sim_.add_node("seat", SocketAddress::ipv4({10, 0, 0, 2}, 0), {7min, -20});
  std::optional<Node> stage_;
  std::optional<Node> seat_;
  std::optional<Session> session_;
};

TEST(Show, StaysTogetherInASyncGroup) {
  Theatre theatre(1);
  const auto viewing = theatre.watch(20s, true);
  const ViewingFigures figures = figures_of(*viewing);
  EXPECT_GT(figures.voice.played, 950u);
  EXPECT_GT(figures.video.played, 540u);
  ASSERT_TRUE(figures.group);
  EXPECT_EQ(figures.group->members, 2u);
  ASSERT_TRUE(figures.skew);
  EXPECT_LE(figures.skew->p95, 10ms);
  // A picture that comes too late now and then, which is chance.
  EXPECT_LE(figures.skew->p99, 30ms);
  ASSERT_TRUE(figures.lip_sync);
  EXPECT_NEAR(figures.lip_sync->picture_behind_ms, 0, 5);
  EXPECT_GT(figures.lip_sync->correlation, 0.9);
}

TEST(Show, ComesApartWithoutAGroupAndBothMeasuresSaySo) {
  Theatre theatre(1);
  const auto viewing = theatre.watch(20s, false);
  const ViewingFigures figures = figures_of(*viewing);
  EXPECT_FALSE(figures.group);
  ASSERT_TRUE(figures.skew && figures.lip_sync);
  EXPECT_GT(figures.skew->p95, 30ms);
  const double by_stamps = std::chrono::duration<double, std::milli>(figures.median_skew).count();
  EXPECT_NEAR(figures.lip_sync->picture_behind_ms, by_stamps, 25);
}

TEST(Show, EveryFrameIsAccountedFor) {
  Theatre theatre(2);
  const auto viewing = theatre.watch(5s, true);
  EXPECT_EQ(viewing->voice().log.played() + viewing->voice().log.lost(), 250u);
  EXPECT_EQ(viewing->video().log.played() + viewing->video().log.lost(), 150u);
  // What is heard is as long as the show, but for what stretching owes.
  const auto length = static_cast<double>(viewing->heard().size()) / intercom::kSampleRate;
  EXPECT_NEAR(length, 5, 0.3);
}

TEST(Show, IsWrittenFrameByFrame) {
  Theatre theatre(3, LinkOptions());
  const auto viewing = theatre.watch(2s, true);
  const std::string prefix = ::testing::TempDir() + "lipsync_written";
  const Status saved = viewing->save(prefix);
  ASSERT_TRUE(saved.is_ok()) << saved;
  std::ifstream in(prefix + "_video.csv");
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  EXPECT_EQ(line, "sequence,captured_ms,arrived_ms,playout_ms,handed_out_ms,bytes,skew_ms");
  std::size_t lines = 0;
  while (std::getline(in, line)) ++lines;
  EXPECT_EQ(lines, viewing->video().log.frames().size());
  EXPECT_GT(lines, 50u);
  EXPECT_FALSE(viewing->save("/no/such/folder/x").is_ok());
}

TEST(Report, HasAColumnForEachViewing) {
  Theatre theatre(4);
  std::vector<ViewingFigures> viewings;
  viewings.push_back(figures_of(*theatre.watch(3s, true)));
  viewings.push_back(figures_of(*theatre.watch(3s, false)));
  echostream::ClockEstimate clock;
  clock.offset = -1'250us;
  clock.bound = 30ms;
  const std::string table = report_table(viewings, clock);
  for (const char* part :
       {"one sync group", "each by itself", "voice: frames played", "pictures: frames played",
        "common delay", "p99", "lip sync", "-1.250 ms, within 30.0 ms"}) {
    EXPECT_NE(table.find(part), std::string::npos) << part << table;
  }
}

TEST(Report, SpreadsAreOfSortedTimes) {
  EXPECT_FALSE(spread_of({}));
  std::vector<Duration> times;
  for (int i = 100; i >= 0; --i) times.push_back(i * 1ms);
  const auto spread = spread_of(std::move(times));
  ASSERT_TRUE(spread);
  EXPECT_EQ(spread->median, 50ms);
  EXPECT_EQ(spread->p95, 95ms);
  EXPECT_EQ(spread->p99, 99ms);
  EXPECT_EQ(spread->most, 100ms);
}

Task<Status> show_status(v1::Stage::Client client, std::uint32_t length_ms) {
  v1::Ticket ticket;
  ticket.set_length_ms(length_ms);
  auto reader = co_await client.Voice(ticket);
  auto frame = co_await reader.next();
  if (frame) co_return Status::ok();
  co_return reader.status();
}

TEST(Stage, RefusesTicketsForNothingAndForEver) {
  Theatre theatre(5, LinkOptions());
  EXPECT_EQ(theatre.run(show_status(theatre.client(), 0)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(theatre.run(show_status(theatre.client(), 600'001)).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(theatre.run(show_status(theatre.client(), 600'000)).is_ok());
}

TEST(Show, NeedsAVoice) {
  EXPECT_EQ(Show::load({}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Show::load({"/no/such/voice.wav"}).status().code(), StatusCode::kNotFound);
}

TEST(Show, StartsOverWithSoundAndPicture) {
  const Show show(babble(2, 8));
  EXPECT_EQ(show.sound(0), show.sound(100));
  EXPECT_NE(show.sound(0), show.sound(50));
  EXPECT_EQ(mouth_opening(show.picture(20)), mouth_opening(show.picture(80)));
}

}  // namespace
}  // namespace lipsync
