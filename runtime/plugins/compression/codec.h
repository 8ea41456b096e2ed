// One way of compressing: zstd (RFC 8878) or deflate (the zlib format, RFC 1950). Every message
// stands alone, so that what one message holds never shows in the size of another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

namespace echostream::compression {

/// Keeps its contexts from one message to the next; makes them when it first needs them. One
/// thread.
class Codec {
 public:
  virtual ~Codec() = default;
  /// As in metadata: "zstd".
  virtual std::string_view name() const noexcept = 0;
  /// What a message that it compressed begins with (packed_message.h).
  virtual std::uint8_t form() const noexcept = 0;
  /// How many bytes of `out` it took; 0 when it does not fit, or there is no memory for it.
  virtual std::size_t compress(BytesView bytes, MutableBytes out) = 0;
  /// Fills `out`, neither more nor less, with what exactly `bytes` hold. INVALID_ARGUMENT for bytes
  /// that do not decompress to that; RESOURCE_EXHAUSTED without memory.
  virtual Status decompress(BytesView bytes, MutableBytes out) = 0;
};

std::unique_ptr<Codec> make_zstd_codec(int level);
std::unique_ptr<Codec> make_deflate_codec(int level);

}  // namespace echostream::compression
