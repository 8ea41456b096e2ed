#include "runtime/core/frame/byte_writer.h"

#include <array>
#include <cstring>

namespace echostream::core {
namespace {

constexpr std::size_t kMaxVarintBytes = 8;

}  // namespace

std::uint8_t* write_varint(std::uint8_t* out, std::uint64_t value) noexcept {
  if (value < 64) {
    *out = static_cast<std::uint8_t>(value);
    return out + 1;
  }
  const std::size_t size = varint_size(value);
  for (std::size_t i = size; i-- > 0; value >>= 8) out[i] = static_cast<std::uint8_t>(value);
  const auto prefix = static_cast<std::uint8_t>(size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3);
  out[0] = static_cast<std::uint8_t>(out[0] | prefix << 6);
  return out + size;
}

void ByteWriter::write_varint(std::uint64_t value) {
  if (long_.empty() && short_.size() - size_ >= kMaxVarintBytes) {
    const std::uint8_t* end = core::write_varint(short_.data() + size_, value);
    size_ = static_cast<std::size_t>(end - short_.data());
    return;
  }
  std::array<std::uint8_t, kMaxVarintBytes> encoded;
  const std::uint8_t* end = core::write_varint(encoded.data(), value);
  write_bytes(BytesView(encoded.data(), end));
}

void ByteWriter::write_bytes(BytesView bytes) {
  if (bytes.empty()) return;
  if (long_.empty() && bytes.size() <= short_.size() - size_) {
    std::memcpy(short_.data() + size_, bytes.data(), bytes.size());
  } else {
    if (long_.empty())
      long_.assign(short_.begin(), short_.begin() + static_cast<std::ptrdiff_t>(size_));
    long_.insert(long_.end(), bytes.begin(), bytes.end());
  }
  size_ += bytes.size();
}

}  // namespace echostream::core
