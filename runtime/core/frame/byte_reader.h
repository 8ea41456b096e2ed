// Reads a peer's bytes. Every read is checked; after the first that does not fit, all further ones
// fail.
#pragma once

#include <cstdint>
#include <string_view>

#include "echostream/base/bytes.h"

namespace echostream::core {

class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) noexcept : rest_(bytes) {}

  /// A variable-length integer (RFC 9000 section 16); 0 when there is none.
  std::uint64_t read_varint() noexcept;
  /// Exactly `count` bytes; empty when there are fewer.
  BytesView read_bytes(std::uint64_t count) noexcept;
  /// A varint length and that many bytes.
  BytesView read_prefixed() noexcept { return read_bytes(read_varint()); }
  std::string_view read_text() noexcept { return as_text(read_prefixed()); }
  BytesView rest() const noexcept { return rest_; }

  /// False once anything did not fit.
  bool ok() const noexcept { return ok_; }

 private:
  BytesView rest_;
  bool ok_ = true;
};

/// Bytes that the varint starting with `first` takes: 1, 2, 4 or 8.
constexpr std::size_t varint_size_from_first(std::uint8_t first) noexcept {
  return std::size_t{1} << (first >> 6);
}

}  // namespace echostream::core
