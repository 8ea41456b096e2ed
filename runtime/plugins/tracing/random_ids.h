// Unpredictable ids, taken from the system many at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "echostream/loop.h"

namespace echostream::internal {

/// Numbers that decide, and cost next to nothing (SplitMix64). One that was shown tells all that
/// follow: begin anew then.
class Lots {
 public:
  explicit Lots(const std::array<std::uint8_t, 8>& seed) noexcept {
    for (const std::uint8_t byte : seed) state_ = (state_ << 8) | byte;
  }
  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = 0;
};

/// One thread: the loop's.
class RandomIds {
 public:
  explicit RandomIds(Loop& loop) noexcept : loop_(loop) {}

  /// Never all zero, which W3C's ids must not be.
  template <std::size_t kSize>
  void make(std::array<std::uint8_t, kSize>& id) {
    do {
      if (left_ < kSize) {
        loop_.fill_random(pool_);
        left_ = pool_.size();
      }
      std::copy_n(pool_.begin() + static_cast<std::ptrdiff_t>(pool_.size() - left_), kSize,
                  id.begin());
      left_ -= kSize;
    } while (id == std::array<std::uint8_t, kSize>{});
  }

 private:
  Loop& loop_;
  std::array<std::uint8_t, 2048> pool_{};
  std::size_t left_ = 0;
};

}  // namespace echostream::internal
