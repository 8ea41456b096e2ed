#include "runtime/transport/target_rate.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace echostream::transport {
namespace {

// Half of the time for which an rtt counts as that of the empty path.
constexpr Duration kBaseMemory = std::chrono::seconds(15);
// Growth per interval, far below what the path was seen to take and near to it.
constexpr double kFastGrowth = 0.03;
constexpr double kSlowGrowth = 0.006;
constexpr double kNear = 0.85;
constexpr double kBeyond = 1.05;
// No more than that above what was really delivered: what is not used proves nothing.
constexpr double kUnproven = 1.5;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Duration TargetRate::queueing_delay(LocalTime now, Duration rtt) {
  if (now - base_begun_ >= kBaseMemory) {
    base_before_ = base_;
    base_ = rtt;
    base_begun_ = now;
  }
  base_ = std::min(base_, rtt);
  return rtt - std::min(base_, base_before_);
}

void TargetRate::fall(double to) {
  if (to >= rate_) return;
  rate_ = std::max(to, kLeast);
}

void TargetRate::grow(double intervals, double delivered) {
  const bool is_used = delivered >= 0.6 * rate_;
  if (!is_used) return;
  const bool is_near = rate_ > kNear * congested_at_ && rate_ < kBeyond * congested_at_;
  rate_ *= std::pow(1 + (is_near ? kSlowGrowth : kFastGrowth), intervals);
}

void TargetRate::observe(LocalTime now, const Observation& seen) {
  // The least of an interval: jitter is no queue.
  least_in_interval_ = std::min(least_in_interval_, seen.latest_rtt);
  if (now < next_at_) return;
  const double passed = std::min(seconds(now - last_at_) / seconds(kInterval), 4.0);
  last_at_ = now;
  next_at_ = now + kInterval;
  const Duration delay = queueing_delay(now, std::exchange(least_in_interval_, Duration::max()));
  const double of_window = 0.9 * static_cast<double>(seen.congestion_window_bytes) /
                           std::max(seconds(seen.smoothed_rtt), 1e-6);
  const auto delivered = static_cast<double>(seen.delivered_bytes_per_s);
  if (rate_ <= 0) {
    rate_ = std::min(of_window, kFirst);
    return;
  }
  most_delivered_ = std::max(delivered, most_delivered_ * std::pow(0.995, passed));
  const bool is_lossy = seen.sent_bytes > 10'000 && static_cast<double>(seen.acknowledged_bytes) <
                                                        0.85 * static_cast<double>(seen.sent_bytes);
  if (delay > kHighDelay) {
    congested_at_ = delivered;
    // 25 ms of queue: nine tenths; 200 ms and more: four tenths of what passes.
    fall(delivered * std::clamp(0.97 - seconds(delay) * 2.9, 0.4, 0.9));
  } else if (is_lossy) {
    congested_at_ = delivered;
    fall(0.9 * delivered);
  } else if (delay < kLowDelay) {
    grow(passed, delivered);
  }
  rate_ = std::min({rate_, of_window, std::max(kUnproven * most_delivered_, kFirst)});
  rate_ = std::max(rate_, kLeast);
}

}  // namespace echostream::transport
