// Bytes that arrive in pieces, put together where they stay: the finished Buffer is not copied
// again.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "echostream/base/bytes.h"

namespace echostream {

class BufferBuilder {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return room_.size(); }

  /// Moves what is there into a block of `capacity` bytes, if that is more than now.
  void reserve(std::size_t capacity) {
    if (capacity <= room_.size()) return;
    room_ = Buffer::build(capacity, [&](MutableBytes out) {
      if (size_ > 0) std::memcpy(out.data(), room_.data(), size_);
    });
  }
  void append(BytesView bytes) {
    if (bytes.empty()) return;
    if (bytes.size() > room_.size() - size_) {
      reserve(std::max(size_ + bytes.size(), room_.size() * 2));
    }
    // Nobody else has seen this block yet.
    std::memcpy(const_cast<std::uint8_t*>(room_.data()) + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  /// What was appended; leaves the builder empty.
  Buffer take() { return std::exchange(room_, {}).slice(0, std::exchange(size_, 0)); }

 private:
  Buffer room_;
  std::size_t size_ = 0;
};

}  // namespace echostream
