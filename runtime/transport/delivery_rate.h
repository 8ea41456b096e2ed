// How fast a path delivers (draft-cheng-iccrg-delivery-rate-estimation), from what is acknowledged
// of streams and datagrams: ngtcp2 1.11 tells nothing of single packets. The rate is that at which
// acknowledgements come, over a window long enough that their bunching does not matter. What is
// measured while the sender had nothing more to send says how much passes at least, not how much
// could.
#pragma once

#include <cstdint>

#include "echostream/base/time.h"

#include "runtime/transport/byte_history.h"

namespace echostream::transport {

class DeliveryRate {
 public:
  /// The window: two round trips, within these.
  static constexpr Duration kLeastWindow = std::chrono::milliseconds(200);
  static constexpr Duration kMostWindow = std::chrono::seconds(1);
  /// How long a rate that was reached counts while less is sent.
  static constexpr Duration kMemory = std::chrono::seconds(10);

  /// Acknowledged bytes of the application's; `is_app_limited`: the sender waits for nothing but
  /// its application.
  void on_acknowledged(LocalTime now, std::uint64_t bytes, Duration rtt, bool is_app_limited);
  /// Another path: what was known is of another one.
  void reset();

  /// The best estimate; 0 before a first window.
  std::uint64_t bytes_per_s(LocalTime now) const;
  /// What was delivered in the last window, whatever limited it.
  std::uint64_t recent_bytes_per_s(LocalTime now) const;
  const ByteHistory& acknowledged() const noexcept { return acknowledged_; }

 private:
  ByteHistory acknowledged_;
  Duration window_ = kLeastWindow;
  LocalTime begun_ = kNever;
  LocalTime app_limited_at_{};
  // The most of this half of the memory, and of the one before.
  double most_ = 0;
  double most_before_ = 0;
  LocalTime half_begun_{};
};

}  // namespace echostream::transport
