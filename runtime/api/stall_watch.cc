#include "runtime/api/stall_watch.h"

namespace echostream::internal {

void StallWatch::start() {
  if (!is_armed()) executor_.arm(*this, executor_.now() + kInterval);
}

void StallWatch::on_timer(LocalTime now) {
  const Duration late = now - deadline();
  if (is_needed_()) start();
  if (late < kLeastStall) return;
  ++stalls_;
  stalled_ += late;
  if (now < quiet_until_) {
    ++unsaid_;
    return;
  }
  quiet_until_ = now + kQuiet;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(late).count();
  std::string text = "the loop stood still for " + std::to_string(ms) +
                     " ms: something kept its thread (a handler that computes or blocks, a "
                     "debugger, a suspended machine); peers may have given up";
  if (unsaid_ > 0) text += "; it did so " + std::to_string(unsaid_) + " times more before";
  unsaid_ = 0;
  complain_(text);
}

}  // namespace echostream::internal
