#include "tests/sim/failing_new.h"

#include <cstdlib>
#include <new>

namespace echostream::testing {

Allocations allocations;

}  // namespace echostream::testing

using echostream::testing::allocations;

void* operator new(std::size_t size) {
  if (allocations.counted) {
    const std::uint64_t number = ++allocations.number;
    const bool is_failing = allocations.failing != 0 && number >= allocations.failing;
    if (is_failing && (allocations.for_good || number == allocations.failing)) {
      throw std::bad_alloc();
    }
  }
  if (void* block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
