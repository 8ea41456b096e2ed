// What honest peers do never puts them out, on good networks and bad: the other half of the
// promise that floods are put out.
#include <gtest/gtest.h>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// A network out of the seed, now and then a bad one.
LinkConditions link_of(Random& random) {
  LinkConditions link;
  link.delay = 1ms * static_cast<int>(1 + random.below(80));
  if (random.chance(0.6)) link.jitter = 1ms * static_cast<int>(random.below(40));
  if (random.chance(0.6)) link.loss = 0.05 * random.unit();
  link.loss_burst = 1 + static_cast<int>(random.below(5));
  if (random.chance(0.3)) link.duplicate = 0.3 * random.unit();
  if (random.chance(0.2)) link.corrupt = 0.02 * random.unit();
  return link;
}

QuicWorld::Options options_of(Random& random) {
  QuicWorld::Options options;
  // Small windows leave little patience; the burst stands.
  options.quic.max_useless_packets_per_second = 200;
  if (random.chance(0.5)) options.quic.connection_window_bytes = 256 * 1024;
  return options;
}

struct Honest {
  explicit Honest(std::uint64_t seed)
      : random(seed, 5), pair(seed, options_of(random), options_of(random)) {}
  bool connect() {
    pair.world.link = link_of(random);
    return pair.connect(60s);
  }
  void expect_open() {
    EXPECT_FALSE(pair.sink.is_closed()) << pair.sink.close_message();
    EXPECT_FALSE(pair.server_sink().is_closed()) << pair.server_sink().close_message();
  }
  Random random;
  QuicPair pair;
};

TEST(HonestTraffic, P03_BulkTransfersAndTheirPureAcknowledgementsPass) {
  for_each_seed(40, [](std::uint64_t seed) {
    Honest honest(seed);
    ASSERT_TRUE(honest.connect());
    QuicPair& pair = honest.pair;
    // One way: the other sends nothing but acknowledgements and windows.
    const bool up = honest.random.chance(0.5);
    QuicConnection& from = up ? *pair.connection : pair.server_connection();
    RecordingSink& to = up ? pair.server_sink() : pair.sink;
    const std::string bytes = pattern(4'000'000, seed);
    const StreamId id = pair.send(from, bytes, true);
    pair.world.run_until([&] { return to.stream(id).fin || to.is_closed(); }, 600s);
    honest.expect_open();
    EXPECT_TRUE(to.stream(id).received == bytes);
  });
}

TEST(HonestTraffic, P03_OneByteAtATimePasses) {
  for_each_seed(20, [](std::uint64_t seed) {
    Honest honest(seed);
    ASSERT_TRUE(honest.connect());
    const StreamId up = honest.pair.send(*honest.pair.connection, "a", false);
    const StreamId down = honest.pair.send(honest.pair.server_connection(), "a", false);
    for (int i = 0; i < 10'000; ++i) {
      honest.pair.connection->write(up, Buffer::copy("x"), false);
      if (i % 3 == 0) honest.pair.server_connection().write(down, Buffer::copy("x"), false);
      honest.pair.world.run_for(500us);
    }
    honest.pair.world.run_for(60s);
    honest.expect_open();
    EXPECT_EQ(honest.pair.server_sink().stream(up).received.size(), 10'001u);
  });
}

TEST(HonestTraffic, P03_HoursOfKeepAlivesPass) {
  for_each_seed(5, [](std::uint64_t seed) {
    Honest honest(seed);
    ASSERT_TRUE(honest.connect());
    honest.pair.world.link.loss = 0;
    honest.pair.world.run_for(3h);
    honest.expect_open();
  });
}

TEST(HonestTraffic, P03_DatagramsByTheThousandPass) {
  for_each_seed(10, [](std::uint64_t seed) {
    Honest honest(seed);
    ASSERT_TRUE(honest.connect());
    for (int i = 0; i < 20'000; ++i) {
      OutgoingDatagramFrame datagram;
      datagram.payload = Buffer::copy(pattern(20 + honest.random.below(800), seed));
      EXPECT_TRUE(honest.pair.server_connection().send_datagram(std::move(datagram)).is_ok());
      honest.pair.world.run_for(250us);
    }
    honest.expect_open();
  });
}

// Calls that are given up after a moment, and EXPIRING frames, each on a stream of its own.
TEST(HonestTraffic, S01_StreamsThatAreBrokenOffByTheHundredsPass) {
  for_each_seed(10, [](std::uint64_t seed) {
    Honest honest(seed);
    ASSERT_TRUE(honest.connect());
    std::vector<StreamId> open;
    for (int i = 0; i < 20'000; ++i) {
      const auto id = honest.pair.connection->open_unidirectional();
      if (id) {
        honest.pair.connection->write(*id, Buffer::copy(pattern(200, seed)), false);
        open.push_back(*id);
      }
      if (open.size() > 20) {
        honest.pair.connection->reset(open.front(), 3);
        open.erase(open.begin());
      }
      honest.pair.world.run_for(1ms);
    }
    honest.expect_open();
  });
}

}  // namespace
}  // namespace echostream::testing
