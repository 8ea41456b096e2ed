// What the tests of the loop share: runs with a bound, a handler that records, and system calls
// that fail when a test wants it.
#pragma once

#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <time.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "echostream/loop.h"

#include "runtime/loop/uv/socket_calls.h"
#include "runtime/loop/uv/uv_loop.h"

namespace echostream {

// How GoogleTest shows them.
inline void PrintTo(UdpSocket::SendResult result, std::ostream* out) {
  switch (result) {
    case UdpSocket::SendResult::kSent:
      *out << "kSent";
      return;
    case UdpSocket::SendResult::kBlocked:
      *out << "kBlocked";
      return;
    case UdpSocket::SendResult::kTooBig:
      *out << "kTooBig";
      return;
    case UdpSocket::SendResult::kDropped:
      *out << "kDropped";
      return;
  }
}

namespace internal {

inline void PrintTo(DeadlineTimer::Kind kind, std::ostream* out) {
  *out << (kind == DeadlineTimer::Kind::kBest ? "Best" : "Milliseconds");
}

/// A timer that calls a function.
class TestTimer final : public TimerNode {
 public:
  explicit TestTimer(std::function<void(LocalTime)> function) : function_(std::move(function)) {}

 private:
  void on_timer(LocalTime now) override { function_(now); }
  std::function<void(LocalTime)> function_;
};

/// A ready node that calls a function.
class TestNode final : public ReadyNode {
 public:
  explicit TestNode(std::function<void()> function) : function_(std::move(function)) {}

 private:
  void on_ready() override { function_(); }
  std::function<void()> function_;
};

/// Runs the loop until stop(). False, and a failure, when nobody calls it for ten seconds.
inline bool run_bounded(Loop& loop) {
  bool timed_out = false;
  TestTimer watchdog([&](LocalTime) {
    timed_out = true;
    loop.stop();
  });
  loop.arm(watchdog, loop.now() + std::chrono::seconds(10));
  loop.run();
  EXPECT_FALSE(timed_out) << "nothing stopped the loop";
  return !timed_out;
}

/// Lets the loop run for a while.
inline void run_for(Loop& loop, Duration duration) {
  TestTimer end([&](LocalTime) { loop.stop(); });
  loop.arm(end, loop.now() + duration);
  loop.run();
}

/// What this thread has used of the processor: shows a loop that spins.
inline Duration thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return Duration(std::chrono::seconds(time.tv_sec)) + Duration(time.tv_nsec);
}

struct Recorded {
  SocketAddress local;
  SocketAddress remote;
  Ecn ecn;
  LocalTime received_at;
  LocalTime handled_at;
  std::string text;
};

/// Keeps what it gets, and stops the loop when `until` holds.
class RecordingHandler final : public UdpHandler {
 public:
  explicit RecordingHandler(Loop& loop) : loop_(loop) {}

  /// Runs the loop until `condition` holds.
  bool wait_until(std::function<bool()> condition) {
    until_ = std::move(condition);
    const bool held = until_() || run_bounded(loop_);
    until_ = nullptr;
    return held;
  }
  bool wait_for(std::size_t count) {
    return wait_until([this, count] { return datagrams.size() >= count; });
  }

  std::vector<Recorded> datagrams;
  int batch_ends = 0;
  int writable = 0;
  std::function<void(const ReceivedDatagram&)> on_datagram;
  std::function<void()> on_writable;

 private:
  void handle_datagram(const ReceivedDatagram& datagram) override {
    datagrams.push_back({datagram.local, datagram.remote, datagram.ecn, datagram.received_at,
                         loop_.now(), std::string(as_text(datagram.data))});
    if (on_datagram) on_datagram(datagram);
  }
  void handle_batch_end() override {
    ++batch_ends;
    check();
  }
  void handle_writable() override {
    ++writable;
    if (on_writable) on_writable();
    check();
  }
  void check() {
    if (until_ && until_()) loop_.stop();
  }

  Loop& loop_;
  std::function<bool()> until_;
};

/// The system's calls, except where a test put an error: the next call of that kind returns it
/// instead. 0 lets one call pass.
class FaultyCalls final : public SystemSocketCalls {
 public:
  int open(int family) override {
    if (missing_families.contains(family)) return -EAFNOSUPPORT;
    return last_opened = SystemSocketCalls::open(family);
  }
  int set_option(int fd, int level, int name, int value) override {
    if (missing_options.contains({level, name})) return -ENOPROTOOPT;
    return SystemSocketCalls::set_option(fd, level, name, value);
  }
  ssize_t send(int fd, const msghdr& message) override {
    ++sends;
    const int error = take(send_errors);
    return error != 0 ? -error : SystemSocketCalls::send(fd, message);
  }
  int send_many(int fd, mmsghdr* messages, unsigned count) override {
    ++sends_of_many;
    const int error = take(send_many_errors);
    if (error != 0) return -error;
    return SystemSocketCalls::send_many(fd, messages, std::min(count, most_in_one_call));
  }
  int receive_many(int fd, mmsghdr* messages, unsigned count) override {
    ++receives;
    const int error = take(receive_errors);
    if (error != 0) return -error;
    const int received = SystemSocketCalls::receive_many(fd, messages, count);
    if (after_receive && received > 0) after_receive(messages, received);
    return received;
  }

  std::set<int> missing_families;
  std::set<std::pair<int, int>> missing_options;
  std::deque<int> send_errors;
  std::deque<int> send_many_errors;
  std::deque<int> receive_errors;
  unsigned most_in_one_call = 1024;
  std::function<void(mmsghdr*, int)> after_receive;
  int last_opened = -1;
  int sends = 0;
  int sends_of_many = 0;
  int receives = 0;

 private:
  static int take(std::deque<int>& errors) {
    if (errors.empty()) return 0;
    const int error = errors.front();
    errors.pop_front();
    return error;
  }
};

inline std::unique_ptr<UvLoop> make_test_loop(SocketCalls& calls,
                                              DeadlineTimer::Kind kind = DeadlineTimer::Kind::kBest,
                                              LoopOptions options = {}) {
  auto loop = UvLoop::make(calls, kind, options);
  EXPECT_TRUE(loop.has_value());
  return *std::move(loop);
}

inline SocketAddress address(const char* text) { return SocketAddress::parse(text).value(); }

inline std::unique_ptr<UdpSocket> open_socket(Loop& loop, const SocketAddress& bind_to,
                                              UdpHandler& handler) {
  UdpOptions options;
  options.bind_to = bind_to;
  auto socket = loop.open_udp(options, handler);
  EXPECT_TRUE(socket.has_value()) << socket.status();
  return socket ? *std::move(socket) : nullptr;
}

inline OutgoingDatagrams datagrams_to(const SocketAddress& remote, std::string_view data,
                                      std::size_t segment_size = 0) {
  OutgoingDatagrams out;
  out.remote = remote;
  out.data = as_bytes(data);
  out.segment_size = segment_size;
  return out;
}

/// `count` datagrams of `size` bytes in a row, each filled with a letter of its own.
inline std::string letters(std::size_t count, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text.append(size, static_cast<char>('a' + i % 26));
  return text;
}

}  // namespace internal
}  // namespace echostream
