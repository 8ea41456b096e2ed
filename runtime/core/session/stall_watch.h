// Looks at something now and then for as long as there is something to look at.
#pragma once

#include <utility>

#include "echostream/base/executor.h"
#include "echostream/base/time.h"
#include "echostream/base/unique_function.h"

namespace echostream::core {

class StallWatch final : private TimerNode {
 public:
  /// `look` returns whether to look again after another `interval`. Zero: never looks.
  StallWatch(Executor& executor, Duration interval, UniqueFunction<bool(LocalTime)> look)
      : executor_(executor), interval_(interval), look_(std::move(look)) {}

  void start() {
    if (interval_ <= Duration{} || is_armed()) return;
    executor_.arm(*this, deadline_after(executor_.now(), interval_));
  }
  void stop() noexcept { disarm(); }

 private:
  void on_timer(LocalTime now) override {
    if (look_(now)) start();
  }

  Executor& executor_;
  Duration interval_;
  UniqueFunction<bool(LocalTime)> look_;
};

}  // namespace echostream::core
