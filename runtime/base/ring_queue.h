// First in, first out, in one growing block: unlike std::deque it allocates nothing while it is
// empty, and nothing once it is warm.
#pragma once

#include <cstddef>
#include <utility>

#include "runtime/base/pooled_allocator.h"

namespace echostream {

/// `T` is default-constructible and movable; a slot that was popped holds a moved-from `T`.
template <class T>
class RingQueue {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  T& front() noexcept { return slots_[first_]; }
  const T& front() const noexcept { return slots_[first_]; }
  T& back() noexcept { return slots_[slot(size_ - 1)]; }
  const T& back() const noexcept { return slots_[slot(size_ - 1)]; }

  /// Counted from the front; below size().
  T& operator[](std::size_t index) noexcept { return slots_[slot(index)]; }
  const T& operator[](std::size_t index) const noexcept { return slots_[slot(index)]; }

  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    slots_[slot(size_)] = std::move(value);
    ++size_;
  }
  T pop_front() {
    T value = std::move(slots_[first_]);
    first_ = slot(1);
    --size_;
    return value;
  }
  /// Frees the block, too.
  void clear() noexcept {
    slots_ = PooledVector<T>();  // {} would keep it
    first_ = size_ = 0;
  }

 private:
  // The number of slots is a power of two.
  std::size_t slot(std::size_t index) const noexcept {
    return (first_ + index) & (slots_.size() - 1);
  }
  void grow() {
    PooledVector<T> larger(slots_.empty() ? 2 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(slots_[slot(i)]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  PooledVector<T> slots_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace echostream
