// The same service on virtual time, over a link with delay: a second of it passes in no time.
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include <echostream/node.h>
#include <echostream/testing/sim.h>

#include "greeter.echostream.h"

namespace {

using consumer::v1::Greeter;
using consumer::v1::Text;
using echostream::Task;

class Handler final : public Greeter::Handler {
 public:
  Task<echostream::Result<Text>> Greet(echostream::Call&, Text request) override {
    request.set_text("Hello, " + request.text());
    co_return request;
  }
  Task<echostream::Status> Notice(echostream::Call&, Text) override {
    co_return echostream::Status::ok();
  }
  Task<echostream::Status> Letters(echostream::Call&, Text, echostream::Writer<Text>) override {
    co_return echostream::Status::ok();
  }
};

Task<bool> talk(echostream::Node& node) {
  auto session = co_await node.connect("10.0.0.1:4433");
  if (!session) co_return false;
  Text request;
  request.set_text("simulation");
  auto reply = co_await session->client<Greeter>().Greet(request);
  co_return reply.has_value() && reply->text() == "Hello, simulation";
}

}  // namespace

int main() {
  using namespace std::chrono_literals;
  using echostream::SocketAddress;
  echostream::testing::Simulation simulation(7);
  auto& server_loop = simulation.add_node("server", SocketAddress::ipv4({10, 0, 0, 1}, 0));
  auto& client_loop = simulation.add_node("client", SocketAddress::ipv4({10, 0, 0, 2}, 0));
  echostream::testing::LinkOptions link;
  link.delay = 200ms;
  simulation.set_link("server", "client", link);

  auto identity = echostream::Identity::self_signed("server", server_loop.wall_time());
  if (!identity) return 1;
  echostream::NodeOptions serving;
  serving.identity = *identity;
  echostream::Node server(server_loop, std::move(serving));
  echostream::NodeOptions dialling;
  dialling.trust = echostream::Trust::pinned({identity->fingerprint()});
  echostream::Node client(client_loop, std::move(dialling));
  if (!server.serve(std::make_shared<Handler>()).is_ok()) return 1;
  if (!server.listen("10.0.0.1:4433")) return 1;

  const auto good = simulation.run(client_loop, talk(client), 30s);
  if (!good.value_or(false)) return 1;
  // The handshake and the call are a round trip of 400 ms each.
  if (simulation.elapsed() < 800ms) return 1;
  std::puts("consumer: the simulated call was answered");
  return 0;
}
