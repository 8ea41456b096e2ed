// A message of an encoded call, as it goes over the wire (docs/protocol.md, "Compressed messages"):
//
//   Packed Message { Form (8), [Size (varint)], Data (..) }
//
// Form 0: Data is the message. Form 1 (zstd) and 2 (deflate): Data is compressed, and Size what
// comes out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/plugins/compression/codec.h"

namespace echostream::compression {

/// What a compressed message may become: that much anyhow, and that many times its own size.
/// A sender that would exceed it sends the message as it is, so a receiver loses nothing.
inline constexpr std::size_t kFreeBytes = 64 * 1024;
inline constexpr std::size_t kMostRatio = 256;

/// The message as it is, in form 0.
Buffer pack_plain(BytesView message);
/// The message, compressed. Empty when that saves less than an eighth, or more than is allowed.
/// `scratch` is grown to the message's size at most.
Buffer pack_compressed(BytesView message, Codec& codec, std::vector<std::uint8_t>& scratch);
/// Whether it can be a packed message, and cannot be one as protobuf encodes it: its first byte
/// would be a field of number 0.
inline bool looks_packed(BytesView bytes) noexcept { return !bytes.empty() && bytes[0] < 8; }
/// What was packed, by that codec; form 0 shares the storage. INVALID_ARGUMENT when that cannot be
/// told; RESOURCE_EXHAUSTED, before anything is allocated, when it is more than `most_bytes` or the
/// bound above.
Result<Buffer> unpack(const Buffer& packed, Codec& codec, std::size_t most_bytes);

}  // namespace echostream::compression
