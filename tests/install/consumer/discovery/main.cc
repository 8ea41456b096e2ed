// Includes every public header of the components, and calls what they link.
#ifdef HAS_discovery
#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/browser.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/discovery/mdns_resolver.h"
#endif
#ifdef HAS_discovery_testing
#include "echostream/discovery/sim_dns_sd.h"
#endif
#ifdef HAS_pairing
#include "echostream/pairing/pairing.h"
#endif

#include <chrono>
#include <iostream>

#include "echostream/loop.h"

namespace {

using echostream::StatusCode;

#ifdef HAS_discovery
// Whether there is a daemon or not, nobody on its network serves this.
bool finds_nobody(echostream::Loop& loop) {
  echostream::discovery::BrowseFilter filter;
  filter.service = "consumer.v1.NobodyServesThis";
  const auto found = echostream::run(
      loop, echostream::discovery::find(loop, echostream::discovery::make_system_dns_sd(loop),
                                        filter, std::chrono::milliseconds(200)));
  if (found) return false;
  std::cout << "find(): " << found.error() << '\n';
  return found.error().code() == StatusCode::kNotFound ||
         found.error().code() == StatusCode::kUnavailable;
}
#endif

#ifdef HAS_discovery_testing
bool simulates_a_network() {
  echostream::testing::Simulation simulation(1);
  auto& loop = simulation.add_node("door", echostream::SocketAddress::ipv4({10, 0, 0, 1}, 0));
  echostream::discovery::testing::SimDnsNetwork network(simulation);
  const auto found = simulation.run(
      loop,
      echostream::discovery::find(loop, network.daemon(loop, "door"), {}, std::chrono::seconds(2)),
      std::chrono::seconds(5));
  return found && !*found && found->error().code() == StatusCode::kNotFound;
}
#endif

#ifdef HAS_pairing
bool refuses_what_is_no_code(echostream::Loop& loop) {
  echostream::pairing::PairingOptions options;
  options.name = "consumer";
  options.peers = echostream::make_memory_known_peers();
  auto identity = echostream::Identity::self_signed("consumer", loop.wall_time());
  if (!identity) return false;
  options.identity = *identity;
  const auto peer = echostream::run(
      loop, echostream::pairing::pair(loop, "127.0.0.1:1", "none", std::move(options)));
  return !peer && peer.error().code() == StatusCode::kInvalidArgument;
}
#endif

}  // namespace

int main() {
  auto loop = echostream::make_loop();
  bool is_right = static_cast<bool>(loop);
#ifdef HAS_discovery
  is_right = is_right && finds_nobody(**loop);
#endif
#ifdef HAS_discovery_testing
  is_right = is_right && simulates_a_network();
#endif
#ifdef HAS_pairing
  is_right = is_right && refuses_what_is_no_code(**loop);
#endif
  return is_right ? 0 : 1;
}
