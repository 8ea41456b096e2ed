// Bytes that are borrowed (BytesView) and bytes that are shared without copying (Buffer).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace echostream {

/// Borrowed bytes; whoever hands them over says how long they live (by default: for the call).
using BytesView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An immutable slice of reference-counted bytes. Copying and slicing share the storage, so one
/// encoded message can wait in the send queues of many sessions. One allocation per storage; the
/// count is atomic, so slices may be dropped on any thread.
class Buffer {
 public:
  Buffer() noexcept = default;
  /// A copy of `bytes`.
  static Buffer copy(BytesView bytes);
  static Buffer copy(std::string_view text) { return copy(as_bytes(text)); }
  /// A buffer of `size` bytes that `fill(MutableBytes)` writes before anyone else sees it.
  template <class Fill>
  static Buffer build(std::size_t size, Fill&& fill) {
    Buffer buffer = allocate(size);
    std::forward<Fill>(fill)(MutableBytes(const_cast<std::uint8_t*>(buffer.data_), size));
    return buffer;
  }

  Buffer(const Buffer& other) noexcept
      : storage_(other.storage_), data_(other.data_), size_(other.size_) {
    if (storage_ != nullptr) storage_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept
      : storage_(std::exchange(other.storage_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() {
    if (storage_ != nullptr) release();
  }

  const std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  BytesView view() const noexcept { return {data_, size_}; }
  operator BytesView() const noexcept { return view(); }  // NOLINT(google-explicit-constructor)
  std::string_view text() const noexcept { return as_text(view()); }

  /// The bytes [offset, offset + count), clipped to the end; shares the storage.
  Buffer slice(std::size_t offset, std::size_t count = SIZE_MAX) const;
  /// Drops the first `count` bytes of the slice (all of them when it has fewer).
  void remove_prefix(std::size_t count) noexcept;

 private:
  struct Storage {
    std::atomic<std::uint32_t> references;
    std::size_t block_bytes;
  };
  static Buffer allocate(std::size_t size);
  void release() noexcept;

  Storage* storage_ = nullptr;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Byte-wise equality.
bool equal_bytes(BytesView a, BytesView b) noexcept;

}  // namespace echostream
