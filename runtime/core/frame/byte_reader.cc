#include "runtime/core/frame/byte_reader.h"

namespace echostream::core {

std::uint64_t ByteReader::read_varint() noexcept {
  if (!ok_ || rest_.empty() || rest_.size() < varint_size_from_first(rest_[0])) {
    ok_ = false;
    return 0;
  }
  const std::size_t size = varint_size_from_first(rest_[0]);
  std::uint64_t value = rest_[0] & 0x3f;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | rest_[i];
  rest_ = rest_.subspan(size);
  return value;
}

BytesView ByteReader::read_bytes(std::uint64_t count) noexcept {
  if (!ok_ || count > rest_.size()) {
    ok_ = false;
    return {};
  }
  const BytesView bytes = rest_.first(count);
  rest_ = rest_.subspan(count);
  return bytes;
}

}  // namespace echostream::core
