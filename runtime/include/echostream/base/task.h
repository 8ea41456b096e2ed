// Task<T>: the coroutine type of EchoStream. What runs it is an Executor; who owns it is whoever
// holds it.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "echostream/base/block_pool.h"
#include "echostream/base/call_context.h"
#include "echostream/base/check.h"
#include "echostream/base/executor.h"

namespace echostream {

template <class T = void>
class Task;

/// g++ 12 destroys some temporaries inside a co_await expression twice: aggregates and closures
/// that own something (docs/decisions/0002). Option types assert this, so that they are safe to
/// build in place.
template <class T>
inline constexpr bool kSafeInAwait = !std::is_aggregate_v<T> || std::is_trivially_destructible_v<T>;

namespace internal {

/// What every task carries and hands to the tasks it awaits.
struct TaskContext {
  Executor* executor = nullptr;
  CallContext* call = nullptr;
};

class PromiseBase;

/// Follows tasks from outside: cheaper than a coroutine around each. One that is followed several
/// times was handed through: `first` says by whom first, `last` by whom last.
class TaskFollower {
 public:
  struct Places {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };
  /// The task threw; this runs inside the catch clause. True: a value was put in the exception's
  /// place.
  virtual bool on_task_threw(PromiseBase& task, Places places) noexcept = 0;
  /// Its result was taken, or it was destroyed.
  virtual void on_task_gone(Places places) noexcept = 0;

 protected:
  ~TaskFollower() = default;
};

/// The part of a promise that does not depend on the result type. Resumed from the ready queue
/// only, by itself or behind what it awaited.
class PromiseBase : public ReadyNode, public PooledObject {
 public:
  TaskContext& context() noexcept { return context_; }
  /// Makes the coroutine run soon. It must be suspended.
  void resume_soon() { context_.executor->schedule(*this); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept {
    if (follower_ != nullptr && follower_->on_task_threw(*this, places_)) return;
    exception_ = std::current_exception();
  }

 protected:
  explicit PromiseBase(std::coroutine_handle<> self) noexcept : self_(self) {}
  ~PromiseBase() override { let_go(); }
  /// Whoever awaited what ends here goes on next: one after the other on this stack, not one inside
  /// the other.
  void on_ready() override {
    PromiseBase* next = this;
    while (next != nullptr) {
      PromiseBase& running = *std::exchange(next, nullptr);
      running.next_ = &next;
      // It may be gone afterwards.
      running.self_.resume();
    }
  }
  void let_go() noexcept {
    if (follower_ != nullptr) std::exchange(follower_, nullptr)->on_task_gone(places_);
  }
  void rethrow() {
    let_go();
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> finished) noexcept {
      PromiseBase& promise = finished.promise();
      // While the parent is still inside its await_suspend it looks at done() itself.
      if (promise.parent_ != nullptr && !promise.starting_) *promise.next_ = promise.parent_;
    }
    void await_resume() noexcept {}
  };

 public:
  FinalAwaiter final_suspend() noexcept { return {}; }

 private:
  template <class T>
  friend class echostream::Task;
  std::coroutine_handle<> self_;
  PromiseBase* parent_ = nullptr;
  // Where on_ready() looks who goes on when this has ended.
  PromiseBase** next_ = nullptr;
  bool starting_ = false;
  TaskContext context_;
  std::exception_ptr exception_;
  TaskFollower* follower_ = nullptr;
  TaskFollower::Places places_;
};

template <class P>
concept TaskPromise = std::derived_from<P, PromiseBase>;

template <class T>
class Promise final : public PromiseBase {
 public:
  Promise() noexcept : PromiseBase(std::coroutine_handle<Promise>::from_promise(*this)) {}
  Task<T> get_return_object() noexcept;
  template <class U = T>
  requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) { value_.emplace(std::forward<U>(value)); }
  T take() {
    rethrow();
    return *std::move(value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  Promise() noexcept : PromiseBase(std::coroutine_handle<Promise>::from_promise(*this)) {}
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() { rethrow(); }
};

}  // namespace internal

/// A lazy coroutine: it starts when it is awaited (or spawned in a TaskGroup), once. Move-only.
/// Destroying a Task that has not finished destroys the coroutine where it is suspended, with
/// everything it awaits: that is how one cancels. A Task stays on the executor of whoever awaits
/// it. Never destroy a Task from inside itself.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using value_type = T;

  Task() noexcept = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() { reset(); }

  explicit operator bool() const noexcept { return handle_ != nullptr; }
  /// Not for programs. The follower must outlive the task; always the same one.
  void follow(internal::TaskFollower& follower, std::uint32_t place) noexcept {
    internal::PromiseBase& promise = handle_.promise();
    if (promise.follower_ == nullptr) promise.places_.first = place;
    promise.places_.last = place;
    promise.follower_ = &follower;
  }

  class Awaiter {
   public:
    explicit Awaiter(std::coroutine_handle<promise_type> child) noexcept : child_(child) {}
    bool await_ready() const noexcept { return false; }
    /// Runs the child until it suspends or ends. A child that ends at once costs no trip through
    /// the queue and no stack: the parent simply goes on.
    template <internal::TaskPromise P>
    bool await_suspend(std::coroutine_handle<P> parent) {
      internal::PromiseBase& promise = child_.promise();
      promise.parent_ = &parent.promise();
      promise.context_ = parent.promise().context();
      promise.starting_ = true;
      child_.resume();
      promise.starting_ = false;
      return !child_.done();
    }
    T await_resume() { return child_.promise().take(); }

   private:
    std::coroutine_handle<promise_type> child_;
  };

  /// Starts the task; yields its result, or throws what it threw.
  Awaiter operator co_await() && {
    ECHOSTREAM_CHECK(handle_ != nullptr, "an empty or moved-from Task was awaited");
    return Awaiter(handle_);
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  void reset() noexcept {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }
  std::coroutine_handle<promise_type> handle_;
};

namespace internal {
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

struct ContextAwaiter {
  TaskContext context;
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> handle) noexcept {
    context = handle.promise().context();
    return false;
  }
  TaskContext await_resume() const noexcept { return context; }
};
/// `co_await current_context()`: the executor and the call of the running task. Does not suspend.
inline ContextAwaiter current_context() { return {}; }

struct YieldAwaiter {
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  void await_suspend(std::coroutine_handle<P> handle) noexcept {
    handle.promise().resume_soon();
  }
  void await_resume() const noexcept {}
};
}  // namespace internal

/// `co_await yield_now()`: goes to the end of the ready queue, so that others have their turn.
inline internal::YieldAwaiter yield_now() { return {}; }

}  // namespace echostream
