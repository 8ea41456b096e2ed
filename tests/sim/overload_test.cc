// Peers that read too slowly or not at all, and peers that want too much.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Note;
using traffic::v1::Piece;

TrafficOptions world(Duration delay) {
  TrafficOptions options;
  LinkOptions link;
  link.delay = delay;
  options.set_link(link);
  return options;
}

// ---- S04: a peer that never reads.

TEST(Overload, S04_AWriterToAPeerThatNeverReadsHoldsABoundedAmount) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  auto reader = pair.run(pair.client.client().Download(order(1'000'000, Duration{}, 10'000)));
  pair.sim.run_for(5s);
  const std::int64_t stalled_at = pair.server.handler->pieces_written;
  // The stream's window (1 MiB), the sender's high water (256 KiB), the reader's inbox (512 KiB).
  EXPECT_GE(stalled_at, 100);
  EXPECT_LE(stalled_at, 200);
  pair.sim.run_for(20s);
  EXPECT_EQ(pair.server.handler->pieces_written, stalled_at);
  EXPECT_EQ(pair.server.handler->running, 1);
  // It is only that stream: others go on.
  auto answer = pair.run(pair.client.client().Ask(question(1)));
  EXPECT_TRUE(*answer) << answer->status();
}

TEST(Overload, S04_ADeadlineEndsAStreamThatNobodyReads) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  auto reader = pair.run(pair.client.client().Download(order(1'000'000, Duration{}, 10'000),
                                                       CallOptions().timeout(10s)));
  pair.sim.run_for(9s);
  EXPECT_EQ(pair.server.handler->running, 1);
  // The caller does nothing at all: the server's own clock ends the handler.
  pair.sim.run_for(2s);
  EXPECT_EQ(pair.server.handler->running, 0);
  EXPECT_EQ(pair.server.handler->cancelled, 1);
}

TEST(Overload, S04_AHundredUnreadStreamsHoldABoundedAmountAndCallsStillWork) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  std::vector<Reader<Piece>> readers;
  for (int i = 0; i < 100; ++i) {
    auto reader = pair.run(pair.client.client().Download(order(1'000'000, Duration{}, 10'000)));
    readers.push_back(*std::move(reader));
  }
  pair.sim.run_for(10s);
  const std::int64_t written = pair.server.handler->pieces_written;
  // 256 KiB each at the sender, and the connection's window and the inboxes between.
  EXPECT_LE(written * 10'000, 100 * (256 + 512) * 1024 + 8 * 1024 * 1024);
  pair.sim.run_for(10s);
  EXPECT_EQ(pair.server.handler->pieces_written, written);
  readers.clear();
  ASSERT_TRUE(pair.wait_until([&] { return pair.server.handler->running == 0; }, 5s));
  auto answer = pair.run(pair.client.client().Ask(question(1)));
  EXPECT_TRUE(*answer) << answer->status();
}

TrafficOptions impatient_world(Duration patience) {
  TrafficOptions options = world(5ms);
  options.tune_server = [patience](NodeOptions& node) {
    node.limits.stalled_peer_timeout = patience;
    node.max_concurrent_calls = 200;
  };
  return options;
}

Task<Status> read_to_the_end(Reader<Piece> reader) {
  while (auto frame = co_await reader.next()) {
  }
  co_return reader.status();
}

TEST(Overload, S04_StreamsThatAPeerNeverReadsEndAfterTheStalledPeerTimeout) {
  TrafficPair pair(impatient_world(20s));
  ASSERT_TRUE(pair.connect().is_ok());
  std::vector<Reader<Piece>> readers;
  for (int i = 0; i < 100; ++i) {
    auto reader = pair.run(pair.client.client().Download(order(1'000'000, Duration{}, 10'000)));
    readers.push_back(*std::move(reader));
  }
  pair.sim.run_for(19s);
  EXPECT_EQ(pair.server.handler->running, 100);
  pair.sim.run_for(11s);
  EXPECT_EQ(pair.server.handler->running, 0);
  EXPECT_EQ(pair.server.handler->cancelled, 100);
  EXPECT_TRUE(pair.client.session->is_open());
  // The reader is told why, once it reads.
  auto status = pair.run(read_to_the_end(std::move(readers.front())));
  EXPECT_EQ(status->code(), StatusCode::kResourceExhausted) << *status;
  readers.clear();
  auto answer = pair.run(pair.client.client().Ask(question(1)));
  EXPECT_TRUE(*answer) << answer->status();
}

TEST(Overload, S04_ManyPeersThatNeverReadAreLetGo) {
  Simulation sim(1);
  Loop& server_loop = sim.add_node("server", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  auto handler = std::make_shared<TrafficHandler>(sim, server_loop);
  NodeOptions options;
  options.identity = fixed_size_identity();
  options.limits.stalled_peer_timeout = 20s;
  Node server(server_loop, std::move(options));
  ASSERT_TRUE(server.serve(handler).is_ok());
  ASSERT_TRUE(server.listen("10.0.0.1:4433"));
  Loop& client_loop = sim.add_node("clients", SocketAddress::ipv4({10, 0, 0, 2}, 0));
  NodeOptions client_options;
  client_options.trust = Trust::pinned({fixed_size_identity().fingerprint()});
  client_options.synchronise_clocks = false;
  Node clients(client_loop, std::move(client_options));
  std::vector<Session> sessions;
  std::vector<Reader<Piece>> readers;
  for (int i = 0; i < 20; ++i) {
    auto session = sim.run(client_loop, clients.connect("10.0.0.1:4433"), 10s);
    ASSERT_TRUE(session && *session) << i;
    sessions.push_back(**session);
    for (int k = 0; k < 5; ++k) {
      auto client = sessions.back().client<traffic::v1::Traffic>();
      // More than the windows take: some of it always waits.
      auto reader = sim.run(client_loop, client.Download(order(20, Duration{}, 100'000)), 10s);
      readers.push_back(*std::move(reader));
    }
  }
  sim.run_for(40s);
  EXPECT_EQ(handler->running, 0);
  EXPECT_EQ(handler->cancelled, 100);
  auto client = sessions.front().client<traffic::v1::Traffic>();
  auto answer = sim.run(client_loop, client.Ask(question(1)), 10s);
  ASSERT_TRUE(answer && *answer);
  readers.clear();
}

// ---- P05: what one peer may make us send.

TEST(Overload, P05_TheCeilingOfWhatOneSessionSendsHolds) {
  TrafficOptions options = world(5ms);
  options.tune_server = [](NodeOptions& node) {
    node.limits.max_send_bytes_per_second = 1'000'000;
  };
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  const Duration before = pair.now();
  auto reader = pair.run(pair.client.client().Download(order(500, Duration{}, 10'000)));
  auto result = pair.run(read_pieces(pair, pair.client, *std::move(reader), Delivery::kReliable));
  EXPECT_TRUE(result->status.is_ok()) << result->status;
  EXPECT_EQ(result->received, 500);
  EXPECT_GE(pair.now() - before, 4900ms);
  EXPECT_LE(pair.now() - before, 5500ms);
}

// ---- S05: a peer that sends slowly.

TEST(Overload, S05_ADeadlineEndsAnUploadThatTrickles) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  auto stream = pair.run(pair.client.client().Upload(CallOptions().timeout(10s)));
  const Duration before = pair.now();
  auto status = pair.run(write_pieces(pair.sim, *std::move(stream), order(3600, 1s, 1)));
  EXPECT_EQ(status->code(), StatusCode::kDeadlineExceeded) << *status;
  EXPECT_LE(pair.now() - before, 11s);
  pair.sim.run_for(50ms);
  EXPECT_EQ(pair.server.handler->running, 0);
}

// ---- S06: a producer faster than its consumer.

struct SlowRead {
  std::vector<std::int64_t> numbers;
  std::vector<Duration> ages;
  std::int64_t lost = 0;
  Status status;
};

Task<SlowRead> read_slowly(Simulation& sim, Reader<Piece> reader, Duration pause) {
  SlowRead result;
  while (auto frame = co_await reader.next()) {
    result.numbers.push_back(frame->message.number());
    result.ages.push_back(sim.elapsed() - Duration(frame->message.sent_ns()));
    result.lost += static_cast<std::int64_t>(frame->lost_before);
    (void)co_await sleep_for(pause);
  }
  result.lost += static_cast<std::int64_t>(reader.lost_at_end());
  result.status = reader.status();
  co_return result;
}

TEST(Overload, S06_AReliableProducerWaitsForItsConsumer) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  auto reader = pair.run(pair.client.client().Download(order(1000, Duration{}, 10'000)));
  std::optional<SlowRead> result;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(read_slowly(pair.sim, *std::move(reader), 20ms), result));
  while (!result && pair.now() < 60s) {
    pair.sim.run_for(500ms);
    const auto read = static_cast<std::int64_t>(pair.now() / 20ms);
    EXPECT_LE(pair.server.handler->pieces_written, read + 200);
  }
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->status.is_ok()) << result->status;
  EXPECT_EQ(result->numbers.size(), 1000u);
  EXPECT_EQ(result->lost, 0);
}

class FastProducer : public ::testing::TestWithParam<Delivery> {};

// 200 frames a second for a consumer that takes 20.
TEST_P(FastProducer, S06_ARealTimeConsumerThatIsTooSlowLosesTheOldestAndLearnsOfIt) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  auto client = pair.client.client();
  const traffic::v1::Order what = order(2000, 5ms, 1000);
  auto reader =
      pair.run(GetParam() == Delivery::kExpiring ? client.Expiring(what) : client.Datagrams(what));
  auto result = pair.run(read_slowly(pair.sim, *std::move(reader), 50ms), 300s);
  EXPECT_TRUE(result->status.is_ok()) << result->status;
  EXPECT_EQ(static_cast<std::int64_t>(result->numbers.size()) + result->lost, 2000);
  EXPECT_TRUE(std::is_sorted(result->numbers.begin(), result->numbers.end()));
  EXPECT_GT(result->lost, 1000);
  const Duration oldest = *std::max_element(result->ages.begin(), result->ages.end());
  std::printf("oldest frame handed out: %lld ms\n", static_cast<long long>(oldest / 1ms));
  if (GetParam() == Delivery::kExpiring) {
    // What waits for the reader grows too old there as it does at the sender.
    EXPECT_LE(oldest, kMaxAge + 10ms);
    EXPECT_GE(result->numbers.back(), 1999 - (kMaxAge + 50ms) / 5ms);
  } else {
    // The inbox holds 256 frames, however old.
    EXPECT_LE(oldest, 256 * 50ms + kMaxAge + 5ms);
    EXPECT_EQ(result->numbers.back(), 1999);
  }
}

INSTANTIATE_TEST_SUITE_P(Deliveries, FastProducer,
                         ::testing::Values(Delivery::kExpiring, Delivery::kDatagram),
                         [](const auto& test) {
                           return test.param == Delivery::kExpiring ? "Expiring" : "Datagram";
                         });

// ---- S07: one stuck subscriber among many.

struct Subscription {
  std::vector<std::int64_t> numbers;
  std::uint64_t lost = 0;
};

Task<void> subscribe(TrafficPair& pair, Subscription& to) {
  Reader<Note> reader = co_await pair.client.client().News({});
  while (auto frame = co_await reader.next()) {
    to.numbers.push_back(frame->message.number());
    to.lost += frame->lost_before;
  }
}

TEST(Overload, S07_AStuckSubscriberDelaysNoneOfTheOthers) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  auto stuck = pair.run(pair.client.client().News({}));
  std::vector<Subscription> others(99);
  TaskGroup group(*pair.client.loop);
  for (Subscription& other : others) group.spawn(subscribe(pair, other));
  pair.sim.run_for(100ms);
  Note note;
  note.set_payload(std::string(5000, 'x'));
  for (int i = 0; i < 500; ++i) {
    note.set_number(i);
    pair.server.handler->PublishNews(note);
    pair.sim.run_for(100ms);
    for (const Subscription& other : others) {
      ASSERT_EQ(other.numbers.size(), static_cast<std::size_t>(i) + 1);
      ASSERT_EQ(other.lost, 0u);
    }
  }
  // The stuck one comes back, and learns what it has missed.
  std::int64_t expected = 0;
  std::uint64_t lost = 0;
  while (expected < 500) {
    auto frame = pair.run(stuck->next());
    ASSERT_TRUE(frame && *frame);
    lost += (*frame)->lost_before;
    expected += static_cast<std::int64_t>((*frame)->lost_before);
    EXPECT_EQ((*frame)->message.number(), expected);
    ++expected;
  }
  EXPECT_GT(lost, 0u);
}

// ---- Priorities.

class Priorities : public ::testing::TestWithParam<CongestionControl> {};

TEST_P(Priorities, ABulkTransferDoesNotDelayAnUrgentStream) {
  TrafficOptions options = world(10ms);
  LinkOptions link = options.to_client;
  link.rate_bits_per_s = 2'000'000;
  link.queue_bytes = 6 * 1200;  // 29 ms
  options.set_link(link);
  options.tune_server = [](NodeOptions& node) { node.congestion_control = GetParam(); };
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  auto client = pair.client.client();
  auto bulk_reader = pair.run(client.Bulk(order(100'000, Duration{}, 1000)));
  std::optional<StreamResult> bulk, urgent;
  TaskGroup group(*pair.client.loop);
  group.spawn(internal::store(
      read_pieces(pair, pair.client, *std::move(bulk_reader), Delivery::kReliable), bulk));
  pair.sim.run_for(1s);
  const std::uint64_t bytes_before = pair.sim.link_stats("server", "client").bytes_delivered;
  const Duration started = pair.now();
  auto reader = pair.run(client.Urgent(order(1000, 20ms, 500)));
  auto ages = pair.run(read_slowly(pair.sim, *std::move(reader), 0ms));
  EXPECT_TRUE(ages->status.is_ok()) << ages->status;
  std::sort(ages->ages.begin(), ages->ages.end());
  const std::size_t got = ages->ages.size();
  const Duration median = ages->ages[got / 2], p99 = ages->ages[got * 99 / 100];
  const double rate =
      8.0 *
      static_cast<double>(pair.sim.link_stats("server", "client").bytes_delivered - bytes_before) /
      std::chrono::duration<double>(pair.now() - started).count();
  std::printf("median %.1f ms, p99 %.1f ms, worst %.1f ms, lost %lld, link used %.0f kbit/s\n",
              std::chrono::duration<double, std::milli>(median).count(),
              std::chrono::duration<double, std::milli>(p99).count(),
              std::chrono::duration<double, std::milli>(ages->ages.back()).count(),
              static_cast<long long>(ages->lost), rate / 1000);
  // On the way: 10 ms and at most 34 ms in the link's own queue. Beyond that, a frame or two.
  EXPECT_LE(median, 44ms + 20ms);
  EXPECT_LE(p99, 44ms + 40ms + 40ms);
  EXPECT_GE(got, 980u);
  // And the bulk transfer takes what is left.
  EXPECT_GT(rate, 1'500'000);
}

INSTANTIATE_TEST_SUITE_P(Congestion, Priorities,
                         ::testing::Values(CongestionControl::kCubic, CongestionControl::kNewReno,
                                           CongestionControl::kBbr),
                         [](const auto& test) {
                           return test.param == CongestionControl::kCubic     ? "Cubic"
                                  : test.param == CongestionControl::kNewReno ? "NewReno"
                                                                              : "Bbr";
                         });

// ---- R12 and greed: more than the peer allows.

TEST(Overload, R12_CallsAboveThePeersLimitWaitAndNoneFails) {
  TrafficOptions options = world(5ms);
  options.tune_server = [](NodeOptions& node) { node.max_concurrent_calls = 64; };
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  constexpr int kCalls = 10'000;
  int done = 0;
  for (int i = 0; i < kCalls; ++i) {
    traffic::v1::Question asked = question(i + 1);
    asked.set_work_ms(i % 5);
    then(pair.client.node->tasks(), pair.client.client().Ask(asked),
         [&done, i](const Result<Answer>& answer) {
           ASSERT_TRUE(answer) << answer.status();
           EXPECT_EQ(answer->id(), i + 1);
           ++done;
         });
  }
  EXPECT_TRUE(pair.wait_until([&] { return done == kCalls; }, 120s)) << done;
  EXPECT_LE(pair.server.handler->most_running, 64);
  EXPECT_GT(pair.server.handler->most_running, 32);
}

TEST(Overload, HandlersAboveTheLimitAreRefusedAndTheOthersServed) {
  TrafficOptions options = world(5ms);
  options.tune_server = [](NodeOptions& node) { node.limits.max_running_handlers = 100; };
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  int served = 0, refused = 0;
  for (int i = 0; i < 1000; ++i) {
    traffic::v1::Question asked = question(i + 1);
    asked.set_work_ms(1000);
    then(pair.client.node->tasks(), pair.client.client().Ask(asked),
         [&](const Result<Answer>& answer) {
           if (answer) {
             ++served;
             return;
           }
           EXPECT_EQ(answer.error().code(), StatusCode::kResourceExhausted) << answer.error();
           ++refused;
         });
  }
  ASSERT_TRUE(pair.wait_until([&] { return served + refused == 1000; }, 10s));
  EXPECT_EQ(served, 100);
  EXPECT_EQ(pair.server.handler->most_running, 100);
  auto later = pair.run(pair.client.client().Ask(question(5000)));
  EXPECT_TRUE(*later) << later->status();
}

TEST(Overload, SubscriptionsAboveTheLimitAreRefused) {
  TrafficOptions options = world(5ms);
  options.tune_server = [](NodeOptions& node) { node.limits.max_subscriptions = 10; };
  TrafficPair pair(options);
  ASSERT_TRUE(pair.connect().is_ok());
  std::vector<Reader<Note>> readers;
  for (int i = 0; i < 11; ++i) {
    auto reader = pair.run(pair.client.client().News({}));
    readers.push_back(*std::move(reader));
  }
  pair.sim.run_for(100ms);
  pair.server.handler->PublishNews({});
  for (std::size_t i = 0; i < 10; ++i) EXPECT_TRUE(*pair.run(readers[i].next())) << i;
  EXPECT_FALSE(*pair.run(readers[10].next()));
  EXPECT_EQ(readers[10].status().code(), StatusCode::kResourceExhausted) << readers[10].status();
}

TEST(Overload, APeerThatOpensAndCancelsAsFastAsItCanIsPutOut) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  traffic::v1::Question slow;
  slow.set_work_ms(3'600'000);
  std::int64_t id = 0;
  for (int round = 0; round < 100 && pair.client.session->is_open(); ++round) {
    TaskGroup group(*pair.client.loop);
    std::vector<std::optional<Result<Answer>>> slots(100);
    for (auto& slot : slots) {
      slow.set_id(++id);
      group.spawn(internal::store(pair.client.client().Ask(slow), slot));
    }
    pair.sim.run_for(6ms);
    EXPECT_LE(pair.server.handler->running, 1024);
  }
  EXPECT_FALSE(pair.client.session->is_open());
  ASSERT_EQ(pair.client.closed.size(), 1u);
  EXPECT_THAT(pair.client.closed[0].to_string(), ::testing::HasSubstr("too many calls cancelled"));
  pair.sim.run_for(100ms);
  EXPECT_EQ(pair.server.handler->running, 0);
  EXPECT_LE(static_cast<int>(pair.server.handler->asked.size()), 3100);
}

TEST(Overload, EventsFasterThanTheirHandlersAreHeldBackAndNoneIsLost) {
  TrafficPair pair(world(5ms));
  ASSERT_TRUE(pair.connect().is_ok());
  constexpr int kEvents = 5000;
  int sent = 0;
  TaskGroup group(*pair.client.loop);
  group.spawn([](TrafficPair& world_of, int& counter) -> Task<void> {
    Note note;
    note.set_work_ms(20);
    note.set_payload(std::string(2000, 'e'));
    for (; counter < kEvents; ++counter) {
      note.set_number(counter);
      Status status = co_await world_of.client.client().Tell(note);
      EXPECT_TRUE(status.is_ok()) << status;
    }
  }(pair, sent));
  pair.sim.run_for(100ms);
  // 64 run, the rest is held back by flow control: one window and one queue.
  EXPECT_LT(sent, 1500);
  ASSERT_TRUE(pair.wait_until([&] { return pair.server.handler->told.size() == kEvents; }, 60s));
  EXPECT_LE(pair.server.handler->most_running, 64);
  EXPECT_TRUE(std::is_sorted(pair.server.handler->told.begin(), pair.server.handler->told.end()));
}

}  // namespace
}  // namespace echostream::testing
