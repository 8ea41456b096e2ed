// What a source that can choose its rate, an encoder for example, should send now. The congestion
// window says how much a path holds before it loses; real-time traffic wants the queue of the path
// empty. So this looks at the delay: it grows while the delay is that of the empty path and what is
// allowed is used, and falls below what the path delivers as soon as a queue has built up, the
// deeper the further, so that it drains.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"

namespace echostream::transport {

class TargetRate {
 public:
  struct Observation {
    Duration latest_rtt{};
    Duration smoothed_rtt{};
    std::uint64_t congestion_window_bytes = 0;
    /// Acknowledged over the last window.
    std::uint64_t delivered_bytes_per_s = 0;
    /// Of what was sent a round trip ago: acknowledged and sent in the last half second.
    std::uint64_t acknowledged_bytes = 0;
    std::uint64_t sent_bytes = 0;
  };

  /// How often it is worth calling.
  static constexpr Duration kInterval = std::chrono::milliseconds(50);
  /// Queueing delay below which the rate may grow, and above which it must fall.
  static constexpr Duration kLowDelay = std::chrono::milliseconds(10);
  static constexpr Duration kHighDelay = std::chrono::milliseconds(25);
  static constexpr double kFirst = 125'000;  // 1 Mbit/s
  static constexpr double kLeast = 4'000;

  void observe(LocalTime now, const Observation& seen);
  /// Another path.
  void reset() { *this = TargetRate(); }
  /// 0 before the first observation.
  std::uint64_t bytes_per_s() const noexcept { return static_cast<std::uint64_t>(rate_); }

 private:
  Duration queueing_delay(LocalTime now, Duration rtt);
  void fall(double to);
  void grow(double intervals, double delivered);

  double rate_ = 0;
  double congested_at_ = 0;  // the rate at which the last queue built up
  double most_delivered_ = 0;
  Duration least_in_interval_ = Duration::max();
  // The rtt of the empty path: the least of this half of the memory, and of the one before.
  Duration base_ = Duration::max();
  Duration base_before_ = Duration::max();
  LocalTime base_begun_{};
  LocalTime next_at_{};
  LocalTime last_at_{};
};

}  // namespace echostream::transport
