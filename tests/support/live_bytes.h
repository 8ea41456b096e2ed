// What a peer made us keep.
#pragma once

#include <malloc.h>

#include <cstddef>

namespace echostream::testing {

/// Bytes in use on the heap: what a peer made us keep shows in it, ngtcp2's and TLS's share
/// included. Sanitizers do not keep that count; it is zero then.
inline std::size_t live_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace echostream::testing
