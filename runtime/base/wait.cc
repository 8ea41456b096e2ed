#include "echostream/base/wait.h"

namespace echostream {

WaitAwaiter::WaitAwaiter(WaitPoint* point, LocalTime deadline, bool heeds_cancel) noexcept
    : point_(point), deadline_(deadline), heeds_cancel_(heeds_cancel) {}

// Also the way out of a wait whose coroutine is destroyed while it waits.
WaitAwaiter::~WaitAwaiter() { leave_point(); }

bool WaitAwaiter::suspend(internal::PromiseBase& promise) {
  const internal::TaskContext& context = promise.context();
  if (heeds_cancel_ && context.call != nullptr) {
    if (context.call->is_cancelled()) {
      // Through the ready queue all the same: a loop that ignores the result must not keep the
      // others from their turn.
      result_ = WaitResult::kCancelled;
      point_ = nullptr;
      promise.resume_soon();
      return true;
    }
    context.call->listen(cancel_);
  }
  waiter_ = &promise;
  if (deadline_ != kNever) context.executor->arm(timer_, deadline_);
  if (point_ != nullptr) {
    previous_ = point_->last_;
    (previous_ != nullptr ? previous_->next_ : point_->first_) = this;
    point_->last_ = this;
  }
  return true;
}

void WaitAwaiter::finish(WaitResult result) {
  result_ = result;
  timer_.disarm();
  cancel_.unlisten();
  leave_point();
  waiter_->resume_soon();
}

void WaitAwaiter::leave_point() noexcept {
  WaitPoint* point = std::exchange(point_, nullptr);
  if (point == nullptr || waiter_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : point->first_) = next_;
  (next_ != nullptr ? next_->previous_ : point->last_) = previous_;
  next_ = previous_ = nullptr;
}

WaitPoint::~WaitPoint() {
  // Whoever still waits would wait for ever: end the wait as cancelled.
  while (first_ != nullptr) first_->finish(WaitResult::kCancelled);
}

void WaitPoint::notify_one() {
  if (first_ != nullptr) first_->finish(WaitResult::kNotified);
}

void WaitPoint::notify_all() {
  while (first_ != nullptr) first_->finish(WaitResult::kNotified);
}

Task<WaitResult> sleep_for(Duration duration) {
  const internal::TaskContext context = co_await internal::current_context();
  co_return co_await sleep_until(deadline_after(context.executor->now(), duration));
}

}  // namespace echostream
