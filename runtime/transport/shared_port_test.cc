// Several endpoints behind one port, as threads that share it with SO_REUSEPORT are: whoever gets a
// datagram, the right one handles it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/support/quic_pair.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

const SocketAddress kPort = SocketAddress::ipv4({192, 0, 2, 1}, 4433);
const SocketAddress kClient = SocketAddress::ipv4({198, 51, 100, 7}, 50000);

class SharedPort {
 public:
  explicit SharedPort(std::size_t size, std::uint64_t seed = 1, QuicWorld::Options options = {})
      : world(seed), client(world.add_client(kClient, {})), options_(std::move(options)) {
    for (std::size_t i = 0; i < size; ++i) {
      members.push_back(&world.add_server(kPort, options_of(i, size)));
      members[i]->when_misdelivered = [this](LocalTime now, std::size_t owner,
                                             const IncomingDatagram& datagram) {
        ++forwarded;
        if (forwards) members[owner]->endpoint->handle_datagram(now, datagram);
      };
    }
    world.deliver_to = [this](const Datagram& datagram) {
      return datagram.to == kPort ? members[choose()] : nullptr;
    };
  }

  QuicWorld::Options options_of(std::size_t index, std::size_t size) const {
    QuicWorld::Options made = options_;
    made.group.emplace();
    made.group->secret.fill(42);
    made.group->size = size;
    made.group->index = index;
    return made;
  }

  bool connect(RecordingSink& sink) {
    const std::size_t before = accepted();
    world.dial(client, *members[0], sink);
    const auto done = [&] {
      return (sink.is_connected() && accepted() > before) || sink.is_closed();
    };
    return world.run_until(done, 10s) && !sink.is_closed();
  }
  // Sends `size` bytes and waits until they have come back as a whole at the other end.
  bool transfer(RecordingSink& sink, std::size_t size) {
    const auto id = sink.connection->open_bidirectional();
    sink.connection->write(*id, Buffer::copy(pattern(size, 1)), true);
    return world.run_until(
        [&] {
          return std::any_of(members.begin(), members.end(), [&](QuicHost* member) {
            return std::any_of(
                member->accepted.begin(), member->accepted.end(),
                [&](auto& accepted) { return accepted->stream(*id).received == pattern(size, 1); });
          });
        },
        60s);
  }
  transport::EndpointStats stats(std::size_t member) const {
    return members[member]->endpoint->stats();
  }
  std::uint64_t resets() const {
    std::uint64_t sum = 0;
    for (QuicHost* member : members) sum += member->endpoint->stats().stateless_resets_sent;
    return sum;
  }
  std::size_t accepted() const {
    std::size_t sum = 0;
    for (QuicHost* member : members) sum += member->accepted.size();
    return sum;
  }

  /// What the system does with a datagram.
  std::function<std::size_t()> choose = [] { return std::size_t{0}; };
  bool forwards = true;
  std::uint64_t forwarded = 0;
  QuicWorld world;
  std::vector<QuicHost*> members;
  QuicHost& client;

 private:
  QuicWorld::Options options_;
};

TEST(SharedPort, AConnectionGoesOnWhereverItsDatagramsLand) {
  for_each_seed(20, [](std::uint64_t seed) {
    SharedPort port(4, seed);
    port.world.link.loss = 0.01;
    RecordingSink sink;
    ASSERT_TRUE(port.connect(sink));
    port.world.run_for(200ms);
    port.choose = [&] { return port.world.random.below(4); };
    EXPECT_TRUE(port.transfer(sink, 500'000)) << sink.close_message();
    EXPECT_EQ(port.accepted(), 1u);
    EXPECT_GT(port.forwarded, 100u);
    EXPECT_EQ(port.resets(), 0u);
  });
}

TEST(SharedPort, ARebindingInTheMiddleOfTheHandshakeIsFollowed) {
  SharedPort port(2);
  std::size_t to_port = 0;
  // The client's second flight goes to the id that the server gave it.
  port.choose = [&] { return to_port++ == 0 ? std::size_t{0} : std::size_t{1}; };
  RecordingSink sink;
  EXPECT_TRUE(port.connect(sink)) << sink.close_message();
  EXPECT_TRUE(port.transfer(sink, 100'000));
  EXPECT_EQ(port.members[0]->accepted.size(), 1u);
  EXPECT_EQ(port.members[1]->accepted.size(), 0u);
}

TEST(SharedPort, ARetryIsCompletedWhereverTheClientComesBack) {
  QuicWorld::Options options;
  options.retry_above_half_open = 0;
  SharedPort port(2, 1, options);
  std::size_t to_port = 0;
  port.choose = [&] { return to_port++ == 0 ? std::size_t{0} : std::size_t{1}; };
  RecordingSink sink;
  EXPECT_TRUE(port.connect(sink)) << sink.close_message();
  EXPECT_EQ(port.stats(0).retries_sent + port.stats(1).retries_sent, 1u);
}

TEST(SharedPort, ATokenOfOneMemberIsBelievedByAnother) {
  QuicWorld::Options options;
  options.retry_above_half_open = 0;
  SharedPort port(2, 1, options);
  RecordingSink first;
  ASSERT_TRUE(port.connect(first));
  port.world.run_for(100ms);  // NEW_TOKEN comes
  first.connection->close(0, "bye");
  port.world.run_for(2s);
  ASSERT_EQ(port.stats(0).retries_sent, 1u);
  // The client returns with that token, and the system gives it to the other member.
  port.choose = [] { return std::size_t{1}; };
  RecordingSink second;
  ASSERT_TRUE(port.connect(second)) << second.close_message();
  EXPECT_EQ(port.members[1]->accepted.size(), 1u);
  EXPECT_EQ(port.stats(1).retries_sent, 0u);
}

// What is forwarded may be lost on its way, as any datagram; a reset in its place would end a
// connection that lives.
TEST(SharedPort, NoMemberResetsAConnectionOfAnother) {
  SharedPort port(2);
  RecordingSink sink;
  ASSERT_TRUE(port.connect(sink));
  port.world.run_for(200ms);
  port.choose = [] { return std::size_t{1}; };
  port.forwards = false;
  const auto id = sink.connection->open_bidirectional();
  sink.connection->write(*id, Buffer::copy("hello"), true);
  port.world.run_for(5s);
  EXPECT_GT(port.forwarded, 0u);
  EXPECT_EQ(port.resets(), 0u);
  EXPECT_FALSE(sink.is_closed());
  port.forwards = true;
  EXPECT_TRUE(port.transfer(sink, 10'000)) << sink.close_message();
}

TEST(SharedPort, AMemberThatForgotAConnectionResetsItWhereverItsDatagramsLand) {
  SharedPort port(2);
  RecordingSink sink;
  ASSERT_TRUE(port.connect(sink));
  port.world.run_for(200ms);
  port.world.replace(*port.members[0], port.options_of(0, 2));
  port.choose = [] { return std::size_t{1}; };
  const auto id = sink.connection->open_bidirectional();
  // Enough for an answer that is smaller than what it answers.
  sink.connection->write(*id, Buffer::copy(pattern(1000, 1)), true);
  EXPECT_TRUE(port.world.run_until([&] { return sink.is_closed(); }, 1s))
      << "the client waits for somebody who is gone";
  EXPECT_GE(port.stats(0).stateless_resets_sent, 1u);
  EXPECT_EQ(port.stats(1).stateless_resets_sent, 0u);
}

TEST(SharedPort, GarbageIsForwardedAtMostOnceAndAnsweredAtMostOnce) {
  QuicWorld::Options options;
  options.max_stateless_answers_per_second = 1'000'000;
  SharedPort port(256, 1, options);
  constexpr std::uint64_t kDatagrams = 2000;
  for (std::uint64_t i = 0; i < kDatagrams; ++i) {
    std::vector<std::uint8_t> bytes(100);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(port.world.random.next());
    bytes[0] = 0x40 | (bytes[0] & 0x3f);  // a short header
    const std::uint64_t before = port.forwarded;
    port.world.deliver(*port.members[port.world.random.below(256)], kClient, bytes);
    EXPECT_LE(port.forwarded, before + 1);
    for (QuicHost* member : port.members) port.world.flush(*member);
  }
  // Every number is a member's, so nearly all came to a wrong one.
  EXPECT_GT(port.forwarded, kDatagrams * 9 / 10);
  EXPECT_EQ(port.resets(), kDatagrams);
}

TEST(SharedPort, ClientsAreAcceptedWhereTheyArrive) {
  for_each_seed(20, [](std::uint64_t seed) {
    SharedPort port(3, seed);
    std::vector<std::unique_ptr<RecordingSink>> sinks;
    std::array<std::size_t, 3> wanted{};
    for (int i = 0; i < 12; ++i) {
      const std::size_t member = port.world.random.below(3);
      ++wanted[member];
      port.choose = [member] { return member; };
      sinks.push_back(std::make_unique<RecordingSink>());
      ASSERT_TRUE(port.connect(*sinks.back()));
    }
    EXPECT_EQ(port.accepted(), 12u);
    // Two of 256 first ids look like those of another member.
    std::size_t elsewhere = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t got = port.members[i]->accepted.size();
      elsewhere += got > wanted[i] ? got - wanted[i] : 0;
    }
    EXPECT_LE(elsewhere, 3u);
  });
}

}  // namespace
}  // namespace echostream::testing
