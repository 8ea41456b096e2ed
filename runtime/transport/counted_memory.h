// What ngtcp2 holds for one connection, in bytes: reordering buffers with their gaps, streams,
// packets on their way.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstddef>

namespace echostream::transport {

/// Outlives what was allocated from it, and stays where it is.
class CountedMemory {
 public:
  CountedMemory();
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

  const ngtcp2_mem* get() const noexcept { return &callbacks_; }
  /// In use, with sixteen bytes for each block.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Callbacks;
  ngtcp2_mem callbacks_{};
  std::size_t bytes_ = 0;
};

}  // namespace echostream::transport
