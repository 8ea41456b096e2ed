// Whole nodes that are flooded by strangers while honest clients want in.
#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "runtime/sim/random.h"
#include "tests/support/lab.h"
#include "tests/support/raw_initial.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using transport::ConnectionId;

constexpr Duration kDelay = 20ms;  // one way

// Sends Initials from many ports, as many clients would, and counts what comes back.
class Flood final : private UdpHandler {
 public:
  Flood(Loop& loop, std::uint64_t seed, std::size_t ports) : random_(seed, 99) {
    for (std::size_t i = 0; i < ports; ++i) {
      UdpOptions options;
      options.bind_to = SocketAddress::parse("10.9.0.1:0").value();
      sockets_.push_back(loop.open_udp(options, *this).value());
    }
  }
  // The beginning of a ClientHello, which a server has to wait for the rest of.
  void send_one() {
    RawInitial initial;
    initial.destination_id = random_id(16);
    initial.source_id = random_id(8);
    initial.frames = crypto_frame(0, as_bytes(std::string_view("\x01\x00\x01\xff", 4)));
    const auto packet = initial.seal();
    OutgoingDatagrams out;
    out.remote = SocketAddress::parse("10.0.0.1:4433").value();
    out.data = packet;
    out.segment_size = packet.size();
    (void)sockets_[next_++ % sockets_.size()]->send(out);
    sent_bytes += packet.size();
    ++sent;
  }

  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;

 private:
  void handle_datagram(const ReceivedDatagram& datagram) override {
    received_bytes += datagram.data.size();
  }
  void handle_batch_end() override {}
  void handle_writable() override {}
  ConnectionId random_id(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_.next());
    return ConnectionId(bytes);
  }
  Random random_;
  std::vector<std::unique_ptr<UdpSocket>> sockets_;
  std::size_t next_ = 0;
};

class Flooded {
 public:
  explicit Flooded(std::uint64_t seed, const std::function<void(NodeOptions&)>& tune = {})
      : sim_(seed), identity_(make_identity()) {
    NodeOptions options;
    options.identity = identity_;
    if (tune) tune(options);
    server_ = std::make_unique<Node>(server_loop_, std::move(options));
    EXPECT_TRUE(server_->listen("10.0.0.1:4433"));
    flood.emplace(sim_.add_node("attacker", SocketAddress::parse("10.9.0.1:0").value()), seed, 500);
    LinkOptions link;
    link.delay = kDelay;
    sim_.set_link("attacker", "server", link);
  }
  // How long a client takes to get in, a new one or the last one once more.
  std::optional<Duration> time_to_get_in(bool again = false) {
    if (!again) add_client();
    Node& client = *clients_.back();
    const Duration start = sim_.elapsed();
    auto session = sim_.run(client.loop(), client.connect("10.0.0.1:4433"), 30s);
    if (!session || !*session) return std::nullopt;
    return sim_.elapsed() - start;
  }
  void add_client() {
    const auto number = static_cast<std::uint8_t>(10 + clients_.size());
    const std::string name = "client" + std::to_string(number);
    Loop& loop = sim_.add_node(name, SocketAddress::ipv4({10, 0, 1, number}, 0));
    LinkOptions link;
    link.delay = kDelay;
    sim_.set_link(name, "server", link);
    NodeOptions options;
    options.trust = Trust::pinned({identity_.fingerprint()});
    options.synchronise_clocks = false;
    clients_.push_back(std::make_unique<Node>(loop, std::move(options)));
  }
  void flood_for(Duration duration, Duration interval) {
    for (Duration passed{}; passed < duration; passed += interval) {
      flood->send_one();
      sim_.run_for(interval);
    }
  }
  Simulation& sim() { return sim_; }
  std::size_t sessions() const { return server_->sessions().size(); }

 private:
  static Identity make_identity() {
    return Identity::self_signed("server", WallTime(std::chrono::hours(24 * 365 * 54))).value();
  }
  Simulation sim_;
  Identity identity_;
  Loop& server_loop_ = sim_.add_node("server", SocketAddress::parse("10.0.0.1:0").value());
  std::unique_ptr<Node> server_;
  std::deque<std::unique_ptr<Node>> clients_;

 public:
  std::optional<Flood> flood;
};

// Beyond 256 half-open connections everybody has to prove an address first: an honest client pays
// one round trip more, and the server keeps nothing of the flood beyond those.
TEST(Flood, T03_AnHonestClientGetsInThroughAFloodOfInitialsWithOneMoreRoundTrip) {
  for_each_seed(3, [](std::uint64_t seed) {
    Flooded world(seed);
    const auto quiet = world.time_to_get_in();
    ASSERT_TRUE(quiet);
    EXPECT_LE(*quiet, 2 * kDelay + 5ms);
    // More than the handshake timeout, so that what the flood left behind has come and gone.
    for (int round = 0; round < 6; ++round) {
      world.flood_for(2s, 1ms);
      const auto flooded = world.time_to_get_in();
      ASSERT_TRUE(flooded) << "round " << round;
      EXPECT_LE(*flooded, 4 * kDelay + 5ms) << "round " << round;
    }
    world.sim().run_for(1s);
    EXPECT_EQ(world.sessions(), 7u);
    EXPECT_EQ(world.flood->sent, 12'000u);
    // T04: what strangers get, all in all.
    EXPECT_LE(world.flood->received_bytes, 3 * world.flood->sent_bytes);
    // Once it is over nobody has to prove anything any more.
    world.sim().run_for(15s);
    const auto after = world.time_to_get_in();
    ASSERT_TRUE(after);
    EXPECT_LE(*after, 2 * kDelay + 5ms);
  });
}

// 12 s, so that every probe timeout of the handshakes that the flood began has been.
TEST(Flood, T04_AStrangerGetsAtMostThreeTimesWhatItSent) {
  for_each_seed(5, [](std::uint64_t seed) {
    Flooded world(seed);
    for (int i = 0; i < 100; ++i) world.flood->send_one();
    world.sim().run_for(12s);
    EXPECT_LE(static_cast<double>(world.flood->received_bytes),
              3.0 * static_cast<double>(world.flood->sent_bytes));
    EXPECT_EQ(world.sessions(), 0u);
  });
}

// ---- What NodeOptions says of it.

TEST(Admission, AlwaysValidatedAddressesCostTheFirstVisitARoundTrip) {
  Flooded world(
      1, [](NodeOptions& options) { options.address_validation = AddressValidation::kAlways; });
  const auto first = world.time_to_get_in();
  ASSERT_TRUE(first);
  EXPECT_GE(*first, 4 * kDelay);
  world.sim().run_for(1s);
  // With the token from then.
  const auto second = world.time_to_get_in(true);
  ASSERT_TRUE(second);
  EXPECT_LE(*second, 2 * kDelay + 5ms);
}

TEST(Admission, OneAddressGetsSoManySessions) {
  Flooded world(1, [](NodeOptions& options) { options.max_sessions_per_address = 2; });
  EXPECT_TRUE(world.time_to_get_in());
  EXPECT_TRUE(world.time_to_get_in(true));
  EXPECT_FALSE(world.time_to_get_in(true));
  EXPECT_TRUE(world.time_to_get_in());
  world.sim().run_for(1s);
  EXPECT_EQ(world.sessions(), 3u);
}

}  // namespace
}  // namespace echostream::testing
