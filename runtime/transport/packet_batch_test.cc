#include "runtime/transport/packet_batch.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace echostream::transport {
namespace {

const SocketAddress kLocal = SocketAddress::ipv4({192, 0, 2, 1}, 1);
const SocketAddress kRemote = SocketAddress::ipv4({192, 0, 2, 2}, 2);

class Batch : public ::testing::Test {
 protected:
  void add(std::size_t bytes, const SocketAddress& remote = kRemote, std::uint8_t ecn = 0) {
    ASSERT_TRUE(batch_.has_room());
    std::fill_n(batch_.room().begin(), bytes, ++mark_);
    batch_.add(bytes, kLocal, remote, ecn);
  }
  // "bytes/segment" of each run.
  std::vector<std::string> runs() {
    std::vector<std::string> all;
    while (const auto run = batch_.take_run()) {
      all.push_back(std::to_string(run->data.size()) + "/" + std::to_string(run->segment_size));
    }
    return all;
  }
  using Runs = std::vector<std::string>;

  PacketBatch batch_{80, 100};
  std::uint8_t mark_ = 0;
};

TEST_F(Batch, IsEmptyAtFirst) {
  EXPECT_FALSE(batch_.take_run());
  EXPECT_EQ(batch_.size(), 0u);
}

TEST_F(Batch, EqualPacketsAreOneRunWithAShorterLast) {
  for (std::size_t bytes : {100, 100, 40}) add(bytes);
  EXPECT_EQ(runs(), Runs{"240/100"});
}

TEST_F(Batch, NothingFollowsAShorterPacket) {
  for (std::size_t bytes : {100, 40, 40}) add(bytes);
  EXPECT_EQ(runs(), (Runs{"140/100", "40/40"}));
}

TEST_F(Batch, LargerPacketBeginsARun) {
  for (std::size_t bytes : {40, 100}) add(bytes);
  EXPECT_EQ(runs(), (Runs{"40/40", "100/100"}));
}

TEST_F(Batch, OtherPathOrMarkingBeginsARun) {
  add(50);
  add(50, kRemote.with_port(3));
  add(50, kRemote.with_port(3), 2);
  add(50, kRemote.with_port(3), 2);
  EXPECT_EQ(runs(), (Runs{"50/50", "50/50", "100/50"}));
}

TEST_F(Batch, RunsHaveAtMost64Packets) {
  for (int i = 0; i < 65; ++i) add(10);
  EXPECT_EQ(runs(), (Runs{"640/10", "10/10"}));
}

TEST_F(Batch, HoldsThePacketsBytes) {
  add(3);
  add(2);
  const auto run = batch_.take_run();
  ASSERT_TRUE(run);
  EXPECT_EQ(std::vector<std::uint8_t>(run->data.begin(), run->data.end()),
            (std::vector<std::uint8_t>{1, 1, 1, 2, 2}));
  EXPECT_EQ(run->local, kLocal);
  EXPECT_EQ(run->remote, kRemote);
}

TEST_F(Batch, HasRoomForWholePacketsOnly) {
  PacketBatch two(2, 100);
  two.add(100, kLocal, kRemote, 0);
  EXPECT_TRUE(two.has_room());
  two.add(1, kLocal, kRemote, 0);
  EXPECT_FALSE(two.has_room());
  two.clear();
  EXPECT_TRUE(two.has_room());
  EXPECT_FALSE(two.take_run());
}

}  // namespace
}  // namespace echostream::transport
