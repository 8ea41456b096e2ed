#include "runtime/loop/uv/uv_loop.h"

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/loop/uv/host_lookup.h"
#include "runtime/loop/uv/network_watch.h"
#include "runtime/loop/uv/uv_tcp_listener.h"
#include "runtime/loop/uv/uv_udp_socket.h"
#include "runtime/loop/uv/watches.h"

namespace echostream {
namespace internal {
namespace {

// Ready nodes in one turn, so that tasks which keep waking each other do not keep datagrams and
// timers waiting. At a microsecond each it is a millisecond.
constexpr std::size_t kMostReadyInATurn = 1024;
// Fewer would send packets that are hardly filled, more would leave the peer waiting.
constexpr std::size_t kMostReadyAtOnce = 16;
// Longer polling saves nothing: a sleep costs a fraction of that.
constexpr Duration kMostBusyPoll = std::chrono::milliseconds(10);

}  // namespace

Result<std::unique_ptr<UvLoop>> UvLoop::make(SocketCalls& calls, DeadlineTimer::Kind timer_kind,
                                             LoopOptions options) {
  if (options.busy_poll < Duration::zero() || options.busy_poll > kMostBusyPoll) {
    return Status(StatusCode::kInvalidArgument, "LoopOptions::busy_poll is " +
                                                    std::to_string(options.busy_poll.count()) +
                                                    " ns; it can be 0 to 10 ms");
  }
  std::unique_ptr<UvLoop> loop(new UvLoop(calls, options));
  const int error = loop->open(timer_kind);
  if (error != 0) {
    return Status(StatusCode::kUnavailable,
                  "the system gives no event loop: " + std::generic_category().message(-error));
  }
  return loop;
}

int UvLoop::open(DeadlineTimer::Kind timer_kind) {
  const int error = uv_loop_init(&uv_);
  if (error != 0) return error;
  is_open_ = true;
  // Wakes the poll, nothing else: every turn looks at what was posted.
  const auto on_wakeup = [](uv_async_t* async) {
    static_cast<UvLoop*>(async->data)->was_woken_ = true;
  };
  const int no_wakeup =
      wakeup_.open(this, [&](uv_async_t* async) { return uv_async_init(&uv_, async, on_wakeup); });
  return no_wakeup != 0 ? no_wakeup : deadline_timer_.open(uv_, timer_kind);
}

UvLoop::~UvLoop() {
  if (!is_open_) return;
  ECHOSTREAM_CHECK(!is_running_, "a loop was destroyed from inside its run()");
  std::vector<UniqueFunction<void()>> dropped;
  {
    // Whoever was inside post() or stop() has left it once the lock is ours.
    const std::lock_guard lock(mutex_);
    dropped.swap(posted_);
  }
  dropped.clear();
  wakeup_.close();
  deadline_timer_.close();
  const auto is_closing = [](uv_handle_t* handle, void*) {
    ECHOSTREAM_CHECK(uv_is_closing(handle), "a socket or a watch outlives its loop");
  };
  uv_walk(&uv_, is_closing, nullptr);
  uv_run(&uv_, UV_RUN_DEFAULT);
  const int error = uv_loop_close(&uv_);
  ECHOSTREAM_CHECK(error == 0, "a libuv handle is left open");
}

void UvLoop::post(UniqueFunction<void()> function) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(std::move(function));
  // Those behind the first are covered by its wakeup.
  if (posted_.size() == 1) (void)uv_async_send(wakeup_.get());
}

void UvLoop::stop() {
  const std::lock_guard lock(mutex_);
  stop_requested_ = true;
  (void)uv_async_send(wakeup_.get());
}

void UvLoop::run() noexcept {
  ECHOSTREAM_CHECK(!is_running_, "run() was called from inside run()");
  is_running_ = true;
  while (!stop_requested_.exchange(false)) {
    run_posted();
    if (timers_.size() > 0) (void)timers_.fire(now());
    run_ready();
    if (!stop_requested_) poll();
  }
  is_running_ = false;
}

// What is to be sent does not wait for all that is ready: the peer begins with it while we go on
// with the others. With 64 calls out this makes twice as many a second.
void UvLoop::run_ready() {
  std::size_t count = 0;
  std::size_t ran = 0;
  do {
    ran = ready_.run(kMostReadyAtOnce);
    count += ran;
    (void)last_.run(kMostReadyInATurn);
    // What sending has made ready waits until we have looked at what came.
  } while (ran == kMostReadyAtOnce && count < kMostReadyInATurn && !stop_requested_);
}

void UvLoop::run_posted() {
  std::vector<UniqueFunction<void()>> functions;
  {
    const std::lock_guard lock(mutex_);
    functions.swap(posted_);
  }
  for (UniqueFunction<void()>& function : functions) {
    // Destroyed right after its call, as a task's owner expects, not with the last one.
    UniqueFunction<void()> running = std::move(function);
    running();
  }
}

bool UvLoop::has_work() const {
  const LocalTime deadline = timers_.next_deadline();
  return !ready_.empty() || !last_.empty() || (deadline != kNever && deadline <= now());
}

void UvLoop::poll() {
  if (has_work()) {
    uv_run(&uv_, UV_RUN_NOWAIT);
    return;
  }
  if (options_.busy_poll > Duration::zero() && poll_busily()) return;
  deadline_timer_.set(timers_.next_deadline());
  uv_run(&uv_, UV_RUN_ONCE);
}

// True when something has come to do.
bool UvLoop::poll_busily() {
  const LocalTime end = now() + options_.busy_poll;
  was_woken_ = false;
  do {
    uv_run(&uv_, UV_RUN_NOWAIT);
    if (was_woken_ || has_work()) return true;
    // Who sends what we wait for may be waiting for this core.
    std::this_thread::yield();
  } while (now() < end);
  return false;
}

Result<std::unique_ptr<UdpSocket>> UvLoop::open_udp(const UdpOptions& options,
                                                    UdpHandler& handler) {
  if (buffers_ == nullptr) buffers_ = std::make_unique<ReceiveBuffers>();
  return UvUdpSocket::open({uv_, *this, calls_, *buffers_}, options, handler);
}

Result<std::unique_ptr<TcpListener>> UvLoop::listen_tcp(
    const TcpOptions& options, UniqueFunction<void(std::unique_ptr<TcpConnection>)> accept) {
  return UvTcpListener::open(uv_, *this, options, std::move(accept));
}

std::unique_ptr<Pending> UvLoop::resolve(const std::string& host, std::uint16_t port,
                                         ResolveCallback callback) {
  return look_up(uv_, *this, host, port, std::move(callback));
}

Result<std::unique_ptr<Pending>> UvLoop::watch_stop_signals(UniqueFunction<void(int)> callback) {
  return SignalWatch::open(uv_, std::move(callback));
}

Result<std::unique_ptr<Pending>> UvLoop::watch_fd(int fd, bool readable, bool writable,
                                                  UniqueFunction<void()> callback) {
  return FdWatch::open(uv_, fd, readable, writable, std::move(callback));
}

Result<std::unique_ptr<Pending>> UvLoop::watch_network(UniqueFunction<void()> callback) {
  return NetworkWatch::open(uv_, std::move(callback));
}

Result<SocketAddress> UvLoop::source_address(const SocketAddress& remote,
                                             const SocketAddress& from) {
  return find_source_address(remote, from);
}

void UvLoop::fill_random(MutableBytes out) {
  if (out.empty()) return;
  const int error = uv_random(nullptr, nullptr, out.data(), out.size(), 0, nullptr);
  // Going on with bytes that can be guessed would be worse.
  ECHOSTREAM_CHECK(error == 0, "the system gives no random bytes");
}

std::string UvLoop::environment(const char* name) const {
  const char* value = secure_getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace internal

Result<std::unique_ptr<Loop>> make_loop(LoopOptions options) {
  // Without state, and shared by the loops of all threads.
  static internal::SystemSocketCalls calls;
  auto loop = internal::UvLoop::make(calls, internal::DeadlineTimer::Kind::kBest, options);
  if (!loop) return std::move(loop).error();
  return std::unique_ptr<Loop>(*std::move(loop));
}

}  // namespace echostream
