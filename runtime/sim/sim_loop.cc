#include "runtime/sim/sim_loop.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace echostream::testing {
namespace {

// A date within the validity of certificates that tests make: 2026-01-01 00:00 UTC.
constexpr WallTime kStartOfTime{std::chrono::seconds(1'767'225'600)};
// Local clocks start well after their epoch, as a machine's does.
constexpr Duration kUptime = std::chrono::hours(1);

// An answer on its way to resolve()'s caller; destroying it keeps it from arriving.
class Answer final : public Pending, private ReadyNode {
 public:
  Answer(Executor& executor, Loop::ResolveCallback callback,
         Result<std::vector<SocketAddress>> addresses)
      : callback_(std::move(callback)), addresses_(std::move(addresses)) {
    executor.schedule(*this);
  }

 private:
  void on_ready() override { callback_(std::move(addresses_)); }
  Loop::ResolveCallback callback_;
  Result<std::vector<SocketAddress>> addresses_;
};

Status not_simulated(const char* what) {
  return {StatusCode::kUnimplemented, std::string(what) + " does not exist in the simulator"};
}

}  // namespace

/// Calls back from the loop's ready queue.
class SimNetworkWatch final : public Pending, private ReadyNode {
 public:
  SimNetworkWatch(SimLoop& loop, UniqueFunction<void()> callback)
      : loop_(loop), callback_(std::make_shared<UniqueFunction<void()>>(std::move(callback))) {}
  ~SimNetworkWatch() override { loop_.forget(*this); }
  void notify() {
    if (!is_scheduled()) loop_.schedule(*this);
  }

 private:
  void on_ready() override {
    const auto running = callback_;  // it may destroy this
    (*running)();
  }
  SimLoop& loop_;
  std::shared_ptr<UniqueFunction<void()>> callback_;
};

SimLoop::SimLoop(Simulation::Impl& world, std::string name, const SocketAddress& address,
                 ClockOptions clock, Random random)
    : world_(world), name_(std::move(name)), clock_(clock), random_(random) {
  interfaces_.push_back({name_, address, true});
}

// ---- Addresses.

const SimInterface* SimLoop::interface_at(const SocketAddress& address) const {
  for (const SimInterface& known : interfaces_) {
    if (known.address == address.with_port(0)) return &known;
  }
  return nullptr;
}

void SimLoop::add_interface(SimInterface interface) {
  interfaces_.push_back(std::move(interface));
  for (SimNetworkWatch* watch : watches_) watch->notify();
}

void SimLoop::set_up(const SocketAddress& address, bool up) {
  for (SimInterface& known : interfaces_) {
    if (known.address == address.with_port(0)) known.is_up = up;
  }
  for (SimNetworkWatch* watch : watches_) watch->notify();
}

Result<std::unique_ptr<Pending>> SimLoop::watch_network(UniqueFunction<void()> callback) {
  auto watch = std::make_unique<SimNetworkWatch>(*this, std::move(callback));
  watches_.push_back(watch.get());
  return std::unique_ptr<Pending>(std::move(watch));
}

Result<SocketAddress> SimLoop::source_address(const SocketAddress& remote,
                                              const SocketAddress& from) {
  for (const SimInterface& known : interfaces_) {
    if (!known.is_up || known.address.family() != remote.family()) continue;
    if (!from.is_set() || from.is_any() || from.with_port(0) == known.address) return known.address;
  }
  return Status(StatusCode::kUnavailable, "node " + name_ + " has no such address");
}

LocalTime SimLoop::to_local(Duration true_time) const {
  const auto drift = std::llround(static_cast<double>(true_time.count()) * clock_.drift_ppm * 1e-6);
  return LocalTime(kUptime + clock_.offset + true_time + Duration(drift));
}

Duration SimLoop::next_timer() const {
  const LocalTime deadline = timers_.next_deadline();
  const bool has_work = !ready_.empty() || !last_.empty() || !posted_.empty();
  if (is_stalled() && has_work) return stalled_until_;
  if (deadline == kNever) return Duration::max();
  const Duration local = deadline - LocalTime(kUptime + clock_.offset);
  const double rate = 1 + clock_.drift_ppm * 1e-6;
  Duration at(std::llround(static_cast<double>(local.count()) / rate));
  // Rounding must not make the timer fire before the node's own clock says so.
  while (to_local(at) < deadline) at += Duration(1);
  return std::max({at, world_.now, stalled_until_});
}

bool SimLoop::run_ready() noexcept {
  if (is_stalled()) return false;
  bool any = false;
  for (std::size_t left = posted_.size(); left > 0; --left) {
    UniqueFunction<void()> function = std::move(posted_.front());
    posted_.pop_front();
    function();
    any = true;
  }
  return ready_.run(1024) > 0 || any || last_.run(1024) > 0;
}

void SimLoop::run() noexcept {
  stopped_ = false;
  while (!stopped_) {
    world_.run_ready();
    if (stopped_) return;
    ECHOSTREAM_CHECK(world_.step(Duration::max()), "the simulated loop would wait for ever");
  }
}

Result<std::unique_ptr<UdpSocket>> SimLoop::open_udp(const UdpOptions& options,
                                                     UdpHandler& handler) {
  std::uint16_t port = options.bind_to.port();
  while (port == 0 || (options.bind_to.port() == 0 && sockets_.contains(port))) port = next_port_++;
  if (sockets_.contains(port)) {
    return Status(StatusCode::kUnavailable, "port " + std::to_string(port) + " is in use");
  }
  const SimInterface* bound = interface_at(options.bind_to);
  if (!options.bind_to.is_any() && (bound == nullptr || !bound->is_up)) {
    return Status(StatusCode::kUnavailable,
                  options.bind_to.to_string() + " is not an address of node " + name_);
  }
  const SocketAddress& local = bound != nullptr ? bound->address : address();
  auto socket = std::make_unique<SimUdpSocket>(*this, local.with_port(port),
                                               options.bind_to.is_any(), handler);
  sockets_[port] = socket.get();
  return std::unique_ptr<UdpSocket>(std::move(socket));
}

std::unique_ptr<Pending> SimLoop::resolve(const std::string& host, std::uint16_t port,
                                          ResolveCallback callback) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  auto numeric =
      SocketAddress::parse((is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port));
  Result<std::vector<SocketAddress>> answer =
      Status(StatusCode::kNotFound, "no host is called '" + host + "'");
  const auto known = world_.hosts.find(host);
  if (numeric) {
    answer = std::vector<SocketAddress>{*numeric};
  } else if (known != world_.hosts.end()) {
    answer = known->second;
    for (SocketAddress& address : *answer) address = address.with_port(port);
  }
  return std::make_unique<Answer>(*this, std::move(callback), std::move(answer));
}

Result<std::unique_ptr<Pending>> SimLoop::watch_stop_signals(UniqueFunction<void(int)>) {
  return not_simulated("a stop signal");
}

Result<std::unique_ptr<Pending>> SimLoop::watch_fd(int, bool, bool, UniqueFunction<void()>) {
  return not_simulated("a file descriptor");
}

void SimLoop::fill_random(MutableBytes out) {
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random_.next() >> 56);
}

WallTime SimLoop::wall_time() const { return kStartOfTime + world_.now; }

void SimLoop::deliver(const Simulation::Impl::Arrival& arrival) noexcept {
  const auto found = sockets_.find(static_cast<std::uint16_t>(arrival.to.port() - port_shift_));
  const SimInterface* interface = interface_at(arrival.to);
  if (found == sockets_.end() || arrival.bytes->empty() || !interface->is_up) return;
  const SocketAddress local = interface->address.with_port(found->first);
  if (!found->second->takes(local)) return;
  UdpHandler& handler = found->second->handler();
  handler.handle_datagram({local, arrival.from, arrival.ecn, now(), *arrival.bytes});
  handler.handle_batch_end();
}

void SimLoop::forget(SimUdpSocket& socket) { sockets_.erase(socket.local_address().port()); }

UdpSocket::SendResult SimUdpSocket::send(const OutgoingDatagrams& datagrams) {
  SocketAddress from = local_;
  if (is_any_) {
    // As a system does: what was asked for, or the first that is up.
    const auto chosen = loop_.source_address(datagrams.remote, datagrams.local);
    if (!chosen) return SendResult::kDropped;
    from = chosen->with_port(local_.port());
  }
  const SocketAddress source =
      from.with_port(static_cast<std::uint16_t>(from.port() + loop_.port_shift()));
  BytesView rest = datagrams.data;
  const std::size_t segment = std::max<std::size_t>(datagrams.segment_size, 1);
  while (!rest.empty()) {
    const BytesView one = rest.first(std::min(segment, rest.size()));
    rest = rest.subspan(one.size());
    loop_.world().send(loop_, source, datagrams.remote, datagrams.ecn, one);
  }
  return SendResult::kSent;
}

}  // namespace echostream::testing
