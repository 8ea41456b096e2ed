// A multicast DNS network in the simulator, for tests of programs that use discovery.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "echostream/discovery/dns_sd.h"
#include "echostream/testing/sim.h"

namespace echostream::discovery::testing {

/// The network that all nodes of one simulation are on. Must outlive the DnsSds made from it. Times
/// are those of multicast DNS: names are probed for 750 ms, answers come after 20 to 120 ms,
/// records of nodes that are killed live on for 120 s; what varies comes from the simulation's
/// seed.
class SimDnsNetwork {
 public:
  explicit SimDnsNetwork(echostream::testing::Simulation& simulation);
  ~SimDnsNetwork();
  SimDnsNetwork(const SimDnsNetwork&) = delete;
  SimDnsNetwork& operator=(const SimDnsNetwork&) = delete;

  /// The daemon on the machine of `loop`, a loop of that simulation; `host` as in "host.local".
  std::shared_ptr<DnsSd> daemon(Loop& loop, std::string host);

  /// Stops or starts the daemon on that host: others see its records expire, or at once when
  /// `goodbye`.
  void stop_daemon(std::string_view host, bool goodbye = false);
  void start_daemon(std::string_view host);
  /// Nothing goes to or from that host's daemon any more, which itself runs.
  void set_link(std::string_view host, bool up);

  /// What a hostile neighbour says: an instance with whatever name, text, host, port and address.
  /// Until it is destroyed.
  std::unique_ptr<Pending> inject(Instance instance, ResolvedInstance says);

  std::size_t browsers() const;
  std::size_t publications() const;
  std::size_t resolvers() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace echostream::discovery::testing
