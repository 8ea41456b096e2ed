#include "echostream/base/task_group.h"

#include <cstdio>
#include <cstdlib>

namespace echostream {

namespace internal {

RootTask::promise_type::promise_type() noexcept
    : PromiseBase(std::coroutine_handle<promise_type>::from_promise(*this)) {}

RootTask::promise_type::~promise_type() {
  if (group_ != nullptr) group_->remove(*this);
}

RootTask RootTask::promise_type::get_return_object() noexcept { return RootTask(this); }

void RootTask::promise_type::unhandled_exception() noexcept {
  report_exception("a spawned task");
  std::abort();
}

void report_exception(const char* what) noexcept {
  try {
    throw;
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "echostream: %s threw: %s\n", what, exception.what());
  } catch (...) {
    std::fprintf(stderr, "echostream: %s threw something unknown\n", what);
  }
}

}  // namespace internal

TaskGroup::~TaskGroup() { clear(); }

internal::RootTask TaskGroup::run(Task<void> task) { co_await std::move(task); }

void TaskGroup::spawn(internal::RootTask task, CallContext* context) {
  internal::RootTask::promise_type& root = *task.promise_;
  root.context() = {&executor_, context};
  root.group_ = this;
  root.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &root;
  first_ = &root;
  ++size_;
  root.resume_soon();
}

void TaskGroup::post(Task<void> task) {
  executor_.post([this, task = std::move(task)]() mutable { spawn(std::move(task)); });
}

Task<bool> TaskGroup::join(LocalTime deadline) {
  while (size_ > 0) {
    const WaitResult result = co_await empty_.wait_through_cancel(deadline);
    if (result == WaitResult::kDeadline) break;
  }
  co_return size_ == 0;
}

void TaskGroup::clear() noexcept {
  while (first_ != nullptr) {
    std::coroutine_handle<internal::RootTask::promise_type>::from_promise(*first_).destroy();
  }
}

void TaskGroup::remove(internal::RootTask::promise_type& root) noexcept {
  if (root.next_ != nullptr) root.next_->previous_ = root.previous_;
  (root.previous_ != nullptr ? root.previous_->next_ : first_) = root.next_;
  if (--size_ == 0) empty_.notify_all();
}

}  // namespace echostream
