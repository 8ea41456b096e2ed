// Wakes the loop at the earliest deadline. libuv's own timers count whole milliseconds, so on Linux
// this is a timerfd; elsewhere, or where the system refuses one, it is a uv_timer.
#pragma once

#include "echostream/base/time.h"

#include "runtime/loop/uv/unique_fd.h"
#include "runtime/loop/uv/uv_handle.h"

namespace echostream::internal {

class DeadlineTimer {
 public:
  enum class Kind { kBest, kMilliseconds };

  /// 0 or the negative errno of what failed.
  int open(uv_loop_t& loop, Kind kind = Kind::kBest);
  void close() noexcept;
  /// Wakes the loop's poll at `deadline` or, with milliseconds, up to one later. Makes a system
  /// call only for a deadline before the armed one: that one may fire when it is not wanted any
  /// more, and the loop then sets it again.
  void set(LocalTime deadline);

 private:
  int open_timerfd(uv_loop_t& loop);
  void set_timerfd(LocalTime deadline);
  void set_milliseconds(LocalTime deadline);

  LocalTime armed_ = kNever;
  UniqueFd fd_;
  UvHandle<uv_poll_t> poll_;
  UvHandle<uv_timer_t> timer_;
};

}  // namespace echostream::internal
