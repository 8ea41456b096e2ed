// The event loop: the only place that reads clocks and touches sockets. make_loop() gives the one
// on libuv; the simulator (echostream/testing) gives one on virtual time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/executor.h"
#include "echostream/base/result.h"
#include "echostream/base/task_group.h"
#include "echostream/base/time.h"
#include "echostream/base/unique_function.h"
#include "echostream/socket_address.h"

namespace echostream {

/// The ECN field of an IP header (RFC 3168).
enum class Ecn : std::uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

/// One received UDP datagram. `data` is valid during the call only.
struct ReceivedDatagram {
  SocketAddress local;   // the address it was sent to
  SocketAddress remote;  // who sent it
  Ecn ecn = Ecn::kNotEct;
  LocalTime received_at;  // from the kernel's receive stamp where there is one
  BytesView data;
};

/// One or more datagrams to one peer: every `segment_size` bytes of `data` are one datagram, the
/// last may be shorter.
struct OutgoingDatagrams {
  SocketAddress local;  // source address; an unset one lets the system choose
  SocketAddress remote;
  Ecn ecn = Ecn::kNotEct;
  BytesView data;
  std::size_t segment_size = 0;
};

/// What a socket tells its owner. None of the calls may destroy the socket.
class UdpHandler {
 public:
  virtual ~UdpHandler() = default;
  virtual void handle_datagram(const ReceivedDatagram& datagram) = 0;
  /// After the datagrams that were readable in one go: the time to write.
  virtual void handle_batch_end() = 0;
  /// The socket takes datagrams again after send() returned kBlocked.
  virtual void handle_writable() = 0;
};

class UdpSocket {
 public:
  enum class SendResult : std::uint8_t {
    kSent,     // taken by the system, which may still lose it
    kBlocked,  // not taken; handle_writable() will follow; offer the same again then
    kTooBig,   // larger than the path takes; dropped (for path MTU discovery)
    kDropped,  // unreachable, not permitted, out of buffers: lost like any other datagram
  };
  virtual ~UdpSocket() = default;
  /// The bound address, with the port the system chose.
  virtual SocketAddress local_address() const = 0;
  virtual SendResult send(const OutgoingDatagrams& datagrams) = 0;
};

struct UdpOptions {
  /// Where to bind; port 0 lets the system choose. "[::]" takes IPv4 too.
  SocketAddress bind_to;
  bool reuse_port = false;
  std::size_t receive_buffer_bytes = 2 * 1024 * 1024;
  std::size_t send_buffer_bytes = 2 * 1024 * 1024;
};

/// What a TCP connection tells its owner. None of the calls may destroy the connection.
class TcpHandler {
 public:
  virtual ~TcpHandler() = default;
  /// Valid during the call only.
  virtual void handle_bytes(BytesView bytes) = 0;
  /// The peer sends no more; it may still read.
  virtual void handle_end() = 0;
  /// It takes bytes again after write() has taken fewer than it was given.
  virtual void handle_writable() = 0;
  /// The connection is lost; the last call.
  virtual void handle_failed(const Status& why) = 0;
};

/// A byte stream to one peer; destroying it closes it.
class TcpConnection {
 public:
  virtual ~TcpConnection() = default;
  virtual SocketAddress local_address() const = 0;
  virtual SocketAddress remote_address() const = 0;
  /// Once, before anything else; the handler outlives the connection. Reading begins.
  virtual void start(TcpHandler& handler) = 0;
  /// Off: bytes and the end wait in the system, which holds the peer back. A loss does not wait.
  virtual void set_reading(bool on) = 0;
  /// How many bytes the system has taken; when not all, handle_writable() follows.
  virtual std::size_t write(BytesView bytes) = 0;
  /// Nothing more will be written: the peer gets to know.
  virtual void end_writing() = 0;
};

struct TcpOptions {
  /// As UdpOptions::bind_to; it must be set.
  SocketAddress bind_to;
  bool reuse_port = false;
};

/// Accepts connections until it is destroyed.
class TcpListener {
 public:
  virtual ~TcpListener() = default;
  /// The bound address, with the port the system chose.
  virtual SocketAddress local_address() const = 0;
};

/// Something in progress; destroying it ends it without a callback.
class Pending {
 public:
  virtual ~Pending() = default;
};

/// One thread's loop. Everything but post() and stop() belongs to the thread that runs it.
class Loop : public Executor {
 public:
  /// Runs until stop(); returns when stopped. May be run again. An exception that gets here, from a
  /// posted function or for want of memory, ends the program: what it left half done cannot be
  /// trusted. Those of handlers and of a node's callbacks do not get here.
  virtual void run() noexcept = 0;
  /// Makes run() return soon. Thread-safe.
  virtual void stop() = 0;

  /// kUnavailable (address in use, no such address, not permitted), with the system's reason.
  virtual Result<std::unique_ptr<UdpSocket>> open_udp(const UdpOptions& options,
                                                      UdpHandler& handler) = 0;
  /// Calls back with each connection; the callback may destroy the connection, but not the
  /// listener. kUnavailable as open_udp(); kUnimplemented where the loop has no TCP.
  virtual Result<std::unique_ptr<TcpListener>> listen_tcp(
      const TcpOptions& options, UniqueFunction<void(std::unique_ptr<TcpConnection>)> accept);
  using ResolveCallback = UniqueFunction<void(Result<std::vector<SocketAddress>>)>;
  /// Looks a host name up; numeric addresses answer at once but never from inside the call. The
  /// callback gets at least one address, or kUnavailable / kNotFound.
  virtual std::unique_ptr<Pending> resolve(const std::string& host, std::uint16_t port,
                                           ResolveCallback callback) = 0;
  /// Calls back for each SIGINT and SIGTERM until the result is destroyed; kUnimplemented in the
  /// simulator.
  virtual Result<std::unique_ptr<Pending>> watch_stop_signals(
      UniqueFunction<void(int)> callback) = 0;
  /// Calls back whenever `fd` is readable, or writable, until the result is destroyed. The fd stays
  /// the caller's. kUnimplemented in the simulator.
  virtual Result<std::unique_ptr<Pending>> watch_fd(int fd, bool readable, bool writable,
                                                    UniqueFunction<void()> callback) = 0;
  /// Calls back after addresses or routes of this machine have changed, until the result is
  /// destroyed; many changes may come as one call. UNIMPLEMENTED or UNAVAILABLE where the system
  /// does not tell.
  virtual Result<std::unique_ptr<Pending>> watch_network(UniqueFunction<void()> callback);
  /// The address that the system sends from to reach `remote` now: `from`, when that is set and
  /// this machine has it. The port says nothing. UNAVAILABLE when there is no such address or no
  /// way to the peer.
  virtual Result<SocketAddress> source_address(const SocketAddress& remote,
                                               const SocketAddress& from);
  /// Unpredictable bytes (seeded ones in the simulator).
  virtual void fill_random(MutableBytes out) = 0;
  /// The time of day, for certificates and logs.
  virtual WallTime wall_time() const = 0;
  /// A variable of the environment that the program was started in; empty when it is not set, in
  /// programs that run with more rights than their caller (secure_getenv(3)), and in the simulator.
  virtual std::string environment(const char* name) const;
};

// A loop of another make need not have these four: nothing migrates by itself then, and there is no
// HttpOptions::tcp_side_door.
inline Result<std::unique_ptr<TcpListener>> Loop::listen_tcp(
    const TcpOptions&, UniqueFunction<void(std::unique_ptr<TcpConnection>)>) {
  return Status(StatusCode::kUnimplemented, "this loop has no TCP");
}
inline std::string Loop::environment(const char*) const { return {}; }
inline Result<std::unique_ptr<Pending>> Loop::watch_network(UniqueFunction<void()>) {
  return Status(StatusCode::kUnimplemented, "this loop does not watch the network");
}
inline Result<SocketAddress> Loop::source_address(const SocketAddress&, const SocketAddress&) {
  return Status(StatusCode::kUnimplemented, "this loop does not know its addresses");
}

struct LoopOptions {
  /// How long a loop that has nothing to do looks for datagrams and post() again and again before
  /// it lets the system put it to sleep. Being woken takes tens of microseconds, which is most of a
  /// short call's round trip; 50 us of polling save them where messages follow each other closely.
  /// The price is processor time: up to that much after each thing that happens. Between two looks
  /// other threads of the same core get their turn. Zero to 10 ms; zero, the default, never polls.
  Duration busy_poll{};
};
static_assert(kSafeInAwait<LoopOptions>);

/// A loop on libuv. kUnavailable when the system gives none (out of file descriptors),
/// kInvalidArgument for options out of their range.
Result<std::unique_ptr<Loop>> make_loop(LoopOptions options = {});

/// Runs the loop until the task has ended, and gives its result. Not from inside the loop.
template <class T>
T run(Loop& loop, Task<T> task) {
  std::optional<T> slot;
  TaskGroup group(loop);
  const auto stop_after = [](Loop& to_stop, Task<T> inner, std::optional<T>& out) -> Task<void> {
    out.emplace(co_await std::move(inner));
    to_stop.stop();
  };
  group.spawn(stop_after(loop, std::move(task), slot));
  while (!slot) loop.run();
  return *std::move(slot);
}
inline void run(Loop& loop, Task<void> task) {
  const auto with_value = [](Task<void> inner) -> Task<bool> {
    co_await std::move(inner);
    co_return true;
  };
  (void)run(loop, with_value(std::move(task)));
}

}  // namespace echostream
