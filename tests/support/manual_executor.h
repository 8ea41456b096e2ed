// The smallest executor: time stands still until advance().
#pragma once

#include "echostream/base/executor.h"

namespace echostream::testing {

class ManualExecutor final : public Executor {
 public:
  LocalTime now() const override { return now_; }
  void schedule(ReadyNode& node) override { ready_.push(node); }
  void arm(TimerNode& node, LocalTime deadline) override { timers_.arm(node, deadline); }
  void post(UniqueFunction<void()> function) override { function(); }

  void run() { ready_.run(SIZE_MAX); }
  /// Moves the time on, stopping at each timer that is due on the way.
  void advance(Duration duration) {
    const LocalTime end = now_ + duration;
    run();
    while (timers_.next_deadline() <= end) {
      now_ = timers_.next_deadline();
      timers_.fire(now_);
      run();
    }
    now_ = end;
  }
  std::size_t armed_timers() const noexcept { return timers_.size(); }

 private:
  LocalTime now_{std::chrono::seconds(1)};
  ReadyQueue ready_;
  TimerQueue timers_;
};

}  // namespace echostream::testing
