// The id of a QUIC stream (RFC 9000 section 2.1), as a type of its own.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace echostream {

/// Bit 0: 0 = opened by the client, 1 = by the server. Bit 1: 0 = bidirectional, 1 =
/// unidirectional.
struct StreamId {
  std::int64_t value = -1;

  bool is_valid() const noexcept { return value >= 0; }
  bool is_bidirectional() const noexcept { return (value & 2) == 0; }
  bool is_opened_by_server() const noexcept { return (value & 1) != 0; }
  friend auto operator<=>(const StreamId&, const StreamId&) = default;
};

}  // namespace echostream

template <>
struct std::hash<echostream::StreamId> {
  std::size_t operator()(echostream::StreamId id) const noexcept {
    return static_cast<std::size_t>(id.value) * 0x9E3779B97F4A7C15ull;
  }
};
