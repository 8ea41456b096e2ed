// Early data against the network and against somebody who records and replays it. The numbers in
// the names are rows of the fault matrix.
#include <gmock/gmock.h>

#include "tests/support/lab.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using lab::v1::Text;
using namespace std::chrono_literals;

// A man in the middle: passes datagrams on, keeps copies of what goes to the server, and sends them
// again from addresses of its own.
class Recorder {
 public:
  Recorder(Loop& loop, SocketAddress listen_at, SocketAddress server)
      : loop_(loop), server_(server), inner_(*this, true), outer_(*this, false) {
    inner_.open(listen_at);
    outer_.open(SocketAddress::ipv4({10, 0, 0, 3}, 0));
  }

  void forget() { recorded.clear(); }
  /// As it came, from a new port.
  void replay() {
    others_.push_back(std::make_unique<End>(*this, false));
    others_.back()->open(SocketAddress::ipv4({10, 0, 0, 3}, 0));
    for (const auto& bytes : recorded) others_.back()->send(server_, bytes);
  }

  std::vector<std::vector<std::uint8_t>> recorded;
  /// Loses what goes to the client.
  bool is_deaf = false;

 private:
  struct End final : UdpHandler {
    End(Recorder& owner, bool to_client) : recorder(owner), faces_client(to_client) {}
    void open(const SocketAddress& at) {
      UdpOptions options;
      options.bind_to = at;
      socket = recorder.loop_.open_udp(options, *this).value();
    }
    void send(const SocketAddress& to, BytesView bytes) {
      OutgoingDatagrams out;
      out.remote = to;
      out.data = bytes;
      out.segment_size = bytes.size();
      (void)socket->send(out);
    }
    void handle_datagram(const ReceivedDatagram& datagram) override {
      recorder.pass(*this, datagram);
    }
    void handle_batch_end() override {}
    void handle_writable() override {}

    Recorder& recorder;
    bool faces_client;
    std::unique_ptr<UdpSocket> socket;
  };

  void pass(End& from, const ReceivedDatagram& datagram) {
    if (from.faces_client) {
      client_ = datagram.remote;
      recorded.emplace_back(datagram.data.begin(), datagram.data.end());
      outer_.send(server_, datagram.data);
    } else if (&from == &outer_ && !is_deaf) {
      inner_.send(client_, datagram.data);
    }
  }

  Loop& loop_;
  SocketAddress server_;
  SocketAddress client_;
  End inner_;
  End outer_;
  std::vector<std::unique_ptr<End>> others_;
};

class EarlyDataSim {
 public:
  explicit EarlyDataSim(std::uint64_t seed, const LinkOptions& link = plain())
      : lab_(options(seed)), relay_loop_(lab_.sim.add_node("relay", relay_address(0))) {
    EXPECT_TRUE(lab_.server_node->listen("10.0.0.1:4433"));
    lab_.sim.set_link("client", "relay", link);
    recorder_ = std::make_unique<Recorder>(relay_loop_, relay_address(4433),
                                           SocketAddress::ipv4({10, 0, 0, 1}, 4433));
  }
  static LinkOptions plain() {
    LinkOptions link;
    link.delay = 10ms;
    return link;
  }
  void meet() {
    dial(false);
    lab_.run_for(1s);
    lab_.at_client->close();
    lab_.run_for(2s);
    lab_.at_client.reset();
    recorder_->forget();
  }
  void dial(bool early_data) {
    ConnectOptions options;
    options.early_data = early_data;
    auto session = lab_.run(lab_.client_node->connect("10.0.0.3:4433", options));
    ASSERT_TRUE(session && *session) << session->status();
    lab_.at_client = **session;
  }
  int executed() const { return lab_.server_handler->calls; }

  Lab lab_;
  std::unique_ptr<Recorder> recorder_;

 private:
  static SocketAddress relay_address(std::uint16_t port) {
    return SocketAddress::ipv4({10, 0, 0, 3}, port);
  }
  static Lab::Options options(std::uint64_t seed) {
    Lab::Options chosen;
    chosen.seed = seed;
    return chosen;
  }
  Loop& relay_loop_;
};

TEST(EarlyDataSim, C04_ReplayedDatagramsAreExecutedOnce) {
  EarlyDataSim world(1);
  world.meet();
  world.dial(true);
  ASSERT_FALSE(world.lab_.at_client->is_open());
  ASSERT_TRUE(*world.lab_.run(world.lab_.client().Echo(text("pay once"))));
  EXPECT_TRUE(world.lab_.server_handler->was_early);
  EXPECT_EQ(world.executed(), 1);
  // While the session lives, after it is gone, and long after.
  world.recorder_->replay();
  world.lab_.run_for(15s);
  EXPECT_EQ(world.executed(), 1);
  world.lab_.at_client->close();
  for (const Duration pause : {5s, 30s, 60s, 90s, 200s}) {
    world.lab_.run_for(pause);
    world.recorder_->replay();
    world.lab_.run_for(15s);
    EXPECT_EQ(world.executed(), 1);
  }
}

TEST(EarlyDataSim, C04_AReplayThatComesFirstTakesTheTicketAndNothingElse) {
  EarlyDataSim world(1);
  world.meet();
  // The server's answers never reach the client, which gives up; so the attacker has the only copy.
  world.recorder_->is_deaf = true;
  world.dial(true);
  std::optional<Result<Text>> reply;
  TaskGroup group(world.lab_.client_loop());
  group.spawn(internal::store(world.lab_.client().Echo(text("pay once")), reply));
  ASSERT_TRUE(world.lab_.sim.run_until([&] { return reply.has_value(); }, 60s));
  EXPECT_FALSE(*reply);
  EXPECT_EQ(world.executed(), 1);
  world.lab_.run_for(15s);
  world.recorder_->replay();
  world.lab_.run_for(60s);
  EXPECT_EQ(world.executed(), 1);
}

// Calls that must not run twice never go out early, so that a copy has nothing of them.
TEST(EarlyDataSim, C04_ACopyOfACallThatIsNotIdempotentIsNoCall) {
  EarlyDataSim world(1);
  world.meet();
  world.dial(true);
  Text request;
  ASSERT_TRUE(*world.lab_.run(world.lab_.client().Delay(request)));
  EXPECT_EQ(world.executed(), 1);
  EXPECT_FALSE(world.lab_.server_handler->was_early);
  world.lab_.at_client->close();
  world.lab_.run_for(15s);
  world.recorder_->replay();
  world.lab_.run_for(15s);
  EXPECT_EQ(world.executed(), 1);
}

TEST(EarlyDataSim, EveryCallEndsOnceOnALossyLink) {
  for_each_seed(20, [](std::uint64_t seed) {
    LinkOptions link = EarlyDataSim::plain();
    EarlyDataSim world(seed, link);
    world.meet();
    link.loss = 0.2;
    link.jitter = 15ms;
    link.duplicate = 0.05;
    world.lab_.sim.set_link("client", "relay", link);
    world.dial(true);
    constexpr std::size_t kCalls = 20;
    std::vector<std::optional<Result<Text>>> replies(kCalls);
    TaskGroup group(world.lab_.client_loop());
    for (std::size_t i = 0; i < kCalls; ++i) {
      Text request;
      request.set_payload(std::string(500, 'x'));
      auto call =
          i % 4 == 3 ? world.lab_.client().Delay(request) : world.lab_.client().Echo(request);
      group.spawn(internal::store(std::move(call), replies[i]));
    }
    ASSERT_TRUE(world.lab_.sim.run_until(
        [&] {
          return std::all_of(replies.begin(), replies.end(), [](const auto& r) { return r; });
        },
        60s));
    for (const auto& reply : replies) EXPECT_TRUE(*reply) << reply->status();
    EXPECT_EQ(world.executed(), static_cast<int>(kCalls));
    EXPECT_EQ(world.lab_.at_client->early_data_accepted(), true);
  });
}

}  // namespace
}  // namespace echostream::testing
