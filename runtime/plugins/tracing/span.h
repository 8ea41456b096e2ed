// One span, as it is recorded.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/base/time.h"
#include "echostream/socket_address.h"

namespace echostream::internal {

/// A message of the call.
struct SpanEvent {
  WallTime time{};
  bool sent = false;
  std::uint64_t bytes = 0;
};

struct Span {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  std::array<std::uint8_t, 8> parent_id{};  // zero: a root
  std::string trace_state;
  std::string method;  // "acme.v1.Robot/Grip"
  bool is_server = false;
  WallTime start{};
  WallTime end{};
  StatusCode code = StatusCode::kOk;
  std::string message;
  SocketAddress peer;
  std::vector<SpanEvent> events;
  std::uint64_t dropped_events = 0;
};

}  // namespace echostream::internal
