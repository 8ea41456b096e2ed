// Devices on a simulated network, one of which waits to be paired.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/pairing/pairing.h"
#include "echostream/testing/sim.h"

#include "discovery/pairing/pairing_node.h"

namespace echostream::pairing {

using namespace std::chrono_literals;
using echostream::testing::Simulation;

inline constexpr char kHostAddress[] = "10.0.0.1:5000";

struct Device {
  Device(Simulation& sim, std::string name_in, std::uint8_t number)
      : name(std::move(name_in)),
        loop(sim.add_node(name, SocketAddress::ipv4({10, 0, 0, number}, 0))),
        identity(Identity::self_signed(name, loop.wall_time()).value()) {}

  PairingOptions options() {
    PairingOptions options;
    options.name = name;
    options.identity = identity;
    options.peers = peers;
    options.log = [this](LogLevel level, std::string_view text) {
      if (level >= LogLevel::kWarning) warnings.emplace_back(text);
    };
    return options;
  }
  bool knows(const Device& other) const {
    const auto peer = peers->find(other.name);
    return peer && peer->fingerprint == other.identity.fingerprint() &&
           peer->origin == KnownPeer::Origin::kPaired;
  }

  std::string name;
  Loop& loop;
  Identity identity;
  std::shared_ptr<KnownPeers> peers = make_memory_known_peers();
  std::vector<std::string> warnings;
};

// pair() on its way.
struct Running {
  Running(Device& guest, std::string code) : group(guest.loop) {
    group.spawn(
        internal::store(pair(guest.loop, kHostAddress, std::move(code), guest.options()), result));
  }
  std::optional<Result<KnownPeer>> result;
  TaskGroup group;
};

class Pairing : public ::testing::Test {
 protected:
  PairingHost::Options host_options() {
    PairingHost::Options options;
    options.pairing = camera_.options();
    options.listen_on = kHostAddress;
    options.show_code = [this](const std::string& code) { shown_.push_back(code); };
    return options;
  }
  void start() { start(host_options()); }
  void start(PairingHost::Options options, bool waits = true) {
    outcome_.reset();
    auto started = PairingHost::start(camera_.loop, std::move(options));
    ASSERT_TRUE(started) << started.status();
    host_ = *std::move(started);
    waiting_ = std::make_unique<TaskGroup>(camera_.loop);
    if (waits) waiting_->spawn(internal::store(host_->wait_paired(), outcome_));
  }
  void stop() {
    waiting_.reset();
    host_.reset();
  }
  std::string code() const { return shown_.back(); }
  std::string wrong_code() const {
    std::string code = shown_.back();
    code[0] = code[0] == '9' ? '0' : static_cast<char>(code[0] + 1);
    return code;
  }
  Result<KnownPeer> pair(Device& guest, std::string code, std::string address = kHostAddress) {
    auto result =
        sim_.run(guest.loop, pairing::pair(guest.loop, address, code, guest.options()), 60s);
    return result ? *std::move(result) : Status(StatusCode::kInternal, "pair() does not end");
  }
  Result<KnownPeer> outcome(Duration limit = 10s) {
    sim_.run_until([this] { return outcome_.has_value(); }, limit);
    return outcome_ ? *outcome_ : Status(StatusCode::kInternal, "the host still waits");
  }

  Simulation sim_{1};
  Device camera_{sim_, "camera", 1};
  Device tablet_{sim_, "tablet", 2};
  std::vector<std::string> shown_;
  std::unique_ptr<PairingHost> host_;
  std::unique_ptr<TaskGroup> waiting_;
  std::optional<Result<KnownPeer>> outcome_;
};

}  // namespace echostream::pairing
