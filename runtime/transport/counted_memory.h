// What a library holds for one connection, in bytes: ngtcp2 its reordering buffers with their gaps,
// streams, packets on their way.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstddef>
#include <cstdint>

namespace echostream::transport {

/// Outlives what was allocated from it, and stays where it is.
class CountedMemory {
 public:
  enum class Source : std::uint8_t {
    kExact,   // malloc, for who may be made to hold a great many small blocks
    kPooled,  // internal::allocate_block(), for who makes and frees some with each call
  };
  explicit CountedMemory(Source source = Source::kExact);
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

  const ngtcp2_mem* get() const noexcept { return &callbacks_; }
  /// In use, with sixteen bytes for each block.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Callbacks;
  const Source source_;
  ngtcp2_mem callbacks_{};
  std::size_t bytes_ = 0;
};

}  // namespace echostream::transport
