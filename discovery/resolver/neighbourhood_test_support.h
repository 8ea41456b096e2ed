// Machines on one simulated network, with whole nodes that find each other.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/mdns_resolver.h"
#include "echostream/discovery/sim_dns_sd.h"
#include "echostream/known_peers.h"
#include "echostream/node.h"
#include "echostream/node_stats.h"
#include "echostream/persistent_session.h"
#include "echostream/testing/sim.h"

#include "tests/support/lab.h"

namespace echostream::discovery::testing {

/// A machine that serves lab.v1.Lab and is announced, or one that dials.
struct Machine {
  Loop* loop = nullptr;
  std::string host;
  std::string address;
  std::shared_ptr<DnsSd> dns_sd;
  std::optional<Identity> identity;
  std::shared_ptr<echostream::testing::LabHandler> handler =
      std::make_shared<echostream::testing::LabHandler>();
  std::unique_ptr<Node> node;
  std::optional<Advertiser> advertiser;
  std::vector<std::string> log;
};

class Neighbourhood {
 public:
  explicit Neighbourhood(std::uint64_t seed = 1) : sim(seed) {}
  ~Neighbourhood() {
    for (Machine& machine : machines) stop(machine);
  }
  Neighbourhood(const Neighbourhood&) = delete;
  Neighbourhood& operator=(const Neighbourhood&) = delete;

  Machine& add_machine(const std::string& host) {
    Machine& machine = machines.emplace_back();
    const auto number = static_cast<std::uint8_t>(machines.size());
    machine.host = host;
    machine.address = "10.0.0." + std::to_string(number);
    machine.loop = &sim.add_node(host, SocketAddress::ipv4({10, 0, 0, number}, 0));
    machine.dns_sd = dns.daemon(*machine.loop, host);
    machine.identity = Identity::self_signed(host, machine.loop->wall_time()).value();
    return machine;
  }
  /// A node that serves there, and says so by that name.
  void serve(Machine& machine, const std::string& name, std::uint16_t port = 4433) {
    NodeOptions options;
    options.identity = machine.identity;
    options.log = [&machine](LogLevel, std::string_view line) { machine.log.emplace_back(line); };
    machine.node = std::make_unique<Node>(*machine.loop, std::move(options));
    ASSERT_TRUE(machine.node->serve(machine.handler).is_ok());
    auto bound = machine.node->listen(machine.address + ":" + std::to_string(port));
    ASSERT_TRUE(bound) << bound.status();
    AnnounceOptions announcement;
    announcement.name = name;
    announcement.node_id = machine.host;
    auto announced = announce(*machine.node, machine.dns_sd, std::move(announcement));
    ASSERT_TRUE(announced) << announced.status();
    machine.advertiser.emplace(*std::move(announced));
  }
  /// The same on a machine of its own.
  Machine& add_server(const std::string& host, const std::string& name) {
    Machine& machine = add_machine(host);
    serve(machine, name);
    return machine;
  }
  Machine& add_client(Trust trust, MdnsResolverOptions resolver = {}) {
    Machine& machine = add_machine("client" + std::to_string(machines.size()));
    NodeOptions options;
    options.trust = std::move(trust);
    options.log = [&machine](LogLevel, std::string_view line) { machine.log.emplace_back(line); };
    machine.node = std::make_unique<Node>(*machine.loop, std::move(options));
    const Status added = machine.node->add_resolver(
        make_mdns_resolver(*machine.loop, machine.dns_sd, std::move(resolver)));
    EXPECT_TRUE(added.is_ok()) << added;
    return machine;
  }
  /// Without a goodbye to its sessions; one to the network.
  static void stop(Machine& machine) {
    machine.advertiser.reset();
    machine.node.reset();
  }

  Result<Session> connect(Machine& from, const std::string& target) {
    auto session = sim.run(*from.loop, from.node->connect(target), std::chrono::seconds(60));
    return session ? *session : Status(StatusCode::kInternal, "connect() did not end");
  }
  /// The status of connecting and calling.
  Status call(Machine& from, const std::string& target) {
    auto session = connect(from, target);
    if (!session) return session.status();
    return call(from, *session);
  }
  Status call(Machine& from, const Session& session) {
    auto answer =
        sim.run(*from.loop, session.client<lab::v1::Lab>().Echo(echostream::testing::text("hello")),
                std::chrono::seconds(60));
    return answer ? answer->status() : Status(StatusCode::kInternal, "the call did not end");
  }
  static Trust pinned(const Machine& machine) {
    return Trust::pinned({machine.identity->fingerprint()});
  }

  /// What a neighbour says who announces the true machine's fingerprint, by whatever name, at the
  /// impostor's address. On another interface than the true one, so that both are heard.
  std::unique_ptr<Pending> pretend(const Machine& impostor, const std::string& name,
                                   const Machine& victim) {
    std::string fingerprint = victim.identity->fingerprint().to_string();
    std::erase(fingerprint, ':');
    return inject(name, impostor.address,
                  {"v=1", "id=" + name, "fp=" + fingerprint, "svc=lab.v1.Lab"});
  }
  std::unique_ptr<Pending> inject(const std::string& name, const std::string& address,
                                  std::vector<std::string> txt) {
    Instance instance;
    instance.name = name;
    instance.type = kServiceType;
    instance.domain = "local";
    instance.interface_index = 3;
    instance.family = SocketAddress::Family::kIpv4;
    ResolvedInstance says;
    says.host = "somebody.local";
    says.address = *SocketAddress::parse(address + ":4433");
    says.txt = std::move(txt);
    return dns.inject(std::move(instance), std::move(says));
  }

  echostream::testing::Simulation sim;
  SimDnsNetwork dns{sim};
  std::deque<Machine> machines;
};

inline constexpr char kByService[] = "echostream+mdns:lab.v1.Lab";

}  // namespace echostream::discovery::testing
