#include "echostream/base/bytes.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "echostream/base/block_pool.h"

namespace echostream {

Buffer Buffer::allocate(std::size_t size) {
  Buffer buffer;
  if (size == 0) return buffer;
  const std::size_t block_bytes = sizeof(Storage) + size;
  void* memory = internal::allocate_block(block_bytes);
  buffer.storage_ = new (memory) Storage{1, block_bytes};
  buffer.data_ = static_cast<const std::uint8_t*>(memory) + sizeof(Storage);
  buffer.size_ = size;
  return buffer;
}

Buffer Buffer::copy(BytesView bytes) {
  return build(bytes.size(), [&](MutableBytes out) {
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  });
}

Buffer Buffer::slice(std::size_t offset, std::size_t count) const {
  Buffer result = *this;
  result.remove_prefix(offset);
  result.size_ = std::min(result.size_, count);
  return result;
}

void Buffer::remove_prefix(std::size_t count) noexcept {
  count = std::min(count, size_);
  data_ += count;
  size_ -= count;
}

void Buffer::release() noexcept {
  std::atomic<std::uint32_t>& references = storage_->references;
  // Whoever has the only reference shares it with nobody who could copy it meanwhile: most buffers
  // go without an operation that locks the bus.
  const bool is_last = references.load(std::memory_order_acquire) == 1 ||
                       references.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if (!is_last) return;
  const std::size_t block_bytes = storage_->block_bytes;
  storage_->~Storage();
  internal::free_block(storage_, block_bytes);
}

bool equal_bytes(BytesView a, BytesView b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace echostream
