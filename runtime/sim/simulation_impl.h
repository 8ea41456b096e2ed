// The inside of the simulator: one list of events in the order of true time, and the nodes and
// links that make them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "echostream/testing/sim.h"

#include "runtime/sim/random.h"

namespace echostream::testing {

class SimLoop;
class SimUdpSocket;

/// One direction between two nodes.
struct SimLink {
  SimLink(LinkOptions options_in, Random random_in) : options(options_in), random(random_in) {}
  LinkOptions options;
  Random random;
  LinkStats stats;
  bool in_burst = false;
  Duration busy_until{};
};

struct Simulation::Impl {
  struct Arrival {
    Duration at;
    std::uint64_t order;
    SocketAddress from;
    SocketAddress to;
    Ecn ecn;
    std::shared_ptr<std::vector<std::uint8_t>> bytes;
  };
  struct Later {
    bool operator()(const Arrival& a, const Arrival& b) const {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  explicit Impl(std::uint64_t seed_in) : seed(seed_in) {}

  SimLoop& node(const std::string& name);
  SimLoop* node_at(const SocketAddress& address);
  /// The interface's name, which must exist.
  const std::string& interface(const std::string& name);
  SimLink& link(const std::string& from, const std::string& to);
  /// Puts one datagram on its way.
  void send(SimLoop& from, const SocketAddress& source, const SocketAddress& to, Ecn ecn,
            BytesView bytes);
  /// Does the next thing that happens not later than `until`; false when there is none.
  bool step(Duration until);
  void run_ready();
  void record(std::uint64_t value);

  std::uint64_t seed;
  Duration now{};
  std::uint64_t next_order = 0;
  std::uint64_t next_stream = 1;
  std::uint64_t hash = 14695981039346656037ull;
  std::vector<std::unique_ptr<SimLoop>> loops;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<SimLink>> links;
  std::map<std::string, std::vector<SocketAddress>> hosts;
  std::function<void(const CapturedDatagram&)> capture;
  std::priority_queue<Arrival, std::vector<Arrival>, Later> arrivals;
};

}  // namespace echostream::testing
