// Unpredictable ids, taken from the system many at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "echostream/loop.h"

namespace echostream::internal {

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
