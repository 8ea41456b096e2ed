// The loop on libuv. One turn: what other threads posted, timers that are due, ready nodes (a
// bounded number), the nodes that come last, then one poll, which blocks only when nothing else
// waits, and, with LoopOptions::busy_poll, only after having looked for a while.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "echostream/loop.h"

#include "runtime/loop/uv/clocks.h"
#include "runtime/loop/uv/deadline_timer.h"
#include "runtime/loop/uv/socket_calls.h"
#include "runtime/loop/uv/udp_receiver.h"
#include "runtime/loop/uv/uv_handle.h"

namespace echostream::internal {

class UvLoop final : public Loop {
 public:
  /// `calls` outlives the loop.
  static Result<std::unique_ptr<UvLoop>> make(
      SocketCalls& calls, DeadlineTimer::Kind timer_kind = DeadlineTimer::Kind::kBest,
      LoopOptions options = {});
  /// Waits for name lookups that the system is still at.
  ~UvLoop() override;

  // Executor
  LocalTime now() const override { return monotonic_now(); }
  void schedule(ReadyNode& node) override { ready_.push(node); }
  void schedule_last(ReadyNode& node) override { last_.push(node); }
  void arm(TimerNode& node, LocalTime deadline) override { timers_.arm(node, deadline); }
  void post(UniqueFunction<void()> function) override;
  // Loop
  void run() noexcept override;
  /// A stop() while the loop does not run is kept for the next run(): no order of two threads loses
  /// it.
  void stop() override;
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
  WallTime wall_time() const override { return realtime_now(); }
  std::string environment(const char* name) const override;

 private:
  UvLoop(SocketCalls& calls, const LoopOptions& options) : calls_(calls), options_(options) {}
  int open(DeadlineTimer::Kind timer_kind);
  void run_posted();
  void run_ready();
  void poll();
  bool has_work() const;
  bool poll_busily();

  SocketCalls& calls_;
  LoopOptions options_;
  uv_loop_t uv_{};
  bool is_open_ = false;
  bool is_running_ = false;
  UvHandle<uv_async_t> wakeup_;
  bool was_woken_ = false;
  DeadlineTimer deadline_timer_;
  ReadyQueue ready_;
  ReadyQueue last_;
  TimerQueue timers_;
  std::unique_ptr<ReceiveBuffers> buffers_;  // made for the first socket

  // Written under the lock, together with the wakeup: whoever sees what a thread wrote can then
  // wait for that thread to be done with this object, as the destructor does.
  std::mutex mutex_;
  std::vector<UniqueFunction<void()>> posted_;
  std::atomic<bool> stop_requested_ = false;
};

}  // namespace echostream::internal
