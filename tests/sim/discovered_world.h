// Cameras of one network, each with a certificate of its own, and a node that looks for them.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <memory>
#include <string>

#include "echostream/known_peers.h"

#include "tests/sim/scripted_resolver.h"
#include "tests/support/lab.h"

namespace echostream::testing {

class DiscoveredWorld : public ::testing::Test {
 protected:
  /// A node that listens.
  struct Camera {
    Identity identity;
    std::unique_ptr<Node> node;
    std::string address;
  };

  Loop& add_loop() {
    const auto number = static_cast<std::uint8_t>(++hosts_);
    return sim_.add_node("host" + std::to_string(number),
                         SocketAddress::ipv4({10, 0, 0, number}, 0));
  }
  /// At the next of 10.0.0.1, 10.0.0.2, ...
  Camera& add_camera(NodeOptions options = {}) {
    Loop& loop = add_loop();
    Identity identity = Identity::self_signed("camera.test", loop.wall_time()).value();
    options.identity = identity;
    cameras_.push_back({std::move(identity), std::make_unique<Node>(loop, std::move(options)),
                        "10.0.0." + std::to_string(hosts_) + ":4433"});
    Camera& camera = cameras_.back();
    EXPECT_TRUE(camera.node->serve(std::make_shared<LabHandler>()).is_ok());
    const auto bound = camera.node->listen(camera.address);
    EXPECT_TRUE(bound) << bound.status();
    return camera;
  }
  /// The node that dials, and its resolver.
  Node& add_viewer(Trust trust, NodeOptions options = {}) {
    Loop& loop = add_loop();
    options.trust = std::move(trust);
    options.log = [this](LogLevel, std::string_view line) { log_ += std::string(line) + '\n'; };
    viewers_.push_back(std::make_unique<Node>(loop, std::move(options)));
    resolver_ = std::make_shared<ScriptedResolver>(loop);
    EXPECT_TRUE(viewers_.back()->add_resolver(resolver_).is_ok());
    return *viewers_.back();
  }
  Result<Session> dial(Node& from, const std::string& target = "test+lan:camera") {
    auto dialled = sim_.run(from.loop(), from.connect(target), std::chrono::seconds(60));
    return dialled ? *dialled : Status(StatusCode::kInternal, "the dial did not end");
  }
  static std::string fingerprint_of(const Result<Session>& session) {
    if (!session) return session.status().to_string();
    return session->peer_fingerprint()->to_string();
  }

  int hosts_ = 0;
  Simulation sim_{1};
  std::string log_;
  std::deque<Camera> cameras_;
  std::shared_ptr<ScriptedResolver> resolver_;
  std::deque<std::unique_ptr<Node>> viewers_;
};

}  // namespace echostream::testing
