#include "runtime/sim/sim_tcp.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "echostream/testing/sim.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

struct RecordingTcp final : TcpHandler {
  void handle_bytes(BytesView bytes) override { text += as_text(bytes); }
  void handle_end() override { has_ended = true; }
  void handle_writable() override { ++writable; }
  void handle_failed(const Status& why) override { failure = why; }

  std::string text;
  bool has_ended = false;
  int writable = 0;
  Status failure;
};

struct TcpWorld {
  TcpWorld() {
    LinkOptions link;
    link.delay = 10ms;
    sim.set_link("a", "b", link);
    TcpOptions options;
    options.bind_to = SocketAddress::ipv4({10, 0, 0, 2}, 443);
    auto listening = b.listen_tcp(options, [this](std::unique_ptr<TcpConnection> accepted) {
      server = std::move(accepted);
      server->start(at_server);
    });
    EXPECT_TRUE(listening) << listening.status();
    listener = *std::move(listening);
    client = a.connect_tcp(SocketAddress::ipv4({10, 0, 0, 2}, 443));
    client->start(at_client);
  }

  Simulation sim{1};
  SimLoop& a = dynamic_cast<SimLoop&>(sim.add_node("a", SocketAddress::ipv4({10, 0, 0, 1}, 0)));
  SimLoop& b = dynamic_cast<SimLoop&>(sim.add_node("b", SocketAddress::ipv4({10, 0, 0, 2}, 0)));
  RecordingTcp at_client;
  RecordingTcp at_server;
  std::unique_ptr<TcpListener> listener;
  std::unique_ptr<TcpConnection> server;
  std::unique_ptr<SimTcpConnection> client;
};

TEST(SimTcp, CarriesBytesWithTheDelayOfTheLink) {
  TcpWorld world;
  EXPECT_EQ(world.client->write(as_bytes(std::string_view("hello"))), 5u);
  world.sim.run_for(9ms);
  EXPECT_EQ(world.at_server.text, "");
  world.sim.run_for(1ms);
  EXPECT_EQ(world.at_server.text, "hello");
  (void)world.server->write(as_bytes(std::string_view("back")));
  world.server->end_writing();
  world.sim.run_for(10ms);
  EXPECT_EQ(world.at_client.text, "back");
  EXPECT_TRUE(world.at_client.has_ended);
  EXPECT_EQ(world.server->remote_address(), world.client->local_address());
}

TEST(SimTcp, HoldsBackWhoIsNotRead) {
  TcpWorld world;
  world.server->set_reading(false);
  const std::string much(1'000'000, 'x');
  const std::size_t taken = world.client->write(as_bytes(much));
  EXPECT_LT(taken, much.size());
  EXPECT_EQ(world.client->write(as_bytes(much)), 0u);
  world.sim.run_for(1s);
  EXPECT_EQ(world.at_server.text, "");
  world.server->set_reading(true);
  world.sim.run_for(1s);
  EXPECT_EQ(world.at_server.text.size(), taken);
  EXPECT_EQ(world.at_client.writable, 1);
}

TEST(SimTcp, TellsAnEndFromALoss) {
  TcpWorld ended;
  ended.client.reset();
  ended.sim.run_for(1s);
  EXPECT_TRUE(ended.at_server.has_ended);
  TcpWorld lost;
  lost.client->reset();
  lost.sim.run_for(1s);
  EXPECT_FALSE(lost.at_server.has_ended);
  EXPECT_FALSE(lost.at_server.failure.is_ok());
}

TEST(SimTcp, WaitsBehindACutLink) {
  TcpWorld world;
  LinkOptions cut;
  cut.cut = true;
  world.sim.set_link("a", "b", cut);
  (void)world.client->write(as_bytes(std::string_view("late")));
  world.sim.run_for(10s);
  EXPECT_EQ(world.at_server.text, "");
  world.sim.set_link("a", "b", {});
  world.sim.run_for(1s);
  EXPECT_EQ(world.at_server.text, "late");
}

TEST(SimTcp, APortIsOnesAlone) {
  TcpWorld world;
  TcpOptions options;
  options.bind_to = SocketAddress::ipv4({10, 0, 0, 2}, 443);
  const auto second = world.b.listen_tcp(options, [](std::unique_ptr<TcpConnection>) {});
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  world.listener.reset();
  EXPECT_EQ(world.a.connect_tcp(options.bind_to), nullptr);
  EXPECT_TRUE(world.b.listen_tcp(options, [](std::unique_ptr<TcpConnection>) {}));
}

}  // namespace
}  // namespace echostream::testing
