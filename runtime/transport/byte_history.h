// How many bytes had been sent, or acknowledged, at what time: the last seconds of a counter.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "echostream/base/time.h"

namespace echostream::transport {

class ByteHistory {
 public:
  /// Points closer together are one; older ones than the horizon are forgotten.
  static constexpr Duration kGrain = std::chrono::milliseconds(10);
  static constexpr Duration kHorizon = std::chrono::seconds(2);

  void add(LocalTime now, std::uint64_t bytes) {
    total_ += bytes;
    if (!points_.empty() && now - points_.back().begun < kGrain) {
      points_.back().total = total_;
      return;
    }
    forget(now);
    points_.push_back({now, total_});
  }
  /// Added in (from, to], as exactly as the grain.
  std::uint64_t between(LocalTime from, LocalTime to) const {
    return total_at(to) - total_at(from);
  }
  std::uint64_t total() const noexcept { return total_; }
  void clear() {
    points_.clear();
    forgotten_ = total_;
  }

 private:
  struct Point {
    LocalTime begun;
    std::uint64_t total;
  };
  std::uint64_t total_at(LocalTime time) const {
    const auto after = std::upper_bound(points_.begin(), points_.end(), time,
                                        [](LocalTime t, const Point& p) { return t < p.begun; });
    return after == points_.begin() ? forgotten_ : std::prev(after)->total;
  }
  // In one go, when the room is used up: a connection that is nearly idle keeps a few points, not
  // as many as a busy one.
  void forget(LocalTime now) {
    if (points_.size() < points_.capacity()) return;
    const auto kept = std::find_if(points_.begin(), points_.end(), [&](const Point& point) {
      return point.begun > now - kHorizon;
    });
    if (kept != points_.begin()) forgotten_ = std::prev(kept)->total;
    points_.erase(points_.begin(), kept);
    if (points_.size() * 4 > points_.capacity() * 3) points_.reserve(2 * points_.capacity());
  }

  std::uint64_t total_ = 0;
  std::uint64_t forgotten_ = 0;
  std::vector<Point> points_;
};

/// Bytes per second, smoothed over about half a second.
class RateMeter {
 public:
  void add(LocalTime now, std::uint64_t bytes);
  double bytes_per_s(LocalTime now) const;

 private:
  double rate_ = 0;
  LocalTime at_{};
};

}  // namespace echostream::transport
