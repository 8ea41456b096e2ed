#include <algorithm>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/sim/sim_loop.h"
#include "runtime/sim/simulation_impl.h"

namespace echostream::testing {

SimLoop& Simulation::Impl::node(const std::string& name) {
  const auto found = std::find_if(loops.begin(), loops.end(),
                                  [&](const auto& loop) { return loop->name() == name; });
  ECHOSTREAM_CHECK(found != loops.end(), "the simulation has no node of that name");
  return **found;
}

SimLoop* Simulation::Impl::node_at(const SocketAddress& address) {
  for (const auto& loop : loops) {
    if (loop->interface_at(address) != nullptr) return loop.get();
  }
  return nullptr;
}

const std::string& Simulation::Impl::interface(const std::string& name) {
  for (const auto& loop : loops) {
    for (const SimInterface& known : loop->interfaces()) {
      if (known.name == name) return known.name;
    }
  }
  ECHOSTREAM_CHECK(false, "the simulation has no node or interface of that name");
  return name;
}

SimLink& Simulation::Impl::link(const std::string& from, const std::string& to) {
  auto& slot = links[{from, to}];
  if (!slot) slot = std::make_unique<SimLink>(LinkOptions{}, Random(seed, next_stream++));
  return *slot;
}

void Simulation::Impl::record(std::uint64_t value) { hash = (hash ^ value) * 1099511628211ull; }

void Simulation::Impl::send(SimLoop& from, const SocketAddress& source, const SocketAddress& to,
                            Ecn ecn, BytesView bytes) {
  SimLoop* target = node_at(to);
  if (target == nullptr) return;
  const SimInterface* out = from.interface_at(source);
  const SimInterface* in = target->interface_at(to);
  SimLink& way = link(out->name, in->name);
  const LinkOptions& options = way.options;
  ++way.stats.sent;
  if (capture) capture({now, source, to, ecn, bytes});
  record(static_cast<std::uint64_t>(now.count()));
  record(bytes.size());
  if (way.in_burst ? way.random.chance(options.burst_leave)
                   : way.random.chance(options.burst_enter)) {
    way.in_burst = !way.in_burst;
  }
  const bool unlucky = way.random.chance(options.loss);
  const bool too_big = options.mtu > 0 && bytes.size() > options.mtu;
  Duration departs = now;
  bool queue_full = false;
  if (options.ecn == EcnTreatment::kErase) ecn = Ecn::kNotEct;
  if (options.ecn == EcnTreatment::kMarkAll && ecn != Ecn::kNotEct) ecn = Ecn::kCe;
  if (options.rate_bits_per_s > 0) {
    const double ns_per_byte = 8e9 / static_cast<double>(options.rate_bits_per_s);
    const Duration start = std::max(now, way.busy_until);
    const auto queued = static_cast<double>((start - now).count()) / ns_per_byte;
    queue_full = queued > static_cast<double>(options.queue_bytes);
    if (options.ecn_mark_above_bytes > 0 && ecn != Ecn::kNotEct &&
        queued > static_cast<double>(options.ecn_mark_above_bytes)) {
      ecn = Ecn::kCe;
    }
    departs = start +
              Duration(static_cast<std::int64_t>(static_cast<double>(bytes.size()) * ns_per_byte));
    if (!queue_full) way.busy_until = departs;
  }
  if (options.cut || unlucky || way.in_burst || too_big || queue_full || !out->is_up) {
    ++way.stats.lost;
    record(1);
    return;
  }
  auto copy = std::make_shared<std::vector<std::uint8_t>>(bytes.begin(), bytes.end());
  if (way.random.chance(options.corrupt)) {
    (*copy)[way.random.below(copy->size())] ^= static_cast<std::uint8_t>(1 + way.random.below(255));
  }
  const int copies = way.random.chance(options.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Duration at = departs + options.delay +
                  Duration(static_cast<std::int64_t>(
                      way.random.below(static_cast<std::uint64_t>(options.jitter.count()))));
    if (way.random.chance(options.reorder)) at += options.reorder_by;
    ++way.stats.delivered;
    way.stats.bytes_delivered += bytes.size();
    record(static_cast<std::uint64_t>(at.count()));
    arrivals.push({at, next_order++, source, to, ecn, copy});
  }
}

void Simulation::Impl::run_ready() {
  // A chain of ready tasks that never ends would stop the virtual time: that is a bug of the
  // program.
  constexpr int kMostRounds = 1'000'000;
  for (int round = 0; round < kMostRounds; ++round) {
    bool any = false;
    for (const auto& loop : loops) any = loop->run_ready() || any;
    if (!any) return;
  }
  ECHOSTREAM_CHECK(false, "tasks keep each other ready without any time passing");
}

bool Simulation::Impl::step(Duration until) {
  run_ready();
  Duration next = arrivals.empty() ? Duration::max() : arrivals.top().at;
  SimLoop* timer_of = nullptr;
  for (const auto& loop : loops) {
    const Duration timer = loop->next_timer();
    if (timer < next) {
      next = timer;
      timer_of = loop.get();
    }
  }
  if (next == Duration::max() || next > until) return false;
  now = std::max(now, next);
  if (timer_of != nullptr) {
    timer_of->fire_timers();
  } else {
    Arrival arrival = arrivals.top();
    arrivals.pop();
    SimLoop* target = node_at(arrival.to);
    if (target != nullptr && target->is_stalled()) {
      // It waits in the socket; a loop that goes on looks at its timers first.
      arrival.at = target->stalled_until() + Duration(1);
      arrivals.push(std::move(arrival));
    } else if (target != nullptr) {
      target->deliver(arrival);
    }
  }
  run_ready();
  return true;
}

Simulation::Simulation(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
Simulation::~Simulation() = default;

Loop& Simulation::add_node(const std::string& name, const SocketAddress& address,
                           ClockOptions clock) {
  ECHOSTREAM_CHECK(impl_->node_at(address) == nullptr, "two nodes with the same address");
  Random random(impl_->seed, impl_->next_stream++);
  impl_->loops.push_back(
      std::make_unique<SimLoop>(*impl_, name, address.with_port(0), clock, random));
  return *impl_->loops.back();
}

void Simulation::set_link_one_way(const std::string& from, const std::string& to,
                                  LinkOptions options) {
  impl_->link(impl_->interface(from), impl_->interface(to)).options = options;
}

void Simulation::set_link(const std::string& a, const std::string& b, LinkOptions options) {
  set_link_one_way(a, b, options);
  set_link_one_way(b, a, options);
}

LinkStats Simulation::link_stats(const std::string& from, const std::string& to) const {
  return impl_->link(from, to).stats;
}

void Simulation::rebind(const std::string& node, std::uint16_t extra) {
  impl_->node(node).set_port_shift(extra);
}

void Simulation::jump_clock(const std::string& node, Duration forward) {
  ECHOSTREAM_CHECK(forward >= Duration::zero(), "a monotonic clock does not go back");
  impl_->node(node).jump_clock(forward);
}

void Simulation::add_address(const std::string& node, const std::string& interface,
                             const SocketAddress& address) {
  ECHOSTREAM_CHECK(impl_->node_at(address) == nullptr, "two nodes with the same address");
  impl_->node(node).add_interface({interface, address.with_port(0), true});
}

void Simulation::set_address_up(const SocketAddress& address, bool up) {
  SimLoop* node = impl_->node_at(address);
  ECHOSTREAM_CHECK(node != nullptr, "no node has that address");
  node->set_up(address, up);
}

void Simulation::stall(const std::string& node, Duration duration) {
  impl_->node(node).stall_until(impl_->now + duration);
}

void Simulation::add_host(const std::string& host, const SocketAddress& address) {
  impl_->hosts[host] = {address};
}

void Simulation::add_host(const std::string& host, std::vector<SocketAddress> addresses) {
  ECHOSTREAM_CHECK(!addresses.empty(), "a host has an address");
  impl_->hosts[host] = std::move(addresses);
}

bool Simulation::run_until(const std::function<bool()>& done, Duration limit) {
  const Duration until = impl_->now + limit;
  impl_->run_ready();
  while (!done()) {
    if (!impl_->step(until)) {
      impl_->now = std::max(impl_->now, until);
      return done();
    }
  }
  return true;
}

void Simulation::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

Duration Simulation::elapsed() const { return impl_->now; }
std::uint64_t Simulation::seed() const { return impl_->seed; }
void Simulation::capture(std::function<void(const CapturedDatagram&)> function) {
  impl_->capture = std::move(function);
}

std::uint64_t Simulation::trace_hash() const { return impl_->hash; }

}  // namespace echostream::testing
