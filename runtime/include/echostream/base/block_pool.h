// Memory for the small objects that every call makes and soon gives back: coroutine frames, short
// buffers, the state of a call.
#pragma once

#include <cstddef>

namespace echostream::internal {

/// A block of at least `bytes`, aligned for any ordinary type. Short ones come from a list of the
/// thread's own, without a lock; the list keeps a bounded number of them for later. malloc has such
/// lists too, but of seven blocks, while sixty calls that end in one turn of the loop give back
/// hundreds. Throws std::bad_alloc, as operator new does.
void* allocate_block(std::size_t bytes);
/// Any thread may give back a block of any other. `bytes` as it was asked for.
void free_block(void* block, std::size_t bytes) noexcept;

/// For a class whose objects come from there; not for classes that others derive from without a
/// virtual destructor.
struct PooledObject {
  static void* operator new(std::size_t bytes) { return allocate_block(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept { free_block(block, bytes); }
};

}  // namespace echostream::internal
