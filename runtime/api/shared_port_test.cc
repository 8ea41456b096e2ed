#include "runtime/api/shared_port.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace echostream::internal {
namespace {

using Counts = SharedPort::Counts;

/// Keeps what is posted until told to run it.
class PostedFunctions final : public Executor {
 public:
  LocalTime now() const override { return {}; }
  void schedule(ReadyNode&) override { ADD_FAILURE(); }
  void arm(TimerNode&, LocalTime) override { ADD_FAILURE(); }
  void post(UniqueFunction<void()> function) override { waiting.push_back(std::move(function)); }
  void run() {
    for (auto& function : std::exchange(waiting, {})) function();
  }
  std::vector<UniqueFunction<void()>> waiting;
};

struct Arrived {
  SocketAddress local;
  SocketAddress remote;
  Ecn ecn;
  LocalTime received_at;
  std::string text;
  friend bool operator==(const Arrived&, const Arrived&) = default;
};

class Recorder final : public UdpHandler {
 public:
  void handle_datagram(const ReceivedDatagram& datagram) override {
    arrived.push_back({datagram.local, datagram.remote, datagram.ecn, datagram.received_at,
                       std::string(as_text(datagram.data))});
  }
  void handle_batch_end() override { ++batch_ends; }
  void handle_writable() override { ADD_FAILURE(); }

  std::vector<Arrived> arrived;
  int batch_ends = 0;
};

const SocketAddress kLocal = SocketAddress::ipv4({192, 0, 2, 1}, 4433);

Arrived numbered(int number, std::size_t size = 10) {
  return {kLocal, SocketAddress::ipv4({198, 51, 100, 7}, static_cast<std::uint16_t>(number)),
          number % 2 == 0 ? Ecn::kEct0 : Ecn::kCe, LocalTime(Duration(number)),
          std::string(size, static_cast<char>('a' + number % 26))};
}

class SharedPortTest : public ::testing::Test {
 protected:
  SharedPortTest() { port_->join(1, executor_, recorder_); }
  void forward(const Arrived& datagram) {
    port_->forward(1, {datagram.local, datagram.remote, datagram.ecn, datagram.received_at,
                       as_bytes(datagram.text)});
  }

  PostedFunctions executor_;
  Recorder recorder_;
  std::shared_ptr<SharedPort> port_ = std::make_shared<SharedPort>(2, SharedPort::Secret{});
};

void expect_counts(const Counts& counts, std::uint64_t forwarded, std::uint64_t dropped) {
  EXPECT_EQ(counts.forwarded, forwarded);
  EXPECT_EQ(counts.dropped, dropped);
}

TEST_F(SharedPortTest, CarriesABurstInOrderWithAllThatIsKnownOfItForOneWakeUp) {
  std::vector<Arrived> sent;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) {
      sent.push_back(numbered(i, static_cast<std::size_t>(i)));
      forward(sent.back());
    }
    EXPECT_EQ(executor_.waiting.size(), 1u);
    EXPECT_EQ(recorder_.batch_ends, round) << "called on the sender's thread";
    executor_.run();
    EXPECT_EQ(recorder_.batch_ends, round + 1);
  }
  EXPECT_EQ(recorder_.arrived, sent);
  expect_counts(port_->counts(1), 300, 0);
  expect_counts(port_->counts(0), 0, 0);
}

TEST_F(SharedPortTest, HoldsABoundedNumberOfDatagrams) {
  constexpr std::size_t kMore = 10;
  for (std::size_t i = 0; i < SharedPort::kMostWaitingDatagrams + kMore; ++i) forward(numbered(1));
  expect_counts(port_->counts(1), SharedPort::kMostWaitingDatagrams, kMore);
  executor_.run();
  EXPECT_EQ(recorder_.arrived.size(), SharedPort::kMostWaitingDatagrams);
  forward(numbered(2));
  executor_.run();
  EXPECT_EQ(recorder_.arrived.back(), numbered(2));
}

TEST_F(SharedPortTest, HoldsABoundedNumberOfBytes) {
  constexpr std::size_t kSize = 64 * 1024;
  constexpr std::size_t kFit = SharedPort::kMostWaitingBytes / kSize;
  for (std::size_t i = 0; i < kFit; ++i) forward(numbered(1, kSize));
  expect_counts(port_->counts(1), kFit, 0);
  forward(numbered(1, 1));
  expect_counts(port_->counts(1), kFit, 1);
}

TEST_F(SharedPortTest, LosesWhatComesForSomebodyWhoIsNotThere) {
  port_->forward(0, {kLocal, kLocal, Ecn::kNotEct, {}, as_bytes("early")});
  expect_counts(port_->counts(0), 0, 1);
  forward(numbered(1));
  forward(numbered(2));
  port_->leave(1);
  forward(numbered(3));
  executor_.run();  // of the first two
  EXPECT_TRUE(recorder_.arrived.empty());
  EXPECT_EQ(recorder_.batch_ends, 0);
  expect_counts(port_->counts(1), 0, 3);
}

TEST_F(SharedPortTest, LivesUntilItsLastDelivery) {
  forward(numbered(1));
  port_->leave(1);
  const std::weak_ptr<SharedPort> left = port_;
  port_.reset();
  EXPECT_FALSE(left.expired());
  executor_.run();
  EXPECT_TRUE(left.expired());
}

// Members come, go, and forward to each other all at once.
TEST(SharedPortThreads, CarryEachDatagramToTheOwnersThreadOrCountItAsLost) {
  constexpr std::size_t kThreads = 4;
  constexpr std::uint64_t kDatagrams = 20'000;
  const auto port = std::make_shared<SharedPort>(kThreads, SharedPort::Secret{});
  std::array<Recorder, kThreads> recorders;
  std::array<std::unique_ptr<Loop>, kThreads> loops;
  for (auto& loop : loops) loop = make_loop().value();
  std::vector<std::thread> threads;
  for (std::size_t self = 0; self < kThreads; ++self) {
    threads.emplace_back([&, self] {
      port->join(self, *loops[self], recorders[self]);
      for (std::uint64_t i = 0; i < kDatagrams; ++i) {
        port->forward((self + i) % kThreads, {kLocal, kLocal, Ecn::kCe, {}, as_bytes("datagram")});
        if (i % 64 != 0) continue;
        loops[self]->post([&, self] { loops[self]->stop(); });
        loops[self]->run();
      }
      port->leave(self);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t accounted_for = 0;
  for (std::size_t i = 0; i < kThreads; ++i) {
    const Counts counts = port->counts(i);
    EXPECT_EQ(recorders[i].arrived.size(), counts.forwarded);
    EXPECT_GT(counts.forwarded, 0u);
    accounted_for += counts.forwarded + counts.dropped;
  }
  EXPECT_EQ(accounted_for, kThreads * kDatagrams);
}

}  // namespace
}  // namespace echostream::internal
