// Appends to a byte vector in the wire's encoding.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "echostream/base/bytes.h"

namespace echostream::core {

/// Largest value of a varint: 2^62 - 1.
inline constexpr std::uint64_t kMaxVarint = (std::uint64_t{1} << 62) - 1;

constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  return value < 64 ? 1 : value < 16384 ? 2 : value < 1073741824 ? 4 : 8;
}

/// Writes `value` (at most kMaxVarint) to `out`, which has room for it; returns what is behind it.
std::uint8_t* write_varint(std::uint8_t* out, std::uint64_t value) noexcept;

class ByteWriter {
 public:
  void write_varint(std::uint64_t value);
  void write_bytes(BytesView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void write_prefixed(BytesView bytes) {
    write_varint(bytes.size());
    write_bytes(bytes);
  }
  void write_text(std::string_view text) { write_prefixed(as_bytes(text)); }

  BytesView bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  Buffer to_buffer() const { return Buffer::copy(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace echostream::core
