#include "runtime/transport/pacer.h"

#include <algorithm>
#include <cmath>

namespace echostream::transport {

bool Pacer::is_paced(const Path& path) {
  return path.is_congestion_seen || path.smoothed_rtt >= kShortRtt;
}

double Pacer::bytes_per_ns(const Path& path) {
  // Faster than the window by as much as keeps it from being underused; in slow start by as much as
  // it grows within a round trip.
  const double gain = path.is_congestion_seen ? 1.25 : 2.0;
  const auto rtt = std::max<double>(static_cast<double>(path.smoothed_rtt.count()), 1);
  return gain * static_cast<double>(path.congestion_window_bytes) / rtt;
}

std::size_t Pacer::burst_bytes(const Path& path) {
  const double in_time = bytes_per_ns(path) * static_cast<double>(kBurstTime.count());
  std::size_t least = kLeastBurstPackets * path.packet_bytes;
  if (path.is_congestion_seen) {
    // Losses come in bursts, too: the other half of the window is what finds them out.
    const auto half = static_cast<std::size_t>(path.congestion_window_bytes / 2);
    least = std::min(least, std::max(half, 2 * path.packet_bytes));
  }
  least = std::min(least, kMostBurstBytes);
  const auto most = static_cast<double>(std::max(kMostBurstBytes, path.packet_bytes));
  return std::max({least, path.packet_bytes, static_cast<std::size_t>(std::min(in_time, most))});
}

std::size_t Pacer::budget(LocalTime now, const Path& path) {
  is_limited_ = is_paced(path);
  if (!is_limited_) {
    is_started_ = false;
    return kUnlimited;
  }
  burst_ = static_cast<double>(burst_bytes(path));
  rate_ = bytes_per_ns(path);
  if (!is_started_) {
    is_started_ = true;
    tokens_ = burst_;
  } else if (now > filled_at_) {
    tokens_ += rate_ * static_cast<double>((now - filled_at_).count());
  }
  tokens_ = std::min(tokens_, burst_);
  filled_at_ = now;
  const double worth_while =
      std::max(burst_ / 2, std::min(burst_, static_cast<double>(path.packet_bytes)));
  // A timer's nanosecond is rounded up, the bucket's contents may be a little short of it.
  if (tokens_ + 1 >= worth_while) return static_cast<std::size_t>(tokens_ + 1);
  const double wait = rate_ > 0 ? std::ceil((worth_while - tokens_) / rate_) : 1e9;
  next_at_ = now + Duration(static_cast<Duration::rep>(std::min(wait, 1e9)));
  return 0;
}

void Pacer::on_sent(std::size_t bytes) {
  if (is_limited_) tokens_ -= static_cast<double>(bytes);
}

}  // namespace echostream::transport
