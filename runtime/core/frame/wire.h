// The numbers of docs/protocol.md: stream types, frame types, datagram types, settings, error
// codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "echostream/base/status.h"

namespace echostream::core {

inline constexpr std::string_view kAlpn = "echostream/1";

/// First varint of a unidirectional stream (docs/protocol.md 3).
enum class StreamType : std::uint64_t {
  kControl = 0x00,
  kEvents = 0x01,
  kFrame = 0x02,
};

/// Frames are: type varint, length varint, payload (docs/protocol.md 4).
enum class FrameType : std::uint64_t {
  // control stream
  kSettings = 0x00,
  kGoaway = 0x01,
  kClockReport = 0x02,
  // bidirectional streams
  kRequest = 0x10,
  kResponse = 0x11,
  kMessage = 0x12,
  kTimedMessage = 0x13,
  kEnd = 0x14,
  kStatus = 0x15,
  // event stream
  kEvent = 0x20,
};

/// First varint of a QUIC datagram (docs/protocol.md 8).
enum class DatagramType : std::uint64_t {
  kWhole = 0x00,
  kFragment = 0x01,
  kClockRequest = 0x02,
  kClockReply = 0x03,
  kReport = 0x04,
};

enum class SettingId : std::uint64_t {
  kMaxMessageBytes = 0x01,
  kMaxMetadataBytes = 0x02,
  kMaxSubscriptions = 0x03,
};

/// Application error codes of RESET_STREAM, STOP_SENDING and CONNECTION_CLOSE (docs/protocol.md 9).
enum class WireError : std::uint64_t {
  kNone = 0x100,
  kProtocol = 0x101,
  kCancelled = 0x102,
  kStale = 0x103,
  kLimit = 0x104,
  kRefused = 0x105,
  kInternal = 0x106,
  kUnknownStreamType = 0x107,
};

/// Of CONNECTION_CLOSE: the end does not take the session; `code` is what the peer's connect()
/// fails with, and the reason phrase its message.
constexpr WireError session_refused(StatusCode code) {
  return static_cast<WireError>(0x200 + static_cast<std::uint64_t>(code));
}
/// None for other codes than these.
constexpr std::optional<StatusCode> refusal_code(std::uint64_t error) {
  if (error <= 0x200 || error > 0x200 + static_cast<std::uint64_t>(StatusCode::kUnauthenticated)) {
    return std::nullopt;
  }
  return static_cast<StatusCode>(error - 0x200);
}

/// Types and setting ids of the form 0x1f * N + 0x21 mean nothing and must be ignored (as in RFC
/// 9114 7.2.8).
constexpr bool is_reserved(std::uint64_t number) {
  return number >= 0x21 && (number - 0x21) % 0x1f == 0;
}
constexpr std::uint64_t reserved_number(std::uint64_t n) { return 0x1f * n + 0x21; }

std::string_view to_string(WireError error);

}  // namespace echostream::core
