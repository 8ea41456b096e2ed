// Bytes of HTTP/3 (RFC 9114) and QPACK (RFC 9204), as a client that keeps no rules writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/http3/fields.h"

namespace echostream::testing::h3 {

enum FrameType : std::uint64_t {
  kData = 0x00,
  kHeaders = 0x01,
  kCancelPush = 0x03,
  kSettings = 0x04,
  kPushPromise = 0x05,
  kGoaway = 0x07,
  kMaxPushId = 0x0d,
  kPriorityUpdate = 0xf0700,
};

enum StreamType : std::uint64_t { kControl = 0, kPush = 1, kEncoder = 2, kDecoder = 3 };

/// RFC 9000 section 16, in the fewest bytes.
std::string varint(std::uint64_t value);
std::string frame(std::uint64_t type, std::string_view payload);
/// A frame's type and length, whatever follows.
std::string frame_head(std::uint64_t type, std::uint64_t length);
std::string settings(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& values);
/// An integer with a prefix of so many bits, the others of the first byte being `first`
/// (RFC 7541 5.1).
std::string prefixed(std::uint8_t first, int bits, std::uint64_t value);
/// A field section that refers to nothing: names and values stand in it as they are.
std::string section(const http3::Fields& fields);
/// The HEADERS frame of a POST, with more fields behind those that it needs.
std::string post(std::string_view path, std::string_view content_type,
                 const http3::Fields& more = {});
std::string data(std::string_view bytes);

}  // namespace echostream::testing::h3
