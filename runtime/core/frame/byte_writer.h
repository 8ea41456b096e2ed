// Appends bytes in the wire's encoding.
#pragma once

#include <array>
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

/// The headers and short frames for which it is made fit into the writer itself.
class ByteWriter {
 public:
  void write_varint(std::uint64_t value);
  void write_bytes(BytesView bytes);
  void write_prefixed(BytesView bytes) {
    write_varint(bytes.size());
    write_bytes(bytes);
  }
  void write_text(std::string_view text) { write_prefixed(as_bytes(text)); }

  BytesView bytes() const noexcept {
    return long_.empty() ? BytesView(short_).first(size_) : BytesView(long_);
  }
  std::size_t size() const noexcept { return size_; }
  Buffer to_buffer() const { return Buffer::copy(bytes()); }

 private:
  std::size_t size_ = 0;
  std::array<std::uint8_t, 120> short_;  // until that is full
  std::vector<std::uint8_t> long_;
};

}  // namespace echostream::core
