// A loop on virtual time, with a clock of its own.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "runtime/sim/simulation_impl.h"

namespace echostream::testing {

class SimNetworkWatch;
class SimTcpConnection;
class SimTcpListener;

/// An address of a node, with the name that links know it by.
struct SimInterface {
  std::string name;
  SocketAddress address;  // port 0
  bool is_up = true;
};

class SimLoop final : public Loop {
 public:
  SimLoop(Simulation::Impl& world, std::string name, const SocketAddress& address,
          ClockOptions clock, Random random);

  // Executor
  LocalTime now() const override { return to_local(world_.now); }
  void schedule(ReadyNode& node) override { ready_.push(node); }
  void schedule_last(ReadyNode& node) override { last_.push(node); }
  void arm(TimerNode& node, LocalTime deadline) override { timers_.arm(node, deadline); }
  void post(UniqueFunction<void()> function) override { posted_.push_back(std::move(function)); }
  // Loop
  void run() noexcept override;
  void stop() override { stopped_ = true; }
  Result<std::unique_ptr<UdpSocket>> open_udp(const UdpOptions& options,
                                              UdpHandler& handler) override;
  Result<std::unique_ptr<TcpListener>> listen_tcp(
      const TcpOptions& options,
      UniqueFunction<void(std::unique_ptr<TcpConnection>)> accept) override;
  std::unique_ptr<Pending> resolve(const std::string& host, std::uint16_t port,
                                   ResolveCallback callback) override;
  Result<std::unique_ptr<Pending>> watch_stop_signals(UniqueFunction<void(int)> callback) override;
  Result<std::unique_ptr<Pending>> watch_fd(int fd, bool readable, bool writable,
                                            UniqueFunction<void()> callback) override;
  Result<std::unique_ptr<Pending>> watch_network(UniqueFunction<void()> callback) override;
  Result<SocketAddress> source_address(const SocketAddress& remote,
                                       const SocketAddress& from) override;
  void fill_random(MutableBytes out) override;
  WallTime wall_time() const override;

  const std::string& name() const { return name_; }
  const SocketAddress& address() const { return interfaces_.front().address; }
  const std::deque<SimInterface>& interfaces() const { return interfaces_; }
  const SimInterface* interface_at(const SocketAddress& address) const;
  void add_interface(SimInterface interface);
  void set_up(const SocketAddress& address, bool up);
  std::uint16_t port_shift() const { return port_shift_; }
  void set_port_shift(std::uint16_t shift) { port_shift_ = shift; }
  bool is_stalled() const { return stalled_until_ > world_.now; }
  Duration stalled_until() const { return stalled_until_; }
  void stall_until(Duration true_time) { stalled_until_ = std::max(stalled_until_, true_time); }
  void jump_clock(Duration forward) { clock_.offset += forward; }
  Simulation::Impl& world() { return world_; }

  LocalTime to_local(Duration true_time) const;
  /// When the earliest timer is due, in true time.
  Duration next_timer() const;
  // As in run(), an exception that gets here ends the program.
  void fire_timers() noexcept { timers_.fire(now()); }
  /// Runs what is ready; false when nothing was.
  bool run_ready() noexcept;
  void deliver(const Simulation::Impl::Arrival& arrival) noexcept;
  /// A client's end; null when nobody listens there.
  std::unique_ptr<SimTcpConnection> connect_tcp(const SocketAddress& to);
  void forget(SimUdpSocket& socket);
  void forget(SimTcpListener& listener);
  void forget(SimNetworkWatch& watch) { std::erase(watches_, &watch); }

 private:
  Simulation::Impl& world_;
  std::string name_;
  std::deque<SimInterface> interfaces_;  // the node's own first
  ClockOptions clock_;
  Random random_;
  std::uint16_t port_shift_ = 0;
  std::uint16_t next_port_ = 40000;
  bool stopped_ = false;
  Duration stalled_until_{};
  ReadyQueue ready_;
  ReadyQueue last_;
  TimerQueue timers_;
  std::deque<UniqueFunction<void()>> posted_;
  std::map<std::uint16_t, SimUdpSocket*> sockets_;
  std::map<std::uint16_t, SimTcpListener*> listeners_;
  std::vector<SimNetworkWatch*> watches_;
};

class SimUdpSocket final : public UdpSocket {
 public:
  SimUdpSocket(SimLoop& loop, const SocketAddress& local, bool is_any, UdpHandler& handler)
      : loop_(loop), local_(local), is_any_(is_any), handler_(handler) {}
  ~SimUdpSocket() override { loop_.forget(*this); }
  SocketAddress local_address() const override { return local_; }
  SendResult send(const OutgoingDatagrams& datagrams) override;
  UdpHandler& handler() { return handler_; }
  bool takes(const SocketAddress& to) const {
    return is_any_ || to.with_port(local_.port()) == local_;
  }

 private:
  SimLoop& loop_;
  SocketAddress local_;
  bool is_any_;  // bound to no address: takes what comes to any, sends from what is up
  UdpHandler& handler_;
};

}  // namespace echostream::testing
