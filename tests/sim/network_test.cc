// Bad links, one fault at a time. The numbers in the names are rows of the fault matrix.
#include <gmock/gmock.h>

#include "tests/sim/traffic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Piece;

// Gilbert bursts of three datagrams on average that lose `share` of all.
LinkOptions bursty(double share) {
  LinkOptions link;
  link.delay = 15ms;
  link.burst_leave = 1.0 / 3;
  link.burst_enter = link.burst_leave * share / (1 - share);
  return link;
}

TrafficOptions world(std::uint64_t seed, const LinkOptions& link) {
  TrafficOptions options;
  options.seed = seed;
  options.set_link(link);
  return options;
}

Task<StreamResult> download(TrafficPair& pair, traffic::v1::Order what, Delivery delivery) {
  auto client = pair.client.client();
  Task<Reader<Piece>> opening = delivery == Delivery::kReliable   ? client.Download(what)
                                : delivery == Delivery::kExpiring ? client.Expiring(what)
                                                                  : client.Datagrams(what);
  Reader<Piece> reader = co_await std::move(opening);
  Task<StreamResult> reading = read_pieces(pair, pair.client, std::move(reader), delivery);
  StreamResult result = co_await std::move(reading);
  co_return result;
}

// Downloads everything, and expects all of it, in order.
void expect_whole_download(TrafficPair& pair, std::int64_t pieces, std::int64_t bytes,
                           Duration limit = 60s) {
  auto result =
      pair.run(download(pair, order(pieces, Duration{}, bytes), Delivery::kReliable), limit);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->status.is_ok()) << result->status;
  EXPECT_EQ(result->received, pieces);
}

TEST(Network, N02_TransfersSurviveTwoPercentLossInBursts) {
  for_each_seed(20, [](std::uint64_t seed) {
    TrafficPair pair(world(seed, bursty(0.02)));
    ASSERT_TRUE(pair.connect().is_ok());
    expect_whole_download(pair, 500, 1000);
  });
}

Task<Status> one_session(TrafficPair& pair, std::int64_t id) {
  Task<Result<Session>> dialling = pair.client.node->connect("10.0.0.1:4433");
  auto session = co_await std::move(dialling);
  if (!session) co_return session.error();
  auto client = session->client<traffic::v1::Traffic>();
  traffic::v1::Question asked = question(id, 1000);
  auto answer = co_await client.Ask(asked);
  if (!answer) co_return answer.error();
  EXPECT_EQ(answer->payload(), asked.payload());
  session->close();
  co_return Status::ok();
}

// Opens `count` sessions side by side, each for one question of 1 kB; all must succeed.
void expect_sessions(std::uint64_t seed, const LinkOptions& link, int count) {
  TrafficOptions options = world(seed, link);
  // Unlucky ones take minutes, one in ten thousand more than ten: probes double their distance.
  options.tune_client = [](NodeOptions& node) {
    node.handshake_timeout = 2400s;
    node.idle_timeout = 2400s;
  };
  options.tune_server = options.tune_client;
  TrafficPair pair(options);
  ASSERT_TRUE(pair.server.node->listen("10.0.0.1:4433"));
  int done = 0;
  for (int i = 0; i < count; ++i) {
    then(pair.client.node->tasks(), one_session(pair, i), [&done, i](const Status& status) {
      EXPECT_TRUE(status.is_ok()) << "session " << i << ": " << status;
      ++done;
    });
  }
  EXPECT_TRUE(pair.wait_until([&] { return done == count; }, 4800s)) << done << " of " << count;
}

TEST(Network, N03_HandshakesSurviveThirtyPercentLoss) {
  for_each_seed(10, [](std::uint64_t seed) { expect_sessions(seed, bursty(0.3), 50); });
}

TEST(Network, N04_HandshakesSurviveThirtyPercentCorruption) {
  for_each_seed(10, [](std::uint64_t seed) {
    LinkOptions link;
    link.delay = 15ms;
    link.corrupt = 0.3;
    expect_sessions(seed, link, 50);
  });
}

TEST(Network, N04_CorruptionNeverReachesTheApplication) {
  for_each_seed(20, [](std::uint64_t seed) {
    LinkOptions link;
    link.delay = 15ms;
    link.corrupt = 0.02;
    TrafficPair pair(world(seed, link));
    ASSERT_TRUE(pair.connect().is_ok());
    expect_whole_download(pair, 500, 1000);
    auto frames = pair.run(download(pair, order(200, 20ms, 3000), Delivery::kDatagram));
    EXPECT_TRUE(frames->status.is_ok()) << frames->status;
    EXPECT_EQ(frames->received + frames->lost, 200);
    EXPECT_GT(frames->received, 150);
  });
}

TEST(Network, N05_ReorderingAndDuplicatesDisturbNoOrder) {
  for_each_seed(20, [](std::uint64_t seed) {
    LinkOptions link;
    link.delay = 10ms;
    link.rate_bits_per_s = 10'000'000;
    link.reorder = 0.2;
    link.reorder_by = 50ms;  // about 50 packets at that rate
    link.duplicate = 0.05;
    TrafficPair pair(world(seed, link));
    ASSERT_TRUE(pair.connect().is_ok());
    expect_whole_download(pair, 500, 1000);
    for (const Delivery delivery : {Delivery::kExpiring, Delivery::kDatagram}) {
      auto frames = pair.run(download(pair, order(200, 5ms, 500), delivery));
      EXPECT_TRUE(frames->status.is_ok()) << frames->status;
      EXPECT_EQ(frames->received + frames->lost, 200);
      // Nothing is lost on this link: frames of a stream of their own wait for earlier ones.
      if (delivery == Delivery::kExpiring) {
        EXPECT_EQ(frames->received, 200);
      }
    }
    std::int64_t told = 0;
    for (; told < 50; ++told) {
      traffic::v1::Note note;
      note.set_number(told);
      ASSERT_TRUE(pair.run(pair.client.client().Tell(note))->is_ok());
    }
    EXPECT_TRUE(pair.wait_until([&] { return pair.server.handler->told.size() == 50; }, 5s));
    EXPECT_TRUE(std::is_sorted(pair.server.handler->told.begin(), pair.server.handler->told.end()));
  });
}

TEST(Network, N07_ALongRoundTripIsOnlySlow) {
  LinkOptions link;
  link.delay = 750ms;
  TrafficPair pair(world(1, link));
  ASSERT_TRUE(pair.connect().is_ok());
  EXPECT_GE(pair.now(), 1500ms);
  EXPECT_LE(pair.now(), 2400ms);  // half of one more to the server, and the pacer
  const Duration before = pair.now();
  auto answer = pair.run(pair.client.client().Ask(question(1)));
  EXPECT_TRUE(*answer) << answer->status();
  EXPECT_EQ(pair.now() - before, 1500ms);
}

TEST(Network, N07_TenSecondsOfRoundTripAreAMatterOfTimeouts) {
  LinkOptions link;
  link.delay = 5s;
  TrafficOptions options = world(1, link);
  options.tune_client = [](NodeOptions& node) {
    node.handshake_timeout = 60s;
    node.idle_timeout = 120s;
  };
  options.tune_server = options.tune_client;
  TrafficPair pair(options);
  const Status status = pair.connect(120s);
  ASSERT_TRUE(status.is_ok()) << status;
  auto answer = pair.run(pair.client.client().Ask(question(1)));
  EXPECT_TRUE(*answer) << answer->status();

  // With the usual ten seconds it fails, and says so.
  link.delay = 6s;
  TrafficPair second(world(1, link));
  const Status late = second.connect(120s);
  EXPECT_EQ(late.code(), StatusCode::kDeadlineExceeded) << late;
  EXPECT_EQ(second.now(), 10s);
}

class SlowLink : public ::testing::TestWithParam<Delivery> {};

TEST_P(SlowLink, N08_ARealTimeStreamStaysFreshAndAnRpcGetsThrough) {
  LinkOptions link;
  link.delay = 20ms;
  link.rate_bits_per_s = 100'000;
  link.queue_bytes = 8 * 1200;
  TrafficPair pair(world(3, link));
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<StreamResult> stream;
  TaskGroup group(*pair.client.loop);
  // Twice what the link takes.
  group.spawn(internal::store(download(pair, order(1000, 20ms, 500), GetParam()), stream));
  pair.sim.run_for(2s);
  for (int i = 0; i < 5; ++i) {
    const Duration before = pair.now();
    auto answer = pair.run(pair.client.client().Ask(question(i, 1000)));
    EXPECT_TRUE(answer && *answer) << answer->status();
    // The stream comes first and takes all there is; the call waits, and is not lost.
    EXPECT_LE(pair.now() - before, 25s);
  }
  ASSERT_TRUE(pair.wait_until([&] { return stream.has_value(); }, 60s));
  EXPECT_TRUE(stream->status.is_ok()) << stream->status;
  EXPECT_EQ(stream->received + stream->lost, 1000);
  EXPECT_GT(stream->received, 100);
  EXPECT_GT(stream->lost, 300);
}

INSTANTIATE_TEST_SUITE_P(Deliveries, SlowLink,
                         ::testing::Values(Delivery::kExpiring, Delivery::kDatagram),
                         [](const auto& test) {
                           return test.param == Delivery::kExpiring ? "Expiring" : "Datagram";
                         });

TEST(Network, N09_ALinkThatTakesOnlyTheLeastMtuWorks) {
  LinkOptions link;
  link.delay = 10ms;
  link.mtu = 1200;
  TrafficPair pair(world(1, link));
  ASSERT_TRUE(pair.connect().is_ok());
  expect_whole_download(pair, 1000, 1000);
  auto frames = pair.run(download(pair, order(50, 5ms, 5000), Delivery::kDatagram));
  EXPECT_EQ(frames->received, 50);
}

TEST(Network, N09_APathThatShrinksAfterDiscoveryDoesNotStall) {
  LinkOptions link;
  link.delay = 10ms;
  TrafficPair pair(world(1, link));
  ASSERT_TRUE(pair.connect().is_ok());
  expect_whole_download(pair, 1000, 1000);
  pair.sim.run_for(3s);  // path MTU discovery is done
  link.mtu = 1200;
  pair.set_link(link, link);
  expect_whole_download(pair, 200, 1000, 20s);
  auto frames = pair.run(download(pair, order(50, 5ms, 3000), Delivery::kDatagram));
  EXPECT_EQ(frames->received + frames->lost, 50);
  EXPECT_GT(frames->received, 40);
}

Task<Status> upload(TrafficPair& pair, traffic::v1::Order what) {
  auto stream = co_await pair.client.client().Upload();
  Task<Status> writing = write_pieces(pair.sim, std::move(stream), what);
  Status status = co_await std::move(writing);
  co_return status;
}

TEST(Network, N10_AnUploadSurvivesRebindingEveryHundredMilliseconds) {
  LinkOptions link;
  link.delay = 10ms;
  link.rate_bits_per_s = 4'000'000;
  TrafficPair pair(world(1, link));
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<Status> result;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(upload(pair, order(2500, Duration{}, 1000)), result));
  int rebinds = 0;
  for (; rebinds < 50; ++rebinds) {
    pair.sim.run_for(100ms);
    pair.sim.rebind("client", static_cast<std::uint16_t>(rebinds + 1));
  }
  // Each new path has to be proved, and starts slowly.
  (void)pair.wait_until([&] { return result.has_value(); }, 120s);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->is_ok()) << *result;
  EXPECT_TRUE(pair.client.session->is_open());
}

// Who only listens says nothing from its new port: its keep-alive does.
TEST(Network, N10_AListenerIsFoundAgainAtItsNextKeepAlive) {
  LinkOptions link;
  link.delay = 10ms;
  TrafficOptions options = world(1, link);
  options.tune_client = [](NodeOptions& node) { node.keep_alive_interval = 1s; };
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  std::optional<StreamResult> result;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(download(pair, order(2000, 5ms, 200), Delivery::kDatagram), result));
  pair.sim.run_for(3s);
  pair.sim.rebind("client", 7);
  pair.sim.run_for(1500ms);
  EXPECT_EQ(pair.server.session->remote_address().port(), 40007);
  ASSERT_TRUE(pair.wait_until([&] { return result.has_value(); }, 60s));
  EXPECT_TRUE(result->status.is_ok()) << result->status;
  EXPECT_EQ(result->received + result->lost, 2000);
  // The second until the keep-alive, and the time to prove the new path.
  EXPECT_LE(result->lost, 400);
}

Task<Result<traffic::v1::Receipt>> upload_datagrams(TrafficPair& pair, int count) {
  auto stream = co_await pair.client.client().DatagramUpload();
  for (int i = 0; i < count; ++i) {
    Piece piece;
    piece.set_number(i);
    piece.set_sent_ns(pair.now().count());
    piece.set_payload(pattern(i, 100));
    Status status = co_await stream.write(std::move(piece));
    if (!status.is_ok()) co_return status;
    (void)co_await sleep_for(5ms);
  }
  auto receipt = co_await stream.finish();
  co_return receipt;
}

TEST(Network, DatagramsThatOvertakeTheirCallsRequestAreKeptForIt) {
  LinkOptions link;
  link.delay = 10ms;
  TrafficPair pair(world(1, link));
  ASSERT_TRUE(pair.connect().is_ok());
  auto receipt = pair.run(upload_datagrams(pair, 20));
  ASSERT_TRUE(receipt && *receipt);
  EXPECT_EQ((*receipt)->received(), 20);
  EXPECT_EQ((*receipt)->lost(), 0);
}

}  // namespace
}  // namespace echostream::testing
