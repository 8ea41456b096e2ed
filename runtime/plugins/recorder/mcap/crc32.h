// The CRC-32 of zlib and IEEE 802.3, which MCAP uses.
#pragma once

#include <cstdint>

#include "echostream/base/bytes.h"

namespace echostream::mcap {

/// Bytes may come in pieces: `crc` is the result for those before.
std::uint32_t crc32(BytesView bytes, std::uint32_t crc = 0) noexcept;

}  // namespace echostream::mcap
