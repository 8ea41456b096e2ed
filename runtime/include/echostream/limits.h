// Everything a peer can make us hold, with its bound. What happens at the bound is said beside it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "echostream/base/time.h"

namespace echostream {

/// Plain numbers; change what you need and give it to NodeOptions.
struct Limits {
  /// One message. Larger ones are refused before they are buffered: the call ends with
  /// RESOURCE_EXHAUSTED.
  std::uint64_t max_message_bytes = 1024 * 1024;
  /// What one message may take in memory beside its own bytes once it is decoded, as estimated
  /// before it is: half a million empty sub-messages fit into 1 MiB. More: RESOURCE_EXHAUSTED.
  std::size_t max_decoded_bytes = 32 * 1024 * 1024;
  /// Metadata::byte_size() of one request, response, status or event. Larger: RESOURCE_EXHAUSTED.
  std::uint64_t max_metadata_bytes = 8 * 1024;
  /// Subscriptions of one peer. More: RESOURCE_EXHAUSTED.
  std::uint64_t max_subscriptions = 128;
  /// Handlers of one peer that run at once, those of cancelled calls included. More:
  /// RESOURCE_EXHAUSTED.
  std::size_t max_running_handlers = 1024;
  /// What the requests and events take, decoded, that handlers of one peer are working on. More:
  /// RESOURCE_EXHAUSTED, and events are dropped with a warning.
  std::size_t max_handler_bytes = 256 * 1024 * 1024;
  /// Messages of one call, and their bytes, that wait for the reader. More stay unread on the
  /// stream, which stalls the sender by flow control; datagram frames drop the oldest.
  std::size_t max_inbox_messages = 256;
  std::size_t max_inbox_bytes = 512 * 1024;
  /// Event handlers of one peer that run at once. More: reading of events pauses.
  std::size_t max_running_events = 64;
  /// Unsent bytes of one stream or event queue above which a writer waits.
  std::size_t send_high_water_bytes = 256 * 1024;
  std::size_t send_low_water_bytes = 128 * 1024;
  /// Our own calls that wait for stream credit, or for a persistent session's next session. More
  /// fail with RESOURCE_EXHAUSTED.
  std::size_t max_waiting_calls = 131'072;
  /// Frames of an EXPIRING stream in flight. More: the oldest is given up.
  std::size_t max_expiring_in_flight = 128;
  /// Frames held while the call they belong to is not known yet. More: the oldest is dropped.
  std::size_t max_orphan_streams = 64;
  /// Frames held back to restore their order, per call. More: the earliest is released.
  std::size_t max_held_frames = 256;
  /// Bytes held back or being reassembled, per call. More: the oldest are dropped.
  std::size_t max_held_bytes = 4 * 1024 * 1024;
  /// Calls that the peer opened and cancelled within a second. More: the session is closed (stream
  /// churn, CVE-2023-44487).
  std::size_t max_cancelled_calls_per_second = 2000;
  /// One frame of the control stream. Larger: the session is closed.
  std::uint64_t max_control_frame_bytes = 16 * 1024;
  /// What a peer makes us hold in all: messages that wait for a reader or are incomplete, frames
  /// held back, over all its calls. More: the call that asked for more ends with
  /// RESOURCE_EXHAUSTED, and frames that have no call yet are dropped.
  std::size_t max_session_bytes = 64 * 1024 * 1024;
  /// How long a peer may hold a call's buffers without letting it go on: its flow control lets
  /// nothing of what waits for it through, or it begins a message and sends the rest at less than
  /// 128 bytes a second. Then the call ends with RESOURCE_EXHAUSTED at both ends; where events or
  /// the control stream are not read, the session. Noticed within a quarter of it. A reader says
  /// that it goes on each time it has read half of its stream window (512 KiB here), so one that is
  /// slower than that in this time counts as stalled. Zero: never.
  Duration stalled_peer_timeout = std::chrono::minutes(15);
  /// What one session sends, in bytes a second; the rest waits. A peer that acknowledges what it
  /// has not received yet opens the congestion window as far as it likes: set this to what your
  /// uplink can spare for one peer. Zero sends nothing.
  std::uint64_t max_send_bytes_per_second = 2'500'000'000;
};

}  // namespace echostream
