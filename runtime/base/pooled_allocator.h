// Containers of things that every call makes and soon gives back, on the pool of such blocks.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <new>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "echostream/base/block_pool.h"

namespace echostream {

/// std::allocator over internal::allocate_block().
template <class T>
class PooledAllocator {
 public:
  static_assert(alignof(T) <= alignof(std::max_align_t));
  using value_type = T;

  PooledAllocator() noexcept = default;
  template <class U>
  PooledAllocator(const PooledAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(internal::allocate_block(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept {
    internal::free_block(block, count * sizeof(T));
  }
  friend bool operator==(const PooledAllocator&, const PooledAllocator&) noexcept { return true; }
};

template <class T>
using PooledVector = std::vector<T, PooledAllocator<T>>;
using PooledString = std::basic_string<char, std::char_traits<char>, PooledAllocator<char>>;
template <class Key, class T>
using PooledMap = std::unordered_map<Key, T, std::hash<Key>, std::equal_to<Key>,
                                     PooledAllocator<std::pair<const Key, T>>>;

}  // namespace echostream
