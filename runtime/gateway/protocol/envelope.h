// Enveloped messages of Connect's streams and gRPC:
//
//   1 byte flags | 4 bytes length, big-endian | message
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

#include "runtime/base/buffer_builder.h"

namespace echostream::gateway {

inline constexpr std::size_t kEnvelopeHeaderBytes = 5;
inline constexpr std::uint8_t kCompressedFlag = 0x01;
inline constexpr std::uint8_t kEndStreamFlag = 0x02;    // Connect: the end of the answer
inline constexpr std::uint8_t kWebTrailersFlag = 0x80;  // gRPC-Web: its trailers

struct Envelope {
  std::uint8_t flags = 0;
  Buffer message;
};

/// Cuts a body into envelopes. What it holds grows with what came, not with what was announced.
class EnvelopeReader {
 public:
  explicit EnvelopeReader(std::size_t max_message_bytes) : max_bytes_(max_message_bytes) {}

  /// Takes from the front of `data` up to the end of one envelope; none when `data` ends first.
  /// RESOURCE_EXHAUSTED for a length above the limit, before anything of the message is kept.
  Result<std::optional<Envelope>> next(BytesView& data);
  /// Whether the body may end here.
  bool is_between() const { return header_size_ == 0; }
  std::size_t held_bytes() const { return header_size_ + message_.capacity(); }

 private:
  std::size_t length() const;

  std::size_t max_bytes_;
  std::array<std::uint8_t, kEnvelopeHeaderBytes> header_{};
  std::size_t header_size_ = 0;
  BufferBuilder message_;
};

/// The five bytes in front of a message of that size, which is below 4 GiB.
Buffer envelope_header(std::uint8_t flags, std::size_t message_bytes);

}  // namespace echostream::gateway
