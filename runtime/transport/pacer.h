// How much a connection sends back to back (RFC 9002 7.7): bursts that a queue on the way can take,
// and long enough for one GSO call. On paths so short that a timer would cost more than the burst,
// nothing waits until the path has shown that it can be overrun.
#pragma once

#include <cstddef>
#include <cstdint>

#include "echostream/base/time.h"

namespace echostream::transport {

/// A bucket of bytes that fills at a little more than the rate of the congestion window.
class Pacer {
 public:
  /// What is known of the path now.
  struct Path {
    Duration smoothed_rtt{};
    std::uint64_t congestion_window_bytes = 0;
    std::size_t packet_bytes = 1200;
    /// Loss or an ECN mark has ended slow start.
    bool is_congestion_seen = false;
  };

  static constexpr std::size_t kUnlimited = SIZE_MAX;
  /// A burst is what the path carries in that time, but no less than 10 packets, as an initial
  /// window is (half of the window once congestion was seen, if that is less), and no more than one
  /// GSO call takes.
  static constexpr Duration kBurstTime = std::chrono::milliseconds(1);
  static constexpr std::size_t kLeastBurstPackets = 10;
  static constexpr std::size_t kMostBurstBytes = 64 * 1024;
  /// Below that rtt there is no pacing before congestion was seen.
  static constexpr Duration kShortRtt = std::chrono::milliseconds(2);

  static bool is_paced(const Path& path);
  static std::size_t burst_bytes(const Path& path);

  /// The bytes that may be sent now; 0 while it is not yet worth a packet. kUnlimited where nothing
  /// is paced.
  std::size_t budget(LocalTime now, const Path& path);
  /// Of the last budget; the last packet may be larger than what was left.
  void on_sent(std::size_t bytes);
  /// When budget() has something again: half a burst, so that packets go in groups.
  LocalTime next_budget_at() const noexcept { return next_at_; }

 private:
  static double bytes_per_ns(const Path& path);

  double tokens_ = -1;  // negative before the first budget(), or while in debt
  bool is_started_ = false;
  bool is_limited_ = false;
  double burst_ = 0;
  double rate_ = 0;  // bytes per ns
  LocalTime filled_at_{};
  LocalTime next_at_{};
};

}  // namespace echostream::transport
