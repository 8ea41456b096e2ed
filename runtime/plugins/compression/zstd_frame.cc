#include "runtime/plugins/compression/zstd_frame.h"

#include <array>
#include <cstddef>

namespace echostream::compression {
namespace {

Status malformed(const char* what) {
  return {StatusCode::kInvalidArgument, std::string("not a zstd frame: ") + what};
}

std::uint64_t little_endian(BytesView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | bytes[i - 1];
  return value;
}

}  // namespace

//   Magic (4)  Descriptor (1)  [Window (1)]  [Dictionary Id (0..4)]  [Content Size (0..8)]
Result<ZstdFrameHeader> parse_zstd_frame_header(BytesView bytes) {
  constexpr std::uint32_t kMagic = 0xFD2FB528;
  if (bytes.size() < 5) return malformed("too short");
  if (little_endian(bytes.first(4)) != kMagic) return malformed("another magic number");
  const std::uint8_t descriptor = bytes[4];
  if ((descriptor & 0x08) != 0) return malformed("the reserved bit is set");
  if ((descriptor & 0x03) != 0) return malformed("it needs a dictionary");
  const bool is_single_segment = (descriptor & 0x20) != 0;
  constexpr std::array<std::size_t, 4> kContentSizeBytes{0, 2, 4, 8};
  std::size_t size_bytes = kContentSizeBytes[descriptor >> 6];
  if (is_single_segment && size_bytes == 0) size_bytes = 1;
  bytes = bytes.subspan(5);
  if (bytes.size() < (is_single_segment ? 0 : 1) + size_bytes) return malformed("too short");

  ZstdFrameHeader header;
  if (!is_single_segment) {
    const unsigned exponent = 10 + (bytes[0] >> 3);
    const std::uint64_t base = std::uint64_t{1} << exponent;
    header.window_bytes = base + base / 8 * (bytes[0] & 7);
    bytes = bytes.subspan(1);
  }
  if (size_bytes > 0) {
    header.content_bytes = little_endian(bytes.first(size_bytes));
    if (size_bytes == 2) *header.content_bytes += 256;
  }
  return header;
}

}  // namespace echostream::compression
