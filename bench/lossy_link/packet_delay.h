// One direction of a lossy network: what goes in comes out later, in order, or not at all. Reads no
// clock; the same packets at the same times with the same seed have the same fate.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace bench {

using Time = std::chrono::steady_clock::time_point;

class PacketDelay {
 public:
  struct Options {
    std::chrono::nanoseconds delay{0};
    double loss = 0;  // 0 to 1
    std::uint64_t seed = 1;
    /// On the way at once. What comes on top of it is lost, as in a full queue of a router.
    std::size_t most_bytes = 16 * 1024 * 1024;
  };
  explicit PacketDelay(const Options& options) : options_(options), random_(options.seed) {}

  void push(Time now, std::span<const std::uint8_t> packet);
  /// When the next packet comes out; nothing while none is on its way.
  std::optional<Time> next_time() const;
  /// The next packet that is due; false when none is.
  bool pop(Time now, std::vector<std::uint8_t>& packet);

 private:
  struct Packet {
    Time due;
    std::vector<std::uint8_t> bytes;
  };
  bool is_lost();

  Options options_;
  std::mt19937_64 random_;
  std::deque<Packet> packets_;
  std::size_t bytes_ = 0;
};

}  // namespace bench
