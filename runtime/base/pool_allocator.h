// The standard containers' way to the lists of short blocks.
#pragma once

#include <cstddef>
#include <functional>
#include <unordered_map>
#include <utility>

#include "echostream/base/block_pool.h"

namespace echostream::internal {

/// For containers that come and go with each call: their memory is that of allocate_block().
template <class T>
struct PoolAllocator {
  using value_type = T;

  PoolAllocator() noexcept = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return static_cast<T*>(allocate_block(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept { free_block(block, count * sizeof(T)); }

  friend bool operator==(const PoolAllocator&, const PoolAllocator&) noexcept { return true; }
};

template <class Key, class Value>
using PooledMap = std::unordered_map<Key, Value, std::hash<Key>, std::equal_to<Key>,
                                     PoolAllocator<std::pair<const Key, Value>>>;

}  // namespace echostream::internal
