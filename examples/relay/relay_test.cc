#include "relay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "echostream/testing/sim.h"

namespace relay {
namespace {

using echostream::BytesView;
using echostream::Duration;
using echostream::Ecn;
using echostream::LocalTime;
using echostream::Loop;
using echostream::OutgoingDatagrams;
using echostream::ReceivedDatagram;
using echostream::SocketAddress;
using echostream::UdpOptions;
using echostream::UdpSocket;
using echostream::testing::Simulation;
using namespace std::chrono_literals;

SocketAddress host(std::uint8_t last, std::uint16_t port) {
  return SocketAddress::ipv4({10, 0, 0, last}, port);
}

// A UDP port that keeps what it receives and, as the target, sends it back.
class Port final : public echostream::UdpHandler {
 public:
  Port(Loop& loop, const SocketAddress& address, bool echoes) : loop_(loop), echoes_(echoes) {
    UdpOptions options;
    options.bind_to = address;
    auto opened = loop.open_udp(options, *this);
    EXPECT_TRUE(opened) << opened.status();
    socket_ = *std::move(opened);
  }

  void send(const SocketAddress& to, const std::string& text, Ecn ecn = Ecn::kNotEct) {
    OutgoingDatagrams datagram;
    datagram.remote = to;
    datagram.ecn = ecn;
    datagram.data = echostream::as_bytes(text);
    datagram.segment_size = text.size();
    EXPECT_EQ(socket_->send(datagram), UdpSocket::SendResult::kSent);
  }

  void handle_datagram(const ReceivedDatagram& datagram) override {
    const std::string text(echostream::as_text(datagram.data));
    received.push_back(text);
    received_at.push_back(loop_.now());
    remotes.push_back(datagram.remote);
    marks.push_back(datagram.ecn);
    if (echoes_) send(datagram.remote, text, datagram.ecn);
  }
  void handle_batch_end() override {}
  void handle_writable() override {}

  std::vector<std::string> received;
  std::vector<LocalTime> received_at;
  std::vector<SocketAddress> remotes;
  std::vector<Ecn> marks;

 private:
  Loop& loop_;
  bool echoes_;
  std::unique_ptr<UdpSocket> socket_;
};

class RelayTest : public ::testing::Test {
 protected:
  void open(const LinkOptions& link, std::uint64_t seed = 1) {
    RelayOptions options;
    options.listen = host(2, 7000);
    options.target = host(3, 8000);
    options.link = link;
    options.seed = seed;
    auto opened = Relay::open(middle_, options);
    ASSERT_TRUE(opened) << opened.status();
    relay_ = *std::move(opened);
  }
  void send_many(int count, Duration pause) {
    for (int i = 0; i < count; ++i) {
      client_.send(relay_->address(), std::to_string(i));
      sim_.run_for(pause);
    }
    sim_.run_for(2s);
  }

  Simulation sim_{1};
  Loop& outside_ = sim_.add_node("client", host(1, 0));
  Loop& middle_ = sim_.add_node("relay", host(2, 0));
  Loop& inside_ = sim_.add_node("target", host(3, 0));
  Port client_{outside_, host(1, 1000), false};
  Port target_{inside_, host(3, 8000), true};
  std::unique_ptr<Relay> relay_;
};

TEST_F(RelayTest, DelaysEachWayByWhatWasAsked) {
  LinkOptions link;
  link.delay = 30ms;
  open(link);
  const LocalTime sent_at = outside_.now();
  client_.send(relay_->address(), "hello", Ecn::kEct0);
  sim_.run_for(1s);
  ASSERT_EQ(target_.received, std::vector<std::string>{"hello"});
  ASSERT_EQ(client_.received, std::vector<std::string>{"hello"});
  EXPECT_EQ(client_.received_at[0] - sent_at, 60ms);
  EXPECT_EQ(client_.remotes[0], relay_->address());
  EXPECT_EQ(client_.marks[0], Ecn::kEct0);
}

TEST_F(RelayTest, GivesEachClientItsOwnAnswers) {
  open({});
  Port second(outside_, host(1, 1001), false);
  client_.send(relay_->address(), "first");
  second.send(relay_->address(), "second");
  sim_.run_for(1s);
  EXPECT_EQ(client_.received, std::vector<std::string>{"first"});
  EXPECT_EQ(second.received, std::vector<std::string>{"second"});
  ASSERT_EQ(target_.remotes.size(), 2u);
  EXPECT_NE(target_.remotes[0], target_.remotes[1]);
  EXPECT_EQ(relay_->client_count(), 2u);
}

TEST_F(RelayTest, OnlyTheTargetMayAnswer) {
  open({});
  client_.send(relay_->address(), "hello");
  sim_.run_for(1s);
  ASSERT_EQ(target_.remotes.size(), 1u);
  Port stranger(inside_, host(3, 9000), false);
  stranger.send(target_.remotes[0], "forged");
  sim_.run_for(1s);
  EXPECT_EQ(client_.received, std::vector<std::string>{"hello"});
}

TEST_F(RelayTest, LosesAboutTheShareThatWasAsked) {
  LinkOptions link;
  link.loss = 0.1;
  open(link);
  send_many(2000, 1ms);
  EXPECT_NEAR(static_cast<double>(target_.received.size()), 1800, 60);
  EXPECT_NEAR(static_cast<double>(client_.received.size()),
              0.9 * static_cast<double>(target_.received.size()), 60);
  EXPECT_EQ(relay_->to_target().lost + relay_->to_target().forwarded, 2000u);
}

TEST_F(RelayTest, TheSameSeedLosesTheSameDatagrams) {
  LinkOptions link;
  link.loss = 0.2;
  std::vector<std::vector<std::string>> runs;
  for (const std::uint64_t seed : {5, 5, 6}) {
    relay_.reset();
    target_.received.clear();
    open(link, seed);
    send_many(200, 1ms);
    runs.push_back(target_.received);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST_F(RelayTest, LossDoesNotDependOnTheOtherOptions) {
  LinkOptions link;
  link.loss = 0.2;
  open(link, 5);
  send_many(200, 1ms);
  const auto plain = target_.received;
  relay_.reset();
  target_.received.clear();
  link.jitter = 20ms;
  link.reorder = 0.1;
  open(link, 5);
  send_many(200, 1ms);
  auto jittered = target_.received;
  EXPECT_NE(jittered, plain);
  const auto by_number = [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); };
  std::sort(jittered.begin(), jittered.end(), by_number);
  EXPECT_EQ(jittered, plain);
}

TEST_F(RelayTest, JitterStaysWithinItsBounds) {
  LinkOptions link;
  link.delay = 20ms;
  link.jitter = 10ms;
  open(link);
  std::vector<LocalTime> sent_at;
  for (int i = 0; i < 200; ++i) {
    sent_at.push_back(outside_.now());
    client_.send(relay_->address(), std::to_string(i));
    sim_.run_for(50ms);
  }
  ASSERT_EQ(target_.received_at.size(), 200u);
  Duration least = Duration::max();
  Duration most{};
  for (std::size_t i = 0; i < sent_at.size(); ++i) {
    const Duration delay = target_.received_at[i] - sent_at[i];
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, 20ms);
  EXPECT_LT(least, 21ms);
  EXPECT_LT(most, 30ms);
  EXPECT_GT(most, 29ms);
}

TEST_F(RelayTest, DuplicatesArriveTwice) {
  LinkOptions link;
  link.duplicate = 1;
  open(link);
  client_.send(relay_->address(), "twice");
  sim_.run_for(1s);
  EXPECT_EQ(target_.received, (std::vector<std::string>{"twice", "twice"}));
  EXPECT_EQ(client_.received.size(), 4u);
}

TEST_F(RelayTest, ReorderedDatagramsAreOvertaken) {
  LinkOptions link;
  link.reorder = 0.1;
  link.reorder_by = 15ms;
  open(link);
  send_many(200, 1ms);
  EXPECT_EQ(target_.received.size(), 200u);
  int overtaken = 0;
  int highest = -1;
  for (const std::string& text : target_.received) {
    if (std::stoi(text) < highest) ++overtaken;
    highest = std::max(highest, std::stoi(text));
  }
  EXPECT_GT(overtaken, 5);
  EXPECT_EQ(relay_->to_target().reordered, static_cast<std::uint64_t>(overtaken));
}

TEST_F(RelayTest, TheRateSpacesDatagramsAndAFullQueueLosesThem) {
  LinkOptions link;
  link.rate_bits_per_s = 80'000;  // 100 bytes in 10 ms
  link.queue_bytes = 500;
  open(link);
  for (int i = 0; i < 10; ++i) client_.send(relay_->address(), std::string(100, 'x'));
  sim_.run_for(1s);
  ASSERT_EQ(target_.received_at.size(), 5u);
  EXPECT_EQ(relay_->to_target().queue_full, 5u);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(target_.received_at[i] - target_.received_at[i - 1], 10ms);
  }
}

TEST_F(RelayTest, ANewClientTakesTheSilentOnesPlaceWhenThereIsNoRoom) {
  open({});
  std::vector<std::unique_ptr<Port>> ports;
  const auto add_port = [&] {
    const auto port = static_cast<std::uint16_t>(2000 + ports.size());
    ports.push_back(std::make_unique<Port>(outside_, host(1, port), false));
    ports.back()->send(relay_->address(), "hello");
    sim_.run_for(10ms);
  };
  for (int i = 0; i < 512; ++i) add_port();
  EXPECT_EQ(relay_->client_count(), 512u);
  add_port();
  EXPECT_TRUE(ports.back()->received.empty());
  EXPECT_EQ(relay_->refused(), 1u);

  sim_.run_for(31s);
  add_port();
  EXPECT_EQ(ports.back()->received.size(), 1u);
  EXPECT_EQ(relay_->client_count(), 512u);
}

}  // namespace
}  // namespace relay
