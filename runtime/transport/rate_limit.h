// A token bucket on the time that it is told.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"

namespace echostream::transport {

/// At most `burst` at once, and `per_second` on average.
class RateLimit {
 public:
  RateLimit(std::uint64_t per_second, std::uint64_t burst) noexcept
      : per_second_(static_cast<double>(per_second)),
        burst_(static_cast<double>(burst)),
        tokens_(burst_) {}
  /// A second's worth at once.
  explicit RateLimit(std::uint64_t per_second) noexcept : RateLimit(per_second, per_second) {}

  /// False: there is none left.
  bool take(LocalTime now);
  /// Something earned: as if it had not been taken.
  void give(std::uint64_t amount);

  /// For amounts that are known only afterwards: takes them in any case.
  void spend(LocalTime now, std::uint64_t amount);
  /// When take() would succeed: now, later, or never.
  LocalTime ready_at(LocalTime now);

 private:
  void refill(LocalTime now);

  double per_second_;
  double burst_;
  double tokens_;
  LocalTime last_{};
};

}  // namespace echostream::transport
