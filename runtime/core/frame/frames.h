// The frames' payloads as values: parse_*() for what a peer sent, write_*() for what we send.
// Layouts are drawn in docs/protocol.md, section by section.
#pragma once

#include <cstdint>
#include <optional>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/metadata.h"

#include "runtime/core/frame/byte_reader.h"
#include "runtime/core/frame/byte_writer.h"
#include "runtime/core/frame/wire.h"

namespace echostream::core {

/// SETTINGS, docs/protocol.md 4.1: what the sender is willing to take.
struct SettingsFrame {
  std::uint64_t max_message_bytes = 1024 * 1024;
  std::uint64_t max_metadata_bytes = 8 * 1024;
  std::uint64_t max_subscriptions = 128;
  friend bool operator==(const SettingsFrame&, const SettingsFrame&) = default;
};
Result<SettingsFrame> parse_settings(BytesView payload);
/// `grease` becomes a reserved setting that the peer must ignore.
void write_settings(ByteWriter& out, const SettingsFrame& settings, std::uint64_t grease);

/// OK when a peer that takes `limit` bytes of metadata takes this; otherwise INVALID_ARGUMENT (a
/// key) or RESOURCE_EXHAUSTED.
Status check_metadata(const Metadata& metadata, std::uint64_t limit);

/// REQUEST, docs/protocol.md 5.1: opens a call.
struct RequestFrame {
  std::uint64_t method_id = 0;
  /// Time left when it was sent; zero = no deadline.
  Duration timeout{};
  Metadata metadata;
  /// When the caller made the call, on its clock; zero = not told.
  RemoteTime made_at{};
};
Result<RequestFrame> parse_request(BytesView payload);
void write_request(ByteWriter& out, const RequestFrame& request);

/// RESPONSE, docs/protocol.md 5.2: the responder's metadata, before its first message.
Result<Metadata> parse_response(BytesView payload);
void write_response(ByteWriter& out, const Metadata& metadata);

/// STATUS, docs/protocol.md 5.5: how the call ended; the responder's last frame.
struct StatusFrame {
  Status status;
  Metadata metadata;
};
/// What a status may take on the wire beside its metadata.
inline constexpr std::size_t kMaxStatusBytes = 64 * 1024;
/// The same status, with its message cut and its last details left out so that a peer takes it.
Status fit_for_wire(const Status& status);
Result<StatusFrame> parse_status(BytesView payload);
void write_status(ByteWriter& out, const StatusFrame& status);

/// EVENT, docs/protocol.md 6: a one-way event; the message is the rest of the payload.
struct EventHeader {
  std::uint64_t method_id = 0;
  /// When it was emitted, on the sender's clock; zero = not told.
  RemoteTime emitted_at{};
  /// When it came; not on the wire.
  LocalTime arrived_at{};
  Metadata metadata;
};
Result<EventHeader> parse_event_header(ByteReader& reader);
void write_event_header(ByteWriter& out, const EventHeader& header);

/// Sequence number and capture time of a stream's frame (docs/protocol.md 7); the message follows.
struct FrameHeader {
  std::uint64_t sequence = 0;
  /// On the sender's monotonic clock; nanoseconds, not negative.
  RemoteTime capture_time{};
};
std::size_t frame_header_size(const FrameHeader& header);
std::uint8_t* write_frame_header(std::uint8_t* out, const FrameHeader& header);
FrameHeader read_frame_header(ByteReader& reader);

/// A datagram's fields before the message (docs/protocol.md 8).
struct DatagramHeader {
  std::uint64_t call_id = 0;
  FrameHeader frame;
  std::uint64_t fragment_index = 0;
  std::uint64_t fragment_count = 1;
};
/// A frame has at most this many fragments.
inline constexpr std::uint64_t kMaxFragments = 4096;
/// nullopt: malformed, or of a type that is not ours to read. The message is the reader's rest.
std::optional<DatagramHeader> read_datagram_header(ByteReader& reader);
Buffer make_datagram_header(const DatagramHeader& header);

/// The type of a datagram, without reading it further; nullopt: none that we know.
std::optional<DatagramType> datagram_type(BytesView datagram);

/// CLOCK_REQUEST and CLOCK_REPLY, docs/protocol.md 8.1: how the two ends compare their clocks.
/// Both have the same length, so that slow links delay them equally.
struct ClockReplyFrame {
  std::uint64_t id = 0;
  RemoteTime received{};
  RemoteTime sent{};
  std::uint64_t previous_id = 0;
  RemoteTime previous_sent{};
};
Buffer make_clock_request(std::uint64_t id);
Buffer make_clock_reply(const ClockReplyFrame& reply);
std::optional<std::uint64_t> read_clock_request(BytesView datagram);
std::optional<ClockReplyFrame> read_clock_reply(BytesView datagram);

/// REPORT, docs/protocol.md 8.2: what the receiver of a stream tells its sender.
struct ReportFrame {
  std::uint64_t call_id = 0;
  /// One more than the highest sequence number that has arrived.
  std::uint64_t expected = 0;
  std::uint64_t received = 0;
  std::uint64_t late = 0;
  Duration jitter{};
  Duration target_delay{};
  /// What is captured at the one is played at the other, each on its own clock; zero: no jitter
  /// buffer.
  RemoteTime captured_at{};
  RemoteTime played_at{};
};
Buffer make_report(const ReportFrame& report);
std::optional<ReportFrame> read_report(BytesView datagram);

/// A whole frame: type, length, payload.
Buffer make_frame(FrameType type, BytesView payload);
/// A message up to that size is copied behind its header, which costs less than a second buffer on
/// its way through the stream; longer ones are shared.
inline constexpr std::size_t kMostJoinedBytes = 2048;

}  // namespace echostream::core
