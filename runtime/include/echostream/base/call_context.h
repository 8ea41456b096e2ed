// Deadline and cancellation of the call that a coroutine works for. Every task inherits it from the
// task that awaits it, so a nested call ends with the call it serves.
#pragma once

#include <optional>
#include <stop_token>

#include "echostream/base/time.h"

namespace echostream {

namespace internal {
class CallChain;
}

/// One call's deadline and cancellation. Lives on one loop's thread; outlives the tasks that run
/// under it.
class CallContext {
 public:
  /// Something that must hear of the cancellation. Unlinks itself when destroyed.
  class Listener {
   public:
    Listener() noexcept = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    void unlisten() noexcept;

   protected:
    virtual ~Listener() { unlisten(); }
    /// What it listens to: null before listen(), and after cancel() or the context's end.
    CallContext* context() const noexcept { return context_; }
    /// Called once, unlinked, from cancel(). Must not run user code: schedule it.
    virtual void on_cancel() = 0;

   private:
    friend class CallContext;
    Listener* next_ = nullptr;
    Listener* previous_ = nullptr;
    CallContext* context_ = nullptr;
  };

  explicit CallContext(LocalTime deadline = kNever) noexcept : deadline_(deadline) {}
  ~CallContext();
  CallContext(const CallContext&) = delete;
  CallContext& operator=(const CallContext&) = delete;

  LocalTime deadline() const noexcept { return deadline_; }
  void set_deadline(LocalTime deadline) noexcept { deadline_ = deadline; }
  bool is_cancelled() const noexcept { return cancelled_; }

  /// Marks the call cancelled and wakes everything that waits under it. Further calls do nothing.
  void cancel();
  void listen(Listener& listener) noexcept;
  /// A standard stop token that is stopped by cancel(); made when first asked for. May be handed to
  /// other threads.
  std::stop_token stop_token();

  /// The middleware around the call that is served; null where there is none.
  internal::CallChain* chain() const noexcept { return chain_; }
  void set_chain(internal::CallChain* chain) noexcept { chain_ = chain; }

 private:
  LocalTime deadline_;
  bool cancelled_ = false;
  Listener* first_ = nullptr;
  internal::CallChain* chain_ = nullptr;
  std::optional<std::stop_source> stop_source_;
};

}  // namespace echostream
