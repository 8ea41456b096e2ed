// Bytes on streams: exact on any network, within the windows, in the order of their urgency.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// `streams` streams in each direction with `size` bytes each, exact to the last.
void transfer(std::uint64_t seed, const LinkConditions& link, int streams, std::size_t size) {
  QuicPair pair(seed);
  ASSERT_TRUE(pair.connect());
  pair.world.link = link;
  std::vector<StreamId> up;
  std::vector<StreamId> down;
  for (int i = 0; i < streams; ++i) {
    up.push_back(pair.send(*pair.connection, pattern(size, seed + up.size()), true));
    down.push_back(pair.send(pair.server_connection(), pattern(size, ~seed - down.size()), true));
  }
  const auto count = static_cast<std::size_t>(streams);
  ASSERT_TRUE(pair.world.run_until(
      [&] {
        return pair.sink.ended_streams() == count && pair.server_sink().ended_streams() == count;
      },
      300s))
      << pair.sink.close_message();
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_TRUE(pair.server_sink().stream(up[i]).received == pattern(size, seed + i));
    EXPECT_TRUE(pair.sink.stream(down[i]).received == pattern(size, ~seed - i));
  }
  EXPECT_EQ(pair.sink.broken_promises + pair.server_sink().broken_promises, 0);
}

TEST(Transfer, N01_IsExactBothWays) {
  for (const int streams : {1, 2, 4}) transfer(1, {}, streams, 1'000'000);
}

TEST(Transfer, N02_IsExactWithBurstLoss) {
  for_each_seed(150, [](std::uint64_t seed) {
    transfer(seed, {.delay = 15ms, .loss = 0.0067, .loss_burst = 3}, 2, 60'000);
  });
}

TEST(Transfer, N04_IsExactWithCorruption) {
  for_each_seed(
      100, [](std::uint64_t seed) { transfer(seed, {.delay = 15ms, .corrupt = 0.02}, 2, 60'000); });
}

TEST(Transfer, N05_IsExactWhenReorderedAndDoubled) {
  for_each_seed(100, [](std::uint64_t seed) {
    transfer(seed, {.delay = 5ms, .jitter = 20ms, .duplicate = 0.05}, 2, 60'000);
  });
}

TEST(Transfer, UnidirectionalStreamsGoBothWays) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  const StreamId up = pair.connection->open_unidirectional().value();
  const StreamId down = pair.server_connection().open_unidirectional().value();
  pair.connection->write(up, Buffer::copy("up"), true);
  pair.server_connection().write(down, Buffer::copy("down"), true);
  pair.world.run_for(1s);
  EXPECT_EQ(pair.server_sink().stream(up).received, "up");
  EXPECT_EQ(pair.sink.stream(down).received, "down");
  EXPECT_TRUE(pair.sink.stream(up).closed && pair.sink.stream(down).closed);
  EXPECT_TRUE(pair.server_sink().stream(up).closed && pair.server_sink().stream(down).closed);
  // Nobody writes on the other's.
  pair.server_connection().write(up, Buffer::copy("no"), true);
  pair.world.run_for(1s);
  EXPECT_FALSE(pair.sink.is_closed());
}

TEST(Transfer, SendsInLongRunsOnceTheWindowIsOpen) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  pair.send(*pair.connection, pattern(2'000'000, 1), true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().ended_streams() == 1; }, 60s));
  EXPECT_GE(pair.world.longest_run, 8u);
  EXPECT_LE(pair.world.longest_run, 64u);
}

// ---- Flow control.

class FlowControl : public ::testing::Test {
 protected:
  static constexpr std::size_t kStreamWindow = 60'000;
  static constexpr std::size_t kConnectionWindow = 100'000;
  static QuicWorld::Options options() {
    QuicWorld::Options options;
    options.quic.stream_window_bytes = kStreamWindow;
    options.quic.connection_window_bytes = kConnectionWindow;
    return options;
  }
  void SetUp() override {
    pair_.server.consumes = false;
    ASSERT_TRUE(pair_.connect());
  }
  std::size_t received(StreamId id) { return pair_.server_sink().stream(id).received.size(); }

  QuicPair pair_{1, options()};
};

TEST_F(FlowControl, NothingPassesTheStreamsWindowUntilConsumed) {
  const StreamId id = pair_.send(*pair_.connection, pattern(1'000'000, 1), true);
  pair_.world.run_for(5s);
  EXPECT_EQ(received(id), kStreamWindow);
  EXPECT_EQ(pair_.connection->unsent_bytes(id), 1'000'000 - kStreamWindow);
  pair_.server_connection().consume(id, kStreamWindow / 2);
  pair_.world.run_for(5s);
  EXPECT_EQ(received(id), kStreamWindow * 3 / 2);
}

TEST_F(FlowControl, NothingPassesTheConnectionsWindowUntilConsumed) {
  std::vector<StreamId> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(pair_.send(*pair_.connection, pattern(50'000, 1), true));
  }
  const auto total = [&] {
    std::size_t sum = 0;
    for (const StreamId id : ids) sum += received(id);
    return sum;
  };
  pair_.world.run_for(5s);
  EXPECT_EQ(total(), kConnectionWindow);
  for (const StreamId id : ids) pair_.server_connection().consume(id, received(id));
  pair_.world.run_for(5s);
  EXPECT_EQ(total(), 200'000u);
}

TEST_F(FlowControl, SlowReaderHoldsUpNobodyElsesEnd) {
  const StreamId quick = pair_.send(*pair_.connection, "request", false);
  pair_.world.run_for(1s);
  const StreamId slow = pair_.send(*pair_.connection, pattern(60'000, 1), false);
  const StreamId second = pair_.send(*pair_.connection, pattern(60'000, 2), false);
  pair_.world.run_for(1s);
  ASSERT_EQ(received(quick) + received(slow) + received(second), kConnectionWindow);
  pair_.connection->write(quick, Buffer(), true);
  pair_.world.run_for(1s);
  EXPECT_TRUE(pair_.server_sink().stream(quick).fin);
}

TEST_F(FlowControl, WriterThatWaitsForTheWindowLearnsThatNobodyReads) {
  std::vector<StreamId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(pair_.send(*pair_.connection, pattern(100'000, 1), false));
    pair_.world.run_for(1s);
  }
  ASSERT_EQ(received(ids[0]), kStreamWindow);
  pair_.server_connection().stop_sending(ids[0], 5);
  pair_.world.run_for(1s);
  EXPECT_TRUE(pair_.sink.stream(ids[0]).stop_code);
  EXPECT_FALSE(pair_.sink.stream(ids[1]).stop_code);
}

TEST_F(FlowControl, WindowComesBackFromStreamsThatWereBrokenOff) {
  // More than the connection's window by far, none of it consumed by the application.
  for (int i = 0; i < 30; ++i) {
    const StreamId id = pair_.send(*pair_.connection, pattern(30'000, 1), false);
    pair_.world.run_for(5ms);  // in the middle of it
    if (i % 2 == 0) {
      pair_.connection->reset(id, 1);
    } else {
      pair_.server_connection().stop_sending(id, 2);
    }
    pair_.server_connection().reset(id, 3);
    pair_.world.run_for(200ms);
    // What was delivered stays the application's to consume.
    pair_.server_connection().consume(id, received(id));
    pair_.world.run_for(50ms);
  }
  const StreamId last = pair_.send(*pair_.connection, pattern(50'000, 9), true);
  pair_.world.run_for(2s);
  EXPECT_EQ(received(last), 50'000u);
}

TEST_F(FlowControl, ConsumingOnAClosedStreamStillOpensTheConnectionsWindow) {
  const StreamId first = pair_.send(*pair_.connection, pattern(60'000, 1), true);
  pair_.world.run_for(1s);
  pair_.server_connection().write(first, Buffer(), true);
  pair_.world.run_for(1s);
  ASSERT_TRUE(pair_.server_sink().stream(first).closed);
  pair_.server_connection().consume(first, 60'000);
  const StreamId second = pair_.send(*pair_.connection, pattern(60'000, 1), true);
  pair_.world.run_for(1s);
  EXPECT_EQ(received(second), 60'000u);
}

// ---- Limits on streams.

TEST(StreamLimit, HoldsUntilOneIsClosedAndThenSaysSo) {
  QuicWorld::Options few;
  few.quic.max_bidirectional_streams = 3;
  few.quic.max_unidirectional_streams = 1;
  QuicPair pair(1, {}, few);
  ASSERT_TRUE(pair.connect());
  std::vector<StreamId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(pair.send(*pair.connection, "x", true));
  const auto refused = pair.connection->open_bidirectional();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(pair.connection->open_unidirectional().has_value());
  EXPECT_FALSE(pair.connection->open_unidirectional().has_value());
  pair.world.run_for(1s);
  const int before = pair.sink.streams_available;
  EXPECT_FALSE(pair.connection->open_bidirectional().has_value());
  pair.server_connection().write(ids[1], Buffer(), true);
  pair.world.run_for(1s);
  EXPECT_GT(pair.sink.streams_available, before);
  EXPECT_TRUE(pair.connection->open_bidirectional().has_value());
  EXPECT_FALSE(pair.connection->open_bidirectional().has_value());
}

// The interop runner's "multiplexing": many small exchanges through a small limit.
TEST(StreamLimit, Thousands_OfSmallExchangesPassThroughAFew) {
  QuicWorld::Options few;
  few.quic.max_bidirectional_streams = 20;
  QuicPair pair(1, {}, few);
  pair.server.when_accepted = [](RecordingSink& accepted) {
    accepted.when_data = [to = &accepted](StreamId id, BytesView, bool fin) {
      if (fin) to->connection->write(id, Buffer::copy("pong"), true);
    };
  };
  ASSERT_TRUE(pair.connect());
  constexpr std::size_t kExchanges = 1999;
  std::size_t opened = 0;
  const auto open_more = [&] {
    while (opened < kExchanges) {
      const auto id = pair.connection->open_bidirectional();
      if (!id) break;
      pair.connection->write(*id, Buffer::copy(std::string(32, 'q')), true);
      ++opened;
    }
    return pair.sink.ended_streams() == kExchanges;
  };
  EXPECT_TRUE(pair.world.run_until(open_more, 60s));
  for (auto& [id, stream] : pair.sink.streams) ASSERT_EQ(stream.received, "pong");
}

// ---- Order and back-pressure.

TEST(Priorities, UrgentBytesOvertakeWhatWaits) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  const StreamId bulk = pair.connection->open_bidirectional().value();
  const StreamId urgent = pair.connection->open_bidirectional().value();
  pair.connection->set_priority(bulk, 6);
  pair.connection->set_priority(urgent, 0);
  pair.connection->write(bulk, Buffer::copy(pattern(900'000, 1)), true);
  pair.world.run_for(20ms);
  pair.connection->write(urgent, Buffer::copy(pattern(100'000, 2)), true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(urgent).fin; }, 60s));
  EXPECT_LT(pair.server_sink().stream(bulk).received.size(), 500'000u);
}

TEST(Priorities, EqualStreamsFinishTogether) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  std::vector<StreamId> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(pair.send(*pair.connection, pattern(200'000, 1), true));
  }
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().ended_streams() > 0; }, 60s));
  for (const StreamId id : ids) {
    EXPECT_GT(pair.server_sink().stream(id).received.size(), 180'000u);
  }
}

TEST(Drained, IsToldOnceWhenTheQueueFellToItsMark) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  const StreamId id = pair.send(*pair.connection, pattern(500'000, 1), false);
  pair.connection->notify_when_drained(id, 100'000);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.sink.stream(id).drained == 1; }, 60s));
  EXPECT_LE(pair.connection->unsent_bytes(id), 100'000u);
  EXPECT_GT(pair.connection->unsent_bytes(id), 0u);
  pair.world.run_for(5s);
  EXPECT_EQ(pair.sink.stream(id).drained, 1);
  // Far below the mark already: told with the next look.
  pair.connection->notify_when_drained(id, 10);
  EXPECT_EQ(pair.sink.stream(id).drained, 1);
  pair.world.run_for(1ms);
  EXPECT_EQ(pair.sink.stream(id).drained, 2);
}

TEST(Drained, IsNotToldOfAStreamThatIsGone) {
  QuicPair pair;
  ASSERT_TRUE(pair.connect());
  const StreamId id = pair.send(*pair.connection, "x", true);
  pair.world.run_for(100ms);
  pair.server_connection().write(id, Buffer(), true);
  // Asked for just before the packet arrives that closes the stream.
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.client.address) pair.connection->notify_when_drained(id, 0);
    return true;
  };
  pair.world.flush(pair.server);
  pair.world.run_for(1s);
  EXPECT_TRUE(pair.sink.stream(id).closed);
  EXPECT_EQ(pair.sink.broken_promises, 0);
}

}  // namespace
}  // namespace echostream::testing
