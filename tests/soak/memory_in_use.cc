#include "tests/soak/memory_in_use.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ECHOSTREAM_WITH_ASAN 1
#endif
#endif

#if defined(ECHOSTREAM_WITH_ASAN) || defined(__SANITIZE_ADDRESS__)
#include <sanitizer/allocator_interface.h>

namespace echostream::testing {
std::size_t memory_in_use() { return __sanitizer_get_current_allocated_bytes(); }
}  // namespace echostream::testing

#else
#include <malloc.h>

namespace echostream::testing {
std::size_t memory_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
}  // namespace echostream::testing
#endif
