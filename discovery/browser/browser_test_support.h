// A simulated network with a few hosts, and a browser that is listened to.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/discovery/browser.h"
#include "echostream/discovery/sim_dns_sd.h"

#include "discovery/records/names.h"
#include "discovery/records/text_record.h"

namespace echostream::discovery {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline TextRecord text(const std::string& id, const std::string& room = "door") {
  TextRecord record;
  record.protocol_version = 1;
  record.node_id = id;
  record.services = {"acme.v1.Camera"};
  record.properties = {{"room", room}};
  return record;
}

inline Registration registration(const std::string& name, const TextRecord& record) {
  Registration made;
  made.name = name;
  for (const std::string& service : record.services) {
    made.subtypes.push_back(subtype_label(service));
  }
  made.port = 4433;
  made.txt = write_text_record(record).value();
  return made;
}

/// Hosts "a", "b", ... at 10.0.0.1, 10.0.0.2, ...
class World {
 public:
  explicit World(std::uint64_t seed = 1, const std::vector<std::string>& hosts = {"a", "b", "c"})
      : sim(seed), network(sim) {
    for (const std::string& host : hosts) add(host);
  }
  Loop& loop(const std::string& host) { return *loops_.at(host); }
  const std::shared_ptr<DnsSd>& dns_sd(const std::string& host) { return daemons_.at(host); }
  std::unique_ptr<Publication> publish(const std::string& host, const Registration& what) {
    return dns_sd(host)->publish(what, [this](const Status& status) { last = status; });
  }
  std::unique_ptr<Pending> inject(const std::string& name, const TextRecord& record,
                                  const std::string& address = "10.0.0.99:1",
                                  std::uint32_t interface = 2) {
    return network.inject(
        {name, kServiceType, "local", interface, SocketAddress::Family::kIpv4},
        {"evil.local", SocketAddress::parse(address).value(), write_text_record(record).value()});
  }

  echostream::testing::Simulation sim;
  testing::SimDnsNetwork network;
  Status last;

 private:
  void add(const std::string& name) {
    const auto number = static_cast<std::uint8_t>(loops_.size() + 1);
    loops_[name] = &sim.add_node(name, SocketAddress::ipv4({10, 0, 0, number}, 0));
    daemons_[name] = network.daemon(*loops_[name], name);
  }
  std::map<std::string, Loop*> loops_;
  std::map<std::string, std::shared_ptr<DnsSd>> daemons_;
};

/// Reads a browser's events as they come: "+camera", "*camera", "-camera", "UNAVAILABLE".
class Listening {
 public:
  Listening(World& world, const std::string& host, BrowseFilter filter = {})
      : browser(std::in_place, world.loop(host), world.dns_sd(host), std::move(filter)),
        tasks_(world.loop(host)) {
    tasks_.spawn(read());
  }
  std::vector<std::string> taken() { return std::exchange(events_, {}); }
  const NodeEvent& last() const { return last_.value(); }

  std::optional<Browser> browser;

 private:
  Task<void> read() {
    while (true) {
      const auto event = co_await browser->next();
      if (!event) {
        events_.emplace_back(to_string(event.error().code()));
        if (event.error().code() == StatusCode::kCancelled) co_return;
        continue;
      }
      constexpr char kSigns[] = "+*-";
      events_.push_back(kSigns[static_cast<std::size_t>(event->kind)] + event->node.name);
      last_ = *event;
    }
  }
  std::vector<std::string> events_;
  std::optional<NodeEvent> last_;
  TaskGroup tasks_;
};

}  // namespace echostream::discovery
