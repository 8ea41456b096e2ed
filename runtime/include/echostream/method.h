// What the IDL says of a service and its methods, as constants that generated code holds and
// everything else reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "echostream/base/time.h"
#include "echostream/jitter_buffer.h"

namespace echostream {

enum class MethodKind : std::uint8_t {
  kRpc,        // one request, one reply
  kEvent,      // one message to a peer that serves it, no reply
  kPublished,  // events that a node publishes to its subscribers
  kStream,     // a flow of messages in one or both directions
};

/// What happens to a frame of a stream that cannot be delivered at once.
enum class Delivery : std::uint8_t {
  kReliable,  // ordered, nothing dropped
  kExpiring,  // each frame on its own; older than max_age is cancelled and never delivered
  kDatagram,  // unreliable, smallest delay
};

/// What happens to a subscriber that takes events more slowly than they are published.
enum class SlowSubscriber : std::uint8_t {
  kDropOldest,  // its queue loses the oldest events; it learns how many
  kDisconnect,  // its subscription ends with RESOURCE_EXHAUSTED
};

/// What becomes of a reader when a persistent session loses the session under it.
enum class OnReconnect : std::uint8_t {
  kEnd,     // it ends with UNAVAILABLE
  kResume,  // the request is sent again on the next session, and the reader goes on
};

struct MethodInfo {
  std::string_view name;       // "Grip"
  std::string_view full_name;  // "acme.v1.Robot/Grip"
  std::uint64_t id = 0;        // on the wire; below 2^62
  MethodKind kind = MethodKind::kRpc;
  bool client_streaming = false;
  bool server_streaming = false;
  bool idempotent = false;       // kRpc: running it twice does no harm (0-RTT, retries)
  bool no_side_effects = false;  // kRpc, idempotent too: HTTP clients may call it by GET
  Delivery delivery = Delivery::kReliable;
  SlowSubscriber slow_subscriber = SlowSubscriber::kDropOldest;
  OnReconnect on_reconnect = OnReconnect::kEnd;  // server streams and kPublished
  std::uint8_t priority = 3;                     // 0 first, 7 last
  std::uint32_t keep_last = 0;  // kPublished: how many events a late subscriber gets
  std::uint32_t max_queue = 0;  // kPublished: events waiting per subscriber; 0 = default
  Duration deadline{};          // kRpc: zero = none
  Duration max_age{};           // kExpiring, kDatagram: zero = none
  std::string_view sync_group;
  JitterBufferOptions jitter_buffer;
};

struct ServiceInfo {
  std::string_view full_name;  // "acme.v1.Robot"
  std::span<const MethodInfo> methods;
  /// The .proto file that declares it, as an encoded google.protobuf.FileDescriptorProto.
  std::string_view file_descriptor;
};

}  // namespace echostream
