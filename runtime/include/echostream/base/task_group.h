// Running tasks side by side, each with an owner. There is no way to detach a task.
#pragma once

#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>

#include "echostream/base/task.h"
#include "echostream/base/wait.h"

namespace echostream {

class TaskGroup;

namespace internal {
/// The outermost coroutine of a spawned task; frees itself at the end.
class RootTask {
 public:
  class promise_type final : public PromiseBase {
   public:
    promise_type() noexcept;
    ~promise_type() override;
    RootTask get_return_object() noexcept;
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    /// Nobody awaits a root: an exception that gets here is a bug of the program, and ends it.
    [[noreturn]] void unhandled_exception() noexcept;

   private:
    friend class echostream::TaskGroup;
    TaskGroup* group_ = nullptr;
    promise_type* next_ = nullptr;
    promise_type* previous_ = nullptr;
  };

 private:
  friend class echostream::TaskGroup;
  explicit RootTask(promise_type* promise) noexcept : promise_(promise) {}
  promise_type* promise_;
};
}  // namespace internal

/// Owns the tasks it runs. Destroying the group destroys (cancels) those that have not ended. All
/// methods but post() belong to the executor's thread. A task must not destroy the group it runs
/// in.
class TaskGroup {
 public:
  explicit TaskGroup(Executor& executor) noexcept : executor_(executor) {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  Executor& executor() const noexcept { return executor_; }
  /// Starts the task from the ready queue, under `context` (which must outlive it) when one is
  /// given. A task that throws ends the program; a handler's exceptions are caught before they get
  /// here.
  void spawn(Task<void> task, CallContext* context = nullptr) {
    spawn(run(std::move(task)), context);
  }
  /// The same for a coroutine that is made for this: it costs one less.
  void spawn(internal::RootTask task, CallContext* context);
  /// As spawn(), from any thread. The group must outlive the call's arrival on the loop.
  void post(Task<void> task);
  /// Waits until no task is left (true) or until the deadline (false). A cancelled call goes on
  /// waiting: the tasks hear of the cancellation themselves.
  Task<bool> join(LocalTime deadline = kNever);
  /// Destroys every task now. Not from inside one of them.
  void clear() noexcept;
  std::size_t size() const noexcept { return size_; }

 private:
  friend class internal::RootTask::promise_type;
  static internal::RootTask run(Task<void> task);
  void remove(internal::RootTask::promise_type& root) noexcept;

  Executor& executor_;
  internal::RootTask::promise_type* first_ = nullptr;
  std::size_t size_ = 0;
  WaitPoint empty_;
};

namespace internal {
template <class T>
Task<void> store(Task<T> task, std::optional<T>& slot) {
  slot.emplace(co_await std::move(task));
}
/// The same for somebody who wants to see an exception.
template <class T>
Task<void> store_or_catch(Task<T> task, std::optional<T>& slot, std::exception_ptr& thrown) {
  try {
    slot.emplace(co_await std::move(task));
  } catch (...) {
    thrown = std::current_exception();
  }
}
template <class T>
Task<void> fulfil(Task<T> task, std::promise<T> promise) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      promise.set_value();
    } else {
      promise.set_value(co_await std::move(task));
    }
  } catch (...) {
    promise.set_exception(std::current_exception());
  }
}
/// Writes the exception that is being handled to stderr: "echostream: <what> threw: ...".
void report_exception(const char* what) noexcept;

template <class T, class Callback>
Task<void> deliver(Task<T> task, Callback callback) {
  T result = co_await std::move(task);
  try {
    callback(std::move(result));
  } catch (...) {
    report_exception("the callback of then()");
  }
}
}  // namespace internal

/// Runs the tasks side by side and yields all their results. Dropping it drops them all. When some
/// throw, the last exception is thrown once all have ended.
template <class... T>
Task<std::tuple<T...>> when_all(Task<T>... tasks) {
  internal::TaskContext context = co_await internal::current_context();
  std::tuple<std::optional<T>...> slots;
  std::exception_ptr thrown;
  TaskGroup group(*context.executor);
  std::apply(
      [&](std::optional<T>&... slot) {
        (group.spawn(internal::store_or_catch(std::move(tasks), slot, thrown), context.call), ...);
      },
      slots);
  co_await group.join();
  if (thrown) std::rethrow_exception(thrown);
  co_return std::apply(
      [](std::optional<T>&... slot) { return std::tuple<T...>(*std::move(slot)...); }, slots);
}

/// For programs that do not use coroutines: the task's result as a std::future. Callable from any
/// thread; never wait for the future on the loop's own thread.
template <class T>
std::future<T> as_future(TaskGroup& owner, Task<T> task) {
  std::promise<T> promise;
  std::future<T> future = promise.get_future();
  owner.post(internal::fulfil(std::move(task), std::move(promise)));
  return future;
}

/// Calls `callback(result)` on the loop's thread when the task ends. Callable from any thread. What
/// the callback throws is written to stderr, and goes no further.
template <class T, class Callback>
void then(TaskGroup& owner, Task<T> task, Callback callback) {
  owner.post(internal::deliver(std::move(task), std::move(callback)));
}

/// Blocks this thread until the task, run by `owner` on its loop's thread, has ended.
template <class T>
T sync_wait(TaskGroup& owner, Task<T> task) {
  return as_future(owner, std::move(task)).get();
}

}  // namespace echostream
