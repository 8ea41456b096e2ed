// The one way of waiting that everything awaitable in EchoStream is made of. A wait ends by
// notification, by its deadline, or because the call it works for was cancelled.
#pragma once

#include <algorithm>
#include <coroutine>

#include "echostream/base/task.h"

namespace echostream {

enum class WaitResult : unsigned char { kNotified, kDeadline, kCancelled };

class WaitPoint;

/// `co_await point.wait(deadline)`. Made by WaitPoint and sleep_until(); lives in the coroutine's
/// frame.
class WaitAwaiter {
 public:
  WaitAwaiter(WaitPoint* point, LocalTime deadline, bool heeds_cancel = true) noexcept;
  ~WaitAwaiter();
  WaitAwaiter(const WaitAwaiter&) = delete;
  WaitAwaiter& operator=(const WaitAwaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  template <internal::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    return suspend(handle.promise());
  }
  WaitResult await_resume() const noexcept { return result_; }
  /// Before it waits: no longer than until then.
  void end_by(LocalTime deadline) noexcept { deadline_ = std::min(deadline_, deadline); }

 private:
  friend class WaitPoint;
  struct Timer final : TimerNode {
    explicit Timer(WaitAwaiter& awaiter) noexcept : owner(awaiter) {}
    void on_timer(LocalTime) override { owner.finish(WaitResult::kDeadline); }
    WaitAwaiter& owner;
  };
  struct Cancel final : CallContext::Listener {
    explicit Cancel(WaitAwaiter& awaiter) noexcept : owner(awaiter) {}
    void on_cancel() override { owner.finish(WaitResult::kCancelled); }
    WaitAwaiter& owner;
  };

  bool suspend(internal::PromiseBase& promise);
  void finish(WaitResult result);
  void leave_point() noexcept;

  WaitPoint* point_;
  WaitAwaiter* next_ = nullptr;
  WaitAwaiter* previous_ = nullptr;
  internal::PromiseBase* waiter_ = nullptr;
  LocalTime deadline_;
  bool heeds_cancel_;
  WaitResult result_ = WaitResult::kNotified;
  Timer timer_{*this};
  Cancel cancel_{*this};
};

/// A place where tasks of one loop wait until somebody notifies them. A notification is not
/// remembered: look at the condition first, and again after waking.
class WaitPoint {
 public:
  WaitPoint() noexcept = default;
  ~WaitPoint();
  WaitPoint(const WaitPoint&) = delete;
  WaitPoint& operator=(const WaitPoint&) = delete;

  /// Waits at most until `deadline`.
  WaitAwaiter wait(LocalTime deadline = kNever) { return WaitAwaiter(this, deadline); }
  /// The same for the few who must not leave when their call is cancelled.
  WaitAwaiter wait_through_cancel(LocalTime deadline = kNever) {
    return WaitAwaiter(this, deadline, false);
  }
  /// Wakes who has waited longest; nobody if nobody waits.
  void notify_one();
  void notify_all();
  bool has_waiters() const noexcept { return first_ != nullptr; }

 private:
  friend class WaitAwaiter;
  WaitAwaiter* first_ = nullptr;
  WaitAwaiter* last_ = nullptr;
};

/// `co_await sleep_until(t)`: kDeadline when slept through, kCancelled when the call was cancelled.
inline WaitAwaiter sleep_until(LocalTime deadline) { return WaitAwaiter(nullptr, deadline); }

/// `co_await sleep_for(20ms)`.
Task<WaitResult> sleep_for(Duration duration);

}  // namespace echostream
