// Notices when a loop stood still: a handler that computes or blocks for seconds, a debugger, a
// machine that was suspended or starved. Nothing on the loop's thread can be told while it lasts;
// what is said afterwards explains the timeouts that peers had meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "echostream/base/executor.h"

namespace echostream::internal {

/// A timer that should fire each second, and complains when it fires more than a second late. It
/// runs only while `is_needed` holds: nobody is waiting for a node without sessions.
class StallWatch final : private TimerNode {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr Duration kLeastStall = std::chrono::seconds(1);
  /// At most one complaint in that time.
  static constexpr Duration kQuiet = std::chrono::seconds(10);

  StallWatch(Executor& executor, std::function<bool()> is_needed,
             std::function<void(const std::string&)> complain)
      : executor_(executor), is_needed_(std::move(is_needed)), complain_(std::move(complain)) {}

  /// How often, and for how long in all.
  std::uint64_t stalls() const noexcept { return stalls_; }
  Duration stalled() const noexcept { return stalled_; }

  /// Begins to watch, unless it does already.
  void start();

 private:
  void on_timer(LocalTime now) override;

  Executor& executor_;
  std::function<bool()> is_needed_;
  std::function<void(const std::string&)> complain_;
  LocalTime quiet_until_{};
  std::uint64_t unsaid_ = 0;
  std::uint64_t stalls_ = 0;
  Duration stalled_{};
};

}  // namespace echostream::internal
