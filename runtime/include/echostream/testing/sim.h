// Whole nodes on virtual time: real TLS, real congestion control, a network that loses, delays,
// reorders and cuts, clocks that drift. Everything a user can observe follows from the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/loop.h"

namespace echostream::testing {

/// What a link does to ECN marks (RFC 3168).
enum class EcnTreatment : std::uint8_t {
  kKeep,
  kErase,    // old routers
  kMarkAll,  // broken ones
};

/// One direction of a link. The defaults are a perfect wire.
struct LinkOptions {
  Duration delay{};
  /// Added to each datagram's delay, uniform in [0, jitter); datagrams may overtake each other.
  Duration jitter{};
  double loss = 0;
  /// Gilbert model: in the bad state everything is lost. Probability to enter and to leave it, per
  /// datagram.
  double burst_enter = 0;
  double burst_leave = 1;
  double duplicate = 0;
  /// Probability that a datagram is held back by reorder_by.
  double reorder = 0;
  Duration reorder_by = std::chrono::milliseconds(10);
  /// Probability that one byte is changed.
  double corrupt = 0;
  /// 0 = unlimited. Datagrams queue for the link; one that finds more than queue_bytes before it,
  /// that under way included, is lost.
  std::uint64_t rate_bits_per_s = 0;
  std::size_t queue_bytes = 256 * 1024;
  EcnTreatment ecn = EcnTreatment::kKeep;
  /// Marked datagrams that find more than that in the queue get "congestion experienced"; 0: none.
  std::size_t ecn_mark_above_bytes = 0;
  /// Larger datagrams are lost; 0 = no limit.
  std::size_t mtu = 0;
  /// Nothing gets through.
  bool cut = false;
};

/// A node's clock: local time = offset + true time * (1 + drift).
struct ClockOptions {
  Duration offset{};
  double drift_ppm = 0;
};

struct LinkStats {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t bytes_delivered = 0;
};

/// A datagram as its sender gave it to the network, which may lose it.
struct CapturedDatagram {
  Duration at{};  // true time since the start
  SocketAddress from;
  SocketAddress to;
  Ecn ecn = Ecn::kNotEct;
  BytesView data;  // valid during the call
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// A node of its own: address (the port is ignored), clock, loop. The loop lives as long as the
  /// simulation. Loop::run() on it runs the whole simulation until Loop::stop().
  Loop& add_node(const std::string& name, const SocketAddress& address, ClockOptions clock = {});
  /// Sets both directions between two nodes; nodes without a link share a perfect wire.
  void set_link(const std::string& a, const std::string& b, LinkOptions options);
  void set_link_one_way(const std::string& from, const std::string& to, LinkOptions options);
  LinkStats link_stats(const std::string& from, const std::string& to) const;
  /// From now on the node's datagrams come from another port (a NAT that forgot): `extra` is added
  /// to it.
  void rebind(const std::string& node, std::uint16_t extra);
  /// The node's clock jumps: its machine slept that long while the others went on. Timers that are
  /// overdue then fire at once. Forward only, as monotonic clocks go.
  void jump_clock(const std::string& node, Duration forward);
  /// Another address of the node, on an interface that set_link() knows by the name `interface`
  /// ("phone.lte"). Sockets bound to any address send from the node's first address that is up.
  void add_address(const std::string& node, const std::string& interface,
                   const SocketAddress& address);
  /// Takes an address away, or gives it back; Loop::watch_network() tells the node.
  void set_address_up(const SocketAddress& address, bool up);
  /// The node's loop stands still that long from now on, as behind a handler that blocks it: its
  /// clock goes on, what is sent to it waits, and its timers fire late.
  void stall(const std::string& node, Duration duration);
  /// A name for Loop::resolve(); in place of what it stood for before.
  void add_host(const std::string& host, const SocketAddress& address);
  /// One of several addresses, at least one, which are tried in that order.
  void add_host(const std::string& host, std::vector<SocketAddress> addresses);

  /// Runs until `done` holds: true; or until `limit` of virtual time has passed, or nothing can
  /// happen any more: false.
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration duration);
  /// Runs a task on a node's loop to its end; nothing when it takes longer than `limit`.
  template <class T>
  std::optional<T> run(Loop& loop, Task<T> task, Duration limit) {
    std::optional<T> slot;
    TaskGroup group(loop);
    group.spawn(internal::store(std::move(task), slot));
    run_until([&] { return slot.has_value(); }, limit);
    return slot;
  }

  /// Sees every datagram that is sent from now on, in order: what a capture at all senders at once
  /// would hold. It must not change anything.
  void capture(std::function<void(const CapturedDatagram&)> function);

  /// True time since the start.
  Duration elapsed() const;
  std::uint64_t seed() const;
  /// Of every datagram's time, size and fate: equal for equal runs.
  std::uint64_t trace_hash() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::testing
