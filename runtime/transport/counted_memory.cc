#include "runtime/transport/counted_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "echostream/base/block_pool.h"

namespace echostream::transport {
namespace {

// In front of each block.
struct alignas(std::max_align_t) Header {
  std::size_t bytes;  // with the header
};

Header* header_of(void* block) { return static_cast<Header*>(block) - 1; }

}  // namespace

struct CountedMemory::Callbacks {
  static std::size_t& count(void* user) { return static_cast<CountedMemory*>(user)->bytes_; }

  // Null when there is no memory, as are `whole` and the result.
  static void* take(void* whole, std::size_t bytes, void* user) {
    if (whole == nullptr) return nullptr;
    auto* header = static_cast<Header*>(whole);
    header->bytes = bytes;
    count(user) += bytes;
    return header + 1;
  }
  static bool is_pooled(void* user) {
    return static_cast<CountedMemory*>(user)->source_ == Source::kPooled;
  }
  static void* block(std::size_t bytes, void* user) noexcept {
    if (!is_pooled(user)) return std::malloc(bytes);
    try {
      return internal::allocate_block(bytes);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }
  static void* allocate(std::size_t size, void* user) {
    const std::size_t bytes = sizeof(Header) + size;
    return bytes < size ? nullptr : take(block(bytes, user), bytes, user);
  }
  static void* allocate_zeroed(std::size_t number, std::size_t size, void* user) {
    if (size != 0 && number > (SIZE_MAX - sizeof(Header)) / size) return nullptr;
    void* made = allocate(number * size, user);
    if (made != nullptr) std::memset(made, 0, number * size);
    return made;
  }
  static void* resize(void* old, std::size_t size, void* user) {
    void* made = allocate(size, user);
    if (made == nullptr || old == nullptr) return made;  // the old one is still there
    std::memcpy(made, old, std::min(header_of(old)->bytes - sizeof(Header), size));
    release(old, user);
    return made;
  }
  static void release(void* gone, void* user) {
    if (gone == nullptr) return;
    Header* header = header_of(gone);
    count(user) -= header->bytes;
    if (is_pooled(user)) {
      internal::free_block(header, header->bytes);
    } else {
      std::free(header);
    }
  }
};

CountedMemory::CountedMemory(Source source) : source_(source) {
  callbacks_.user_data = this;
  callbacks_.malloc = Callbacks::allocate;
  callbacks_.free = Callbacks::release;
  callbacks_.calloc = Callbacks::allocate_zeroed;
  callbacks_.realloc = Callbacks::resize;
}

}  // namespace echostream::transport
