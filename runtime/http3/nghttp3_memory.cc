#include "runtime/http3/nghttp3_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "echostream/base/block_pool.h"

namespace echostream::http3 {
namespace {

// In front of each block, which is given back with its size.
struct alignas(std::max_align_t) Header {
  std::size_t bytes;  // with the header
};

Header* header_of(void* block) { return static_cast<Header*>(block) - 1; }

void* allocate(std::size_t size, void*) {
  const std::size_t bytes = sizeof(Header) + size;
  if (bytes < size) return nullptr;
  try {
    auto* header = static_cast<Header*>(internal::allocate_block(bytes));
    header->bytes = bytes;
    return header + 1;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void release(void* block, void*) {
  if (block != nullptr) internal::free_block(header_of(block), header_of(block)->bytes);
}

void* allocate_zeroed(std::size_t number, std::size_t size, void* user) {
  if (size != 0 && number > SIZE_MAX / size) return nullptr;
  void* block = allocate(number * size, user);
  if (block != nullptr) std::memset(block, 0, number * size);
  return block;
}

void* resize(void* old, std::size_t size, void* user) {
  void* block = allocate(size, user);
  if (block == nullptr || old == nullptr) return block;
  const std::size_t before = header_of(old)->bytes - sizeof(Header);
  std::memcpy(block, old, std::min(before, size));
  release(old, user);
  return block;
}

}  // namespace

const nghttp3_mem& nghttp3_memory() {
  static const nghttp3_mem kMemory{nullptr, allocate, release, allocate_zeroed, resize};
  return kMemory;
}

}  // namespace echostream::http3
