// How much is sent: congestion control on a bottleneck, ECN, and sources that follow the target
// bitrate.
#include <gmock/gmock.h>

#include "tests/sim/traffic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using traffic::v1::Piece;

LinkOptions bottleneck(std::uint64_t bits_per_s, Duration one_way) {
  LinkOptions link;
  link.delay = one_way;
  link.rate_bits_per_s = bits_per_s;
  link.queue_bytes = 64 * 1024;
  return link;
}

TrafficOptions world(std::uint64_t seed, const LinkOptions& link) {
  TrafficOptions options;
  options.seed = seed;
  options.set_link(link);
  return options;
}

Task<std::int64_t> receive_all(Session session, traffic::v1::Order what,
                               std::int64_t& received_bytes) {
  auto client = session.client<traffic::v1::Traffic>();
  Reader<Piece> reader = co_await client.Download(what);
  std::int64_t count = 0;
  while (auto frame = co_await reader.next()) {
    ++count;
    received_bytes += static_cast<std::int64_t>(frame->message.payload().size());
  }
  co_return count;
}

class Controls : public ::testing::TestWithParam<CongestionControl> {};

TEST_P(Controls, FillABottleneckOfTenMegabits) {
  for_each_seed(5, [](std::uint64_t seed) {
    TrafficOptions options = world(seed, bottleneck(10'000'000, 20ms));
    options.tune_server = [](NodeOptions& node) { node.congestion_control = GetParam(); };
    TrafficPair pair(options);
    ASSERT_TRUE(pair.connect().is_ok());
    const Duration begun = pair.now();
    std::int64_t bytes = 0;
    auto count = pair.run(receive_all(*pair.client.session, order(800, Duration{}, 10'000), bytes));
    ASSERT_EQ(count, 800);
    // 6.4 s at the full rate, with headers and slow start; four fifths are asked for.
    EXPECT_LE(pair.now() - begun, 8500ms);
    const LinkStats link = pair.sim.link_stats("server", "client");
    EXPECT_LE(static_cast<double>(link.lost), 0.05 * static_cast<double>(link.sent));
    // What waited in the queue never was more than it holds.
    EXPECT_LE(pair.server.session->stats().latest_rtt, 40ms + 64 * 1024 * 8 * 100ns + 25ms);
  });
}

TEST_P(Controls, ShareABottleneckWithTheirLike) {
  for_each_seed(3, [](std::uint64_t seed) {
    TrafficOptions options = world(seed, bottleneck(10'000'000, 20ms));
    options.tune_server = [](NodeOptions& node) { node.congestion_control = GetParam(); };
    TrafficPair pair(options);
    ASSERT_TRUE(pair.connect().is_ok());
    auto second = pair.run(pair.client.node->connect("10.0.0.1:4433"));
    ASSERT_TRUE(*second);
    std::int64_t a = 0, b = 0;
    std::optional<std::int64_t> count_a, count_b;
    TaskGroup group(*pair.client.loop);
    group.spawn(internal::store(
        receive_all(*pair.client.session, order(100'000, Duration{}, 10'000), a), count_a));
    pair.sim.run_for(1s);
    group.spawn(
        internal::store(receive_all(**second, order(100'000, Duration{}, 10'000), b), count_b));
    pair.sim.run_for(5s);
    const std::int64_t a_before = a, b_before = b;
    pair.sim.run_for(30s);
    const auto of_a = static_cast<double>(a - a_before), of_b = static_cast<double>(b - b_before);
    EXPECT_GE(of_a + of_b, 0.8 * 30 * 1'250'000);
    EXPECT_GE(std::min(of_a, of_b), 0.2 * (of_a + of_b)) << of_a << " and " << of_b;
  });
}

INSTANTIATE_TEST_SUITE_P(Each, Controls,
                         ::testing::Values(CongestionControl::kNewReno, CongestionControl::kCubic,
                                           CongestionControl::kBbr),
                         [](const auto& test) {
                           return std::string(test.param == CongestionControl::kNewReno ? "NewReno"
                                              : test.param == CongestionControl::kCubic ? "Cubic"
                                                                                        : "Bbr");
                         });

TEST(EcnLink, N12_AQueueThatMarksKeepsShortWithoutLosing) {
  for_each_seed(5, [](std::uint64_t seed) {
    LinkOptions link = bottleneck(10'000'000, 20ms);
    link.queue_bytes = 256 * 1024;
    link.ecn_mark_above_bytes = 20'000;
    TrafficPair pair(world(seed, link));
    ASSERT_TRUE(pair.connect().is_ok());
    std::int64_t bytes = 0;
    ASSERT_EQ(pair.run(receive_all(*pair.client.session, order(800, Duration{}, 10'000), bytes)),
              800);
    EXPECT_EQ(pair.sim.link_stats("server", "client").lost, 0u);
    EXPECT_GT(pair.client.session->stats().ecn_ce_packets_received, 0u);
    EXPECT_GT(pair.server.session->stats().ecn_marked_packets_sent, 1000u);
  });
}

TEST(EcnLink, N12_ErasedOrAllMarkedTransfersEnd) {
  for (const EcnTreatment treatment : {EcnTreatment::kErase, EcnTreatment::kMarkAll}) {
    LinkOptions link = bottleneck(10'000'000, 20ms);
    link.ecn = treatment;
    TrafficPair pair(world(1, link));
    ASSERT_TRUE(pair.connect().is_ok());
    std::int64_t bytes = 0;
    EXPECT_EQ(pair.run(receive_all(*pair.client.session, order(200, Duration{}, 10'000), bytes)),
              200);
    if (treatment == EcnTreatment::kErase) {
      EXPECT_EQ(pair.client.session->stats().ecn_ce_packets_received, 0u);
    }
  }
}

TEST(Datagrams, N09_OfAnySizeGoOverALinkOfLargePackets) {
  TrafficOptions options = world(1, LinkOptions{});
  options.tune_server = [](NodeOptions& node) { node.max_udp_payload_bytes = 65'527; };
  options.tune_client = options.tune_server;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  std::int64_t bytes = 0;
  EXPECT_EQ(pair.run(receive_all(*pair.client.session, order(500, Duration{}, 60'000), bytes)),
            500);
  EXPECT_EQ(pair.server.session->stats().path_mtu_bytes, 65'487u);
}

TEST(Options, OutOfRangeAreRefusedWhereTheyAreUsed) {
  const std::vector<std::pair<std::function<void(NodeOptions&)>, std::string>> wrong = {
      {[](NodeOptions& node) { node.max_udp_payload_bytes = 1000; }, "1200 to 65527"},
      {[](NodeOptions& node) { node.idle_timeout = -1s; }, "idle_timeout"},
      {[](NodeOptions& node) { node.keep_alive_interval = 1us; }, "keep_alive_interval"},
  };
  for (const auto& [tune, name] : wrong) {
    TrafficOptions options = world(1, LinkOptions{});
    options.tune_client = tune;
    TrafficPair pair(options);
    const Status status = pair.connect();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(status.to_string(), ::testing::HasSubstr(name));
  }
}

TEST(Options, MoreCallsThanThereAreIdsAreAsManyAsThereAre) {
  TrafficOptions options = world(1, LinkOptions{});
  options.tune_client = [](NodeOptions& node) { node.max_concurrent_calls = UINT64_MAX; };
  options.tune_server = options.tune_client;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  auto answer = pair.run(pair.client.client().Ask(question(1)));
  ASSERT_TRUE(answer && *answer) << answer->status();
}

// ---- The target bitrate.

// A source that writes a frame each 20 ms, as large as its stream may.
struct Encoder {
  Encoder(TrafficPair& pair_in) : pair(pair_in), group(*pair.client.loop) {
    group.spawn(run(*this));
  }
  static Task<void> run(Encoder& self) {
    auto stream = co_await self.pair.client.client().DatagramUpload();
    stream.on_target_bitrate([&self](std::uint64_t bits_per_s) {
      self.told = bits_per_s;
      ++self.times_told;
    });
    for (std::int64_t i = 0;; ++i) {
      self.target = stream.target_bitrate();
      const std::uint64_t rate = std::max<std::uint64_t>(self.told, 100'000);
      Piece piece;
      piece.set_number(i);
      piece.set_sent_ns(self.pair.sim.elapsed().count());
      piece.set_payload(pattern(i, static_cast<std::size_t>(rate / 8 / 50)));
      Status status = co_await stream.write(std::move(piece));
      if (!status.is_ok()) co_return;
      (void)co_await sleep_for(20ms);
    }
  }
  // Runs for that long; the longest that the queue made packets wait. `mean` is of the target.
  Duration watch(Duration duration) {
    Duration worst{};
    double sum = 0;
    int looks = 0;
    for (const Duration end = pair.now() + duration; pair.now() < end;) {
      pair.sim.run_for(20ms);
      const SessionStats stats = pair.client.session->stats();
      worst = std::max(worst, stats.latest_rtt - stats.least_rtt);
      sum += static_cast<double>(target);
      ++looks;
    }
    mean = sum / looks;
    return worst;
  }

  TrafficPair& pair;
  std::uint64_t target = 0;
  double mean = 0;
  std::uint64_t told = 0;
  int times_told = 0;
  TaskGroup group;
};

TEST(TargetBitrate, FollowsALinkDownWithinASecondAndUpWithinFive) {
  for_each_seed(10, [](std::uint64_t seed) {
    LinkOptions link = bottleneck(8'000'000, 20ms);
    link.queue_bytes = 256 * 1024;
    link.jitter = 2ms;
    TrafficPair pair(world(seed, link));
    ASSERT_TRUE(pair.connect().is_ok());
    pair.server.handler->path = 2s;  // how old pieces get is not what is looked at here
    Encoder encoder(pair);
    encoder.watch(10s);
    EXPECT_LE(encoder.watch(5s), 100ms);
    EXPECT_GE(encoder.mean, 5'000'000);
    EXPECT_LE(encoder.mean, 8'800'000);

    LinkOptions narrow = link;
    narrow.rate_bits_per_s = 2'000'000;
    pair.set_link(narrow, link);
    encoder.watch(1s);
    EXPECT_LE(encoder.target, 2'200'000u);
    encoder.watch(2s);  // what has queued up drains
    EXPECT_LE(encoder.watch(7s), 100ms);
    EXPECT_GE(encoder.mean, 1'200'000);
    EXPECT_LE(encoder.mean, 2'200'000);
    EXPECT_LE(pair.client.session->stats().delivery_rate_bytes_per_s, 2'400'000u / 8);

    pair.set_link(link, link);
    const auto is_up = [&] { return encoder.target >= 5'000'000; };
    EXPECT_TRUE(pair.wait_until(is_up, 5s)) << encoder.target;
    EXPECT_LE(encoder.watch(5s), 100ms);
    EXPECT_GE(encoder.mean, 5'000'000);
    const LinkStats stats = pair.sim.link_stats("client", "server");
    EXPECT_LE(static_cast<double>(stats.lost), 0.02 * static_cast<double>(stats.sent));
    EXPECT_GE(encoder.times_told, 10);
  });
}

TEST(TargetBitrate, IsUnknownInTheBeginningAndZeroAfterTheEnd) {
  TrafficPair pair(world(1, bottleneck(8'000'000, 20ms)));
  ASSERT_TRUE(pair.connect().is_ok());
  auto stream = pair.run(pair.client.client().DatagramUpload());
  int calls = 0;
  stream->on_target_bitrate([&](std::uint64_t) { ++calls; });
  pair.sim.run_for(2s);
  EXPECT_GT(stream->target_bitrate(), 0u);
  EXPECT_GE(calls, 1);
  pair.client.session->close();
  pair.sim.run_for(1s);
  EXPECT_EQ(stream->target_bitrate(), 0u);
  const int before = calls;
  pair.sim.run_for(1s);
  EXPECT_EQ(calls, before);
}

}  // namespace
}  // namespace echostream::testing
