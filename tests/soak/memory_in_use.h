// How much of the heap is in use.
#pragma once

#include <cstddef>

namespace echostream::testing {

/// Bytes that were allocated and not freed, of all threads.
std::size_t memory_in_use();

}  // namespace echostream::testing
