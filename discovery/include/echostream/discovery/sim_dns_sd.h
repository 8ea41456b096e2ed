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
/// are those of multicast DNS (RFC 6762) as avahi keeps them: a name is probed for 750 ms after up
/// to 250 ms of waiting; answers come after 20 to 120 ms; a browse knows what is there after 1 s;
/// what is withdrawn says "bye" at once and goodbye 260 ms later, and is gone 1 s after that; of a
/// node that is killed nothing can be resolved after 120 s (and 5 s of asking), but its name stays
/// in the lists for 75 minutes. What varies comes from the simulation's seed.
///
/// Every node is seen on interface 2, which is called "eth0", over IPv4 and over IPv6: at the
/// addresses that it has in the simulation, or else at a link-local IPv6 address where nothing
/// answers.
class SimDnsNetwork {
 public:
  explicit SimDnsNetwork(echostream::testing::Simulation& simulation);
  ~SimDnsNetwork();
  SimDnsNetwork(const SimDnsNetwork&) = delete;
  SimDnsNetwork& operator=(const SimDnsNetwork&) = delete;

  /// The daemon on the machine of `loop`, a loop of that simulation; `host` as in "host.local". May
  /// be called several times for one host: programs share the daemon.
  std::shared_ptr<DnsSd> daemon(Loop& loop, std::string host);

  /// Stops or starts the daemon on that host: others see its records expire, or get a goodbye.
  void stop_daemon(std::string_view host, bool goodbye = false);
  void start_daemon(std::string_view host);
  /// Nothing goes to or from that host's daemon any more, which itself runs, and forgets at once
  /// what it has heard: its interface is down. When it is up again names are probed again; of two
  /// that have taken one name meanwhile the one that comes back loses it, and perhaps both do.
  void set_link(std::string_view host, bool up);

  /// What a hostile neighbour says to every host: an instance with whatever name, text, host, port
  /// and address, of every subtype of its type. Seen at once, and gone as soon as the result is
  /// destroyed.
  std::unique_ptr<Pending> inject(Instance instance, ResolvedInstance says);

  /// How many there are, those that have ended with an error but are still held included.
  std::size_t browsers() const;
  std::size_t publications() const;
  std::size_t resolvers() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace echostream::discovery::testing
