// How long to wait before trying again, and how many calls may be sent again. No clock and no
// random source: both are handed in.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"

namespace echostream {

/// Exponential, with full jitter: each pause is a random part of a bound that grows. Clients that
/// lost the same server at the same moment then come back spread over the whole bound
/// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
class Backoff {
 public:
  Backoff(Duration initial, Duration most, double multiplier) noexcept
      : initial_(initial), most_(most), multiplier_(multiplier), bound_(initial) {}

  /// The next pause, in [0, bound). `random`: 64 uniform bits.
  Duration next(std::uint64_t random) noexcept;
  /// The bound of the next pause.
  Duration bound() const noexcept { return bound_; }
  void reset() noexcept { bound_ = initial_; }

 private:
  Duration initial_;
  Duration most_;
  double multiplier_;
  Duration bound_;
};

/// Keeps calls that are sent again to a share of those made, so that a peer that fails under load
/// is not met with more load.
class RetryBudget {
 public:
  RetryBudget(double share, std::uint32_t burst) noexcept
      : share_(share), most_(burst == 0 && share > 0 ? 1 : burst), tokens_(burst) {}

  /// A call was made for the first time.
  void count_call() noexcept { tokens_ = tokens_ + share_ < most_ ? tokens_ + share_ : most_; }
  /// May one be sent again? Counts it.
  bool take() noexcept {
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double share_;
  // At least the one that a share saves up for, also without a burst.
  double most_;
  double tokens_;
};

}  // namespace echostream
