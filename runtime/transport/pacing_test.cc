// What leaves back to back, and what the congestion control makes of ECN.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// Bytes that the client sends at one instant; the most, once the path is known.
std::size_t largest_burst(Duration one_way, std::size_t transfer) {
  QuicPair pair;
  pair.world.link.delay = one_way;
  EXPECT_TRUE(pair.connect());
  pair.world.run_for(1s);
  std::map<LocalTime, std::size_t> sent;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.server.address) sent[pair.world.now()] += datagram.bytes.size();
    return true;
  };
  const StreamId id = pair.send(*pair.connection, pattern(transfer, 1), true);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s));
  std::size_t most = 0;
  for (const auto& [at, bytes] : sent) most = std::max(most, bytes);
  return most;
}

TEST(Pacing, NoBurstIsLongerThanAGsoCallAtTwentyMilliseconds) {
  const std::size_t most = largest_burst(10ms, 5'000'000);
  EXPECT_GE(most, 10u * 1200);
  EXPECT_LE(most, 64u * 1024 + 2 * 1452);
}

TEST(Pacing, AfterAPauseTheWindowDoesNotLeaveAtOnce) {
  QuicPair pair;
  pair.world.link.delay = 10ms;
  ASSERT_TRUE(pair.connect());
  StreamId id = pair.send(*pair.connection, pattern(2'000'000, 1), true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s));
  pair.world.run_for(5s);
  ASSERT_GT(pair.connection->stats().congestion_window_bytes, 200'000u);
  std::map<LocalTime, std::size_t> sent;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to == pair.server.address) sent[pair.world.now()] += datagram.bytes.size();
    return true;
  };
  id = pair.send(*pair.connection, pattern(1'000'000, 1), true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s));
  for (const auto& [at, bytes] : sent) EXPECT_LE(bytes, 64u * 1024 + 2 * 1452);
}

TEST(Pacing, AShortPathIsNotHeldUpByTimers) {
  QuicPair pair;
  pair.world.link.delay = 50us;
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  const LocalTime start = pair.world.now();
  const StreamId id = pair.send(*pair.connection, pattern(1'000'000, 1), true);
  ASSERT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s));
  // Slow start from 10 packets takes seven round trips of 0.1 ms; a pacer would need one more.
  EXPECT_LE(pair.world.now() - start, 800us);
}

// ---- ECN.

struct Marked {
  std::size_t marked_sent = 0;
  std::size_t unmarked_at_end = 0;
  std::uint64_t window = 0;
  bool done = false;
};

// A transfer over a path that does `what` to each datagram of the client's.
Marked transfer(std::uint64_t seed, const std::function<void(Datagram&)>& what) {
  QuicPair pair(seed);
  pair.world.link.delay = 10ms;
  EXPECT_TRUE(pair.connect());
  Marked seen;
  pair.world.tap = [&](Datagram& datagram) {
    if (datagram.to != pair.server.address) return true;
    seen.marked_sent += datagram.ecn != 0;
    seen.unmarked_at_end = datagram.ecn != 0 ? 0 : seen.unmarked_at_end + 1;
    what(datagram);
    return true;
  };
  const StreamId id = pair.send(*pair.connection, pattern(2'000'000, 1), true);
  seen.done = pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 120s);
  EXPECT_EQ(pair.server_sink().stream(id).received, pattern(2'000'000, 1));
  seen.window = pair.connection->stats().congestion_window_bytes;
  EXPECT_EQ(pair.connection->stats().ecn_marked_packets_sent > 0, seen.marked_sent > 0);
  return seen;
}

TEST(Ecn, N12_PacketsAreMarkedWhereThePathKeepsTheMarks) {
  const Marked seen = transfer(1, [](Datagram&) {});
  EXPECT_TRUE(seen.done);
  EXPECT_GT(seen.marked_sent, 1000u);
  EXPECT_EQ(seen.unmarked_at_end, 0u);
}

TEST(Ecn, N12_APathThatErasesTheMarksIsFoundOut) {
  for_each_seed(10, [](std::uint64_t seed) {
    const Marked seen = transfer(seed, [](Datagram& datagram) { datagram.ecn = 0; });
    EXPECT_TRUE(seen.done);
    EXPECT_GT(seen.marked_sent, 0u);
    EXPECT_GT(seen.unmarked_at_end, 500u);
  });
}

TEST(Ecn, N12_CongestionMarksCutTheWindowWithoutALoss) {
  for_each_seed(10, [](std::uint64_t seed) {
    const Marked free = transfer(seed, [](Datagram&) {});
    int count = 0;
    const Marked marked = transfer(seed, [&](Datagram& datagram) {
      if (datagram.ecn != 0 && ++count % 100 == 0) datagram.ecn = 3;
    });
    EXPECT_TRUE(marked.done);
    EXPECT_LT(marked.window, free.window / 2);
    EXPECT_EQ(marked.unmarked_at_end, 0u);
  });
}

// RFC 9000 section 13.4.2.1: if all that was marked comes back as "congestion", the path is broken
// or full; either way the transfer ends.
TEST(Ecn, N12_APathThatMarksEverythingOnlySlowsDown) {
  for_each_seed(10, [](std::uint64_t seed) {
    const Marked seen = transfer(seed, [](Datagram& datagram) {
      if (datagram.ecn != 0) datagram.ecn = 3;
    });
    EXPECT_TRUE(seen.done);
  });
}

// ---- Large packets.

TEST(PathMtu, LargeDatagramsAreFoundWhereTheyPass) {
  QuicWorld::Options options;
  options.quic.max_udp_payload_bytes = 65'527;
  QuicPair pair(1, options);
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  const StreamId id = pair.send(*pair.connection, pattern(5'000'000, 1), true);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s));
  EXPECT_EQ(pair.server_sink().stream(id).received, pattern(5'000'000, 1));
  EXPECT_EQ(pair.connection->stats().path_mtu_bytes, 65'487u);
  EXPECT_EQ(pair.world.largest_datagram, 65'487u);
}

TEST(PathMtu, ALimitBetweenTheUsualSizesIsTriedToo) {
  QuicWorld::Options options;
  options.quic.max_udp_payload_bytes = 4'000;
  QuicPair pair(1, options);
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(1s);
  EXPECT_EQ(pair.connection->stats().path_mtu_bytes, 4'000u);
}

TEST(PathMtu, N09_LargeDatagramsThatStopPassingFallBack) {
  QuicWorld::Options options;
  options.quic.max_udp_payload_bytes = 9'000;
  QuicPair pair(1, options);
  ASSERT_TRUE(pair.connect());
  pair.world.run_for(2s);
  ASSERT_EQ(pair.connection->stats().path_mtu_bytes, 9'000u);
  const StreamId id = pair.send(*pair.connection, pattern(3'000'000, 1), true);
  pair.world.run_for(15ms);
  pair.world.link.mtu = 1200;
  EXPECT_TRUE(pair.world.run_until([&] { return pair.server_sink().stream(id).fin; }, 60s));
  EXPECT_EQ(pair.connection->stats().path_mtu_bytes, 1200u);
}

}  // namespace
}  // namespace echostream::testing
