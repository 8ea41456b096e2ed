// Streams whose peer lets nothing through: told after their time, and no others.
#include <gtest/gtest.h>

#include "tests/support/quic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

class StalledStream : public ::testing::Test {
 protected:
  static constexpr std::size_t kStreamWindow = 60'000;
  static constexpr std::size_t kConnectionWindow = 100'000;
  static QuicWorld::Options options() {
    QuicWorld::Options options;
    options.quic.stream_window_bytes = kStreamWindow;
    options.quic.connection_window_bytes = kConnectionWindow;
    options.quic.stalled_stream_timeout = 20s;
    return options;
  }
  void SetUp() override {
    pair_.server.consumes = false;
    ASSERT_TRUE(pair_.connect());
  }
  StreamId send(std::size_t bytes) {
    return pair_.send(*pair_.connection, pattern(bytes, 1), true);
  }
  int stalled(StreamId id) { return pair_.sink.stream(id).stalled; }

  QuicPair pair_{1, options()};
};

TEST_F(StalledStream, S04_IsToldAfterItsTimeAndNotBefore) {
  const StreamId id = send(200'000);
  pair_.world.run_for(19s);
  EXPECT_EQ(stalled(id), 0);
  pair_.world.run_for(7s);
  EXPECT_GE(stalled(id), 1);
  EXPECT_FALSE(pair_.sink.is_closed());
}

TEST_F(StalledStream, S04_ResetItHoldsNothingMoreAndIsToldNoMore) {
  const StreamId id = send(200'000);
  ASSERT_TRUE(pair_.world.run_until([&] { return stalled(id) > 0; }, 60s));
  pair_.connection->reset(id, 1);
  EXPECT_EQ(pair_.connection->unsent_bytes(id), 0u);
  pair_.world.run_for(60s);
  EXPECT_EQ(stalled(id), 1);
  EXPECT_EQ(pair_.server_sink().stream(id).reset_code, 1u);
}

TEST_F(StalledStream, OneThatMovesEverSoLittleIsLeftAlone) {
  const StreamId id = send(1'000'000);
  for (int i = 0; i < 20; ++i) {
    pair_.world.run_for(10s);
    pair_.server_connection().consume(id, kStreamWindow / 2);
  }
  EXPECT_EQ(stalled(id), 0);
}

TEST_F(StalledStream, OneThatHasSentEverythingIsLeftAlone) {
  const StreamId id = send(kStreamWindow);
  pair_.world.run_for(100s);
  EXPECT_EQ(stalled(id), 0);
}

TEST_F(StalledStream, S04_AllThatWaitForTheConnectionsWindowAreTold) {
  const StreamId first = send(50'000);
  const StreamId second = send(kConnectionWindow);
  pair_.world.run_for(1s);
  ASSERT_EQ(pair_.server_sink().stream(first).received.size() +
                pair_.server_sink().stream(second).received.size(),
            kConnectionWindow);
  const StreamId third = send(10);
  pair_.world.run_for(40s);
  EXPECT_GE(stalled(second), 1);
  EXPECT_GE(stalled(third), 1);
  EXPECT_EQ(pair_.connection->unsent_bytes(third), 10u);
}

// The connection's window is full whenever somebody looks, and yet everything goes on.
TEST_F(StalledStream, OneThatWaitsForTheConnectionsWindowAndMovesIsLeftAlone) {
  const StreamId first = send(1'000'000);
  const StreamId second = send(1'000'000);
  for (int i = 0; i < 20; ++i) {
    pair_.world.run_for(10s);
    for (const StreamId id : {first, second}) {
      pair_.server_connection().consume(id, kStreamWindow / 2);
    }
  }
  EXPECT_EQ(stalled(first) + stalled(second), 0);
}

// It waits for its turn, not for the peer.
TEST_F(StalledStream, OneThatOthersOvertakeIsLeftAlone) {
  pair_.server.consumes = true;
  pair_.server_sink().consumes = true;
  pair_.world.link.delay = 100ms;  // a window each 200 ms: half a megabyte a second
  const StreamId urgent = send(30'000'000);
  const StreamId patient = send(100'000);
  pair_.connection->set_priority(urgent, 0);
  pair_.connection->set_priority(patient, 7);
  pair_.world.run_for(45s);
  EXPECT_FALSE(pair_.server_sink().stream(urgent).fin);
  EXPECT_EQ(stalled(patient), 0);
  EXPECT_EQ(stalled(urgent), 0);
}

TEST_F(StalledStream, AnOutageIsNobodysFault) {
  const StreamId id = send(50'000);
  pair_.world.tap = [](Datagram&) { return false; };
  pair_.world.run_for(29s);
  EXPECT_EQ(stalled(id), 0);
}

}  // namespace
}  // namespace echostream::testing
