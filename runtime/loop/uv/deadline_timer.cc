#include "runtime/loop/uv/deadline_timer.h"

#include <errno.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/timerfd.h>
#endif

#include <algorithm>
#include <cstdint>

#include "echostream/base/check.h"

#include "runtime/loop/uv/clocks.h"

namespace echostream::internal {

int DeadlineTimer::open(uv_loop_t& loop, Kind kind) {
  if (kind == Kind::kBest) {
    const int error = open_timerfd(loop);
    // Sandboxes refuse timerfd with EPERM or ENOSYS. Out of descriptors is an error, not a reason
    // to become imprecise.
    if (error != UV_ENOSYS && error != UV_EPERM) return error;
  }
  return timer_.open(this, [&](uv_timer_t* timer) { return uv_timer_init(&loop, timer); });
}

void DeadlineTimer::close() noexcept {
  poll_.close();
  timer_.close();
  fd_ = UniqueFd();
}

void DeadlineTimer::set(LocalTime deadline) {
  // One that fires too early costs a turn of the loop; moving it costs a system call each time that
  // a packet puts a timeout off.
  if (deadline >= armed_) return;
  armed_ = deadline;
  if (fd_.is_open()) {
    set_timerfd(deadline);
  } else {
    set_milliseconds(deadline);
  }
}

void DeadlineTimer::set_milliseconds(LocalTime deadline) {
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now());
  uv_update_time(timer_.get()->loop);
  const auto on_time = [](uv_timer_t* timer) {
    static_cast<DeadlineTimer*>(timer->data)->armed_ = kNever;
    // libuv runs timers before it polls, too, and would then sleep on, with no timer left.
    uv_stop(timer->loop);
  };
  uv_timer_start(timer_.get(), on_time,
                 static_cast<std::uint64_t>(std::max<std::int64_t>(wait.count(), 0)), 0);
}

#if defined(__linux__)

int DeadlineTimer::open_timerfd(uv_loop_t& loop) {
  UniqueFd fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!fd.is_open()) return -errno;
  int error =
      poll_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(&loop, poll, fd.get()); });
  if (error != 0) return error;
  fd_ = std::move(fd);
  const auto on_time = [](uv_poll_t* poll, int, int) {
    auto& self = *static_cast<DeadlineTimer*>(poll->data);
    std::uint64_t expirations = 0;
    // Nothing to read means that the timer was moved after it had fired.
    if (::read(self.fd_.get(), &expirations, sizeof expirations) > 0) self.armed_ = kNever;
  };
  return uv_poll_start(poll_.get(), UV_READABLE, on_time);
}

void DeadlineTimer::set_timerfd(LocalTime deadline) {
  // Zero and less would disarm or be refused; any time in the past fires at once.
  const Duration at = std::max(deadline.time_since_epoch(), Duration(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  itimerspec setting{};
  setting.it_value.tv_sec = seconds.count();
  setting.it_value.tv_nsec = (at - seconds).count();
  const int result = timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
  ECHOSTREAM_CHECK(result == 0, "timerfd_settime refused a deadline");
}

#else

int DeadlineTimer::open_timerfd(uv_loop_t&) { return UV_ENOSYS; }
void DeadlineTimer::set_timerfd(LocalTime) {}

#endif

}  // namespace echostream::internal
