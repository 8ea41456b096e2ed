// What the bare QUIC programs say to each other: one bidirectional stream per call, whose first
// byte says what the rest is.
#pragma once

#include <cstdint>

namespace bench::quic {

enum class Kind : std::uint8_t {
  kEcho = 'e',    // the stream comes back as it is
  kUpload = 'm',  // messages, each after a header; answered with Counted
  kUsage = 'u',   // answered with Used
};

/// A message's header has 32 bits, little-endian: kUpload, and above it the length. So a stream of
/// equal messages is periodic, from its first byte on.
inline constexpr unsigned kLengthShift = 8;

struct Counted {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
};

struct Used {
  double cpu_seconds = 0;
  double resident_bytes = 0;
};

}  // namespace bench::quic
