#include "runtime/transport/counted_memory.h"

#include <cstdint>
#include <cstdlib>

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
  static void* allocate(std::size_t size, void* user) {
    const std::size_t bytes = sizeof(Header) + size;
    return bytes < size ? nullptr : take(std::malloc(bytes), bytes, user);
  }
  static void* allocate_zeroed(std::size_t number, std::size_t size, void* user) {
    if (size != 0 && number > (SIZE_MAX - sizeof(Header)) / size) return nullptr;
    const std::size_t bytes = sizeof(Header) + number * size;
    return take(std::calloc(1, bytes), bytes, user);
  }
  static void* resize(void* old, std::size_t size, void* user) {
    if (old == nullptr) return allocate(size, user);
    const std::size_t bytes = sizeof(Header) + size;
    if (bytes < size) return nullptr;
    const std::size_t before = header_of(old)->bytes;
    void* whole = std::realloc(header_of(old), bytes);
    if (whole == nullptr) return nullptr;  // the old one is still there
    count(user) -= before;
    return take(whole, bytes, user);
  }
  static void release(void* gone, void* user) {
    if (gone == nullptr) return;
    count(user) -= header_of(gone)->bytes;
    std::free(header_of(gone));
  }
};

CountedMemory::CountedMemory() {
  callbacks_.user_data = this;
  callbacks_.malloc = Callbacks::allocate;
  callbacks_.free = Callbacks::release;
  callbacks_.calloc = Callbacks::allocate_zeroed;
  callbacks_.realloc = Callbacks::resize;
}

}  // namespace echostream::transport
