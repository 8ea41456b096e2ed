// The header of a zstd frame (RFC 8878 3.1.1.1), read before the library sees the frame: what we do
// not take never gets that far.
#pragma once

#include <cstdint>
#include <optional>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

namespace echostream::compression {

struct ZstdFrameHeader {
  /// 0 when the frame is one segment, which needs no window.
  std::uint64_t window_bytes = 0;
  std::optional<std::uint64_t> content_bytes;
};

/// INVALID_ARGUMENT for what does not begin with a zstd frame (also the skippable ones and those of
/// old versions), or with one that needs a dictionary.
Result<ZstdFrameHeader> parse_zstd_frame_header(BytesView bytes);

}  // namespace echostream::compression
