#include "bench/lossy_link/packet_delay.h"

#include <utility>

namespace bench {

bool PacketDelay::is_lost() {
  constexpr double kRange = 18446744073709551616.0;  // 2^64
  return static_cast<double>(random_()) < options_.loss * kRange;
}

void PacketDelay::push(Time now, std::span<const std::uint8_t> packet) {
  if (is_lost() || bytes_ + packet.size() > options_.most_bytes) return;
  bytes_ += packet.size();
  packets_.push_back({now + options_.delay, {packet.begin(), packet.end()}});
}

std::optional<Time> PacketDelay::next_time() const {
  if (packets_.empty()) return std::nullopt;
  return packets_.front().due;
}

bool PacketDelay::pop(Time now, std::vector<std::uint8_t>& packet) {
  if (packets_.empty() || packets_.front().due > now) return false;
  packet = std::move(packets_.front().bytes);
  packets_.pop_front();
  bytes_ -= packet.size();
  return true;
}

}  // namespace bench
