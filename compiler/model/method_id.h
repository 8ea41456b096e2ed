// A method's number on the wire.
#pragma once

#include <cstdint>
#include <string_view>

namespace echostream::compiler {

/// Ids travel as QUIC varints (RFC 9000, 16).
inline constexpr std::uint64_t kMaxMethodId = (std::uint64_t{1} << 62) - 1;

/// FNV-1a, 64 bits, of "package.Service/Method", cut to 62 bits.
constexpr std::uint64_t hashed_method_id(std::string_view full_name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : full_name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash & kMaxMethodId;
}

}  // namespace echostream::compiler
