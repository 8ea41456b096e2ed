#include "runtime/transport/counted_memory.h"

#include <malloc.h>

#include <cstdlib>

namespace echostream::transport {

struct CountedMemory::Callbacks {
  static std::size_t& count(void* user) { return static_cast<CountedMemory*>(user)->bytes_; }
  static void* counted(void* made, void* user) {
    count(user) += ::malloc_usable_size(made);
    return made;
  }
  static void* allocate(std::size_t size, void* user) { return counted(std::malloc(size), user); }
  static void* allocate_zeroed(std::size_t count, std::size_t size, void* user) {
    return counted(std::calloc(count, size), user);
  }
  static void* resize(void* old, std::size_t size, void* user) {
    const std::size_t before = ::malloc_usable_size(old);
    void* made = std::realloc(old, size);
    if (made == nullptr && size > 0) return nullptr;  // the old one is still there
    count(user) -= before;
    return counted(made, user);
  }
  static void release(void* gone, void* user) {
    count(user) -= ::malloc_usable_size(gone);
    std::free(gone);
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
