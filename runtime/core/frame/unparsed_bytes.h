// Bytes of a stream that arrived and wait, because nobody wants the frames in them yet. Flow
// control bounds them. Taking from the front costs what is taken, not what is left.
#pragma once

#include <cstdint>
#include <vector>

#include "echostream/base/bytes.h"

namespace echostream::core {

class UnparsedBytes {
 public:
  bool empty() const noexcept { return start_ == bytes_.size(); }
  std::size_t size() const noexcept { return bytes_.size() - start_; }
  BytesView view() const noexcept { return BytesView(bytes_).subspan(start_); }

  void append(BytesView more) {
    // Close the gap when it is the larger part: each byte is moved a bounded number of times.
    if (start_ >= bytes_.size() - start_) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(start_));
      start_ = 0;
    }
    bytes_.insert(bytes_.end(), more.begin(), more.end());
  }
  /// `count` is at most size().
  void drop_front(std::size_t count) {
    start_ += count;
    if (empty()) clear();
  }
  void clear() noexcept {
    bytes_ = decltype(bytes_)();  // {} would keep the capacity
    start_ = 0;
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t start_ = 0;
};

}  // namespace echostream::core
