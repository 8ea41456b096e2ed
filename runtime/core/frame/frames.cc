#include "runtime/core/frame/frames.h"

#include <algorithm>
#include <array>

namespace echostream::core {
namespace {

Status malformed(const char* frame) {
  return {StatusCode::kInternal, std::string("malformed ") + frame + " frame from the peer"};
}

// Metadata: count, then per entry key and value, each with its length.
void write_metadata(ByteWriter& out, const Metadata& metadata) {
  out.write_varint(metadata.entries().size());
  for (const auto& [key, value] : metadata.entries()) {
    out.write_text(key);
    out.write_text(value);
  }
}

// An entry takes at least two bytes, so a count that lies is caught before anything is allocated
// for it.
bool read_metadata(ByteReader& reader, Metadata& metadata) {
  const std::uint64_t count = reader.read_varint();
  if (!reader.ok() || count > reader.rest().size() / 2) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view key = reader.read_text();
    const std::string_view value = reader.read_text();
    if (!reader.ok() || !Metadata::is_valid_key(key)) return false;
    metadata.add(std::string(key), std::string(value));
  }
  return true;
}

Duration from_microseconds(std::uint64_t value) {
  constexpr std::uint64_t kMost = static_cast<std::uint64_t>(Duration::max().count()) / 1000;
  return std::chrono::microseconds(static_cast<std::int64_t>(std::min(value, kMost)));
}

}  // namespace

std::string_view to_string(WireError error) {
  switch (error) {
    case WireError::kNone:
      return "no error";
    case WireError::kProtocol:
      return "protocol error";
    case WireError::kCancelled:
      return "cancelled";
    case WireError::kStale:
      return "stale";
    case WireError::kLimit:
      return "limit exceeded";
    case WireError::kRefused:
      return "refused";
    case WireError::kInternal:
      return "internal error";
    case WireError::kUnknownStreamType:
      return "unknown stream type";
  }
  return "unknown error";
}

Result<SettingsFrame> parse_settings(BytesView payload) {
  SettingsFrame settings;
  ByteReader reader(payload);
  while (reader.ok() && !reader.rest().empty()) {
    const std::uint64_t id = reader.read_varint();
    const std::uint64_t value = reader.read_varint();
    if (!reader.ok()) break;
    // Unknown settings mean nothing to us, reserved ones to nobody.
    if (id == static_cast<std::uint64_t>(SettingId::kMaxMessageBytes)) {
      settings.max_message_bytes = value;
    } else if (id == static_cast<std::uint64_t>(SettingId::kMaxMetadataBytes)) {
      settings.max_metadata_bytes = value;
    } else if (id == static_cast<std::uint64_t>(SettingId::kMaxSubscriptions)) {
      settings.max_subscriptions = value;
    }
  }
  if (!reader.ok()) return malformed("SETTINGS");
  return settings;
}

void write_settings(ByteWriter& out, const SettingsFrame& settings, std::uint64_t grease) {
  const auto write = [&](SettingId id, std::uint64_t value) {
    out.write_varint(static_cast<std::uint64_t>(id));
    out.write_varint(std::min(value, kMaxVarint));
  };
  write(SettingId::kMaxMessageBytes, settings.max_message_bytes);
  write(SettingId::kMaxMetadataBytes, settings.max_metadata_bytes);
  write(SettingId::kMaxSubscriptions, settings.max_subscriptions);
  write(static_cast<SettingId>(reserved_number(grease % 1000)), grease % 64);
}

Status check_metadata(const Metadata& metadata, std::uint64_t limit) {
  for (const auto& [key, value] : metadata.entries()) {
    if (!Metadata::is_valid_key(key)) {
      return {StatusCode::kInvalidArgument,
              "a metadata key has 1 to 128 lower-case letters, digits, '-', '_' or '.'"};
    }
  }
  if (metadata.byte_size() <= limit) return Status::ok();
  return {StatusCode::kResourceExhausted,
          "the metadata counts " + std::to_string(metadata.byte_size()) +
              " bytes (32 for each entry included), the peer takes at most " +
              std::to_string(limit)};
}

namespace {

// Stamps are nanoseconds in a varint: not negative, below 2^62.
std::uint64_t time_to_wire(RemoteTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0)) &
         kMaxVarint;
}

RemoteTime read_time(ByteReader& reader) {
  return RemoteTime(Duration(static_cast<std::int64_t>(reader.read_varint())));
}

}  // namespace

Result<RequestFrame> parse_request(BytesView payload) {
  RequestFrame request;
  ByteReader reader(payload);
  request.method_id = reader.read_varint();
  request.timeout = from_microseconds(reader.read_varint());
  if (!reader.ok() || !read_metadata(reader, request.metadata)) return malformed("REQUEST");
  // Left out by those who do not tell.
  if (!reader.rest().empty()) request.made_at = read_time(reader);
  if (!reader.ok()) return malformed("REQUEST");
  return request;
}

void write_request(ByteWriter& out, const RequestFrame& request) {
  out.write_varint(request.method_id);
  // Zero means no deadline, so one that is nearly due, or has just passed, is sent as the least
  // there is.
  const auto microseconds = std::chrono::ceil<std::chrono::microseconds>(request.timeout).count();
  const bool has_deadline = request.timeout != Duration::zero();
  out.write_varint(
      has_deadline ? static_cast<std::uint64_t>(std::max<std::int64_t>(microseconds, 1)) : 0);
  write_metadata(out, request.metadata);
  if (request.made_at != RemoteTime{}) out.write_varint(time_to_wire(request.made_at));
}

Result<Metadata> parse_response(BytesView payload) {
  Metadata metadata;
  ByteReader reader(payload);
  if (!read_metadata(reader, metadata)) return malformed("RESPONSE");
  return metadata;
}

void write_response(ByteWriter& out, const Metadata& metadata) { write_metadata(out, metadata); }

Result<StatusFrame> parse_status(BytesView payload) {
  ByteReader reader(payload);
  const StatusCode code = status_code_from_wire(reader.read_varint());
  const std::string_view message = reader.read_text();
  StatusFrame frame{Status(code, std::string(message)), {}};
  const std::uint64_t details = reader.read_varint();
  if (!reader.ok() || details > reader.rest().size() / 2) return malformed("STATUS");
  for (std::uint64_t i = 0; i < details; ++i) {
    const std::string_view type_url = reader.read_text();
    const std::string_view value = reader.read_text();
    frame.status.add_detail({std::string(type_url), std::string(value)});
  }
  if (!reader.ok() || !read_metadata(reader, frame.metadata)) return malformed("STATUS");
  return frame;
}

namespace {
// The longest start of a UTF-8 text that has at most `most` bytes and ends between two characters.
std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<std::uint8_t>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}
}  // namespace

Status fit_for_wire(const Status& status) {
  if (status.is_ok()) return status;
  constexpr std::size_t kMostMessageBytes = kMaxStatusBytes / 4;
  constexpr std::size_t kFieldBytes = 16;
  std::size_t room = kMaxStatusBytes - kMostMessageBytes - kFieldBytes;
  Status fitting(status.code(), std::string(cut_text(status.message(), kMostMessageBytes)));
  for (const StatusDetail& detail : status.details()) {
    const std::size_t bytes = detail.type_url.size() + detail.value.size() + kFieldBytes;
    if (bytes > room) break;
    room -= bytes;
    fitting.add_detail(detail);
  }
  return fitting;
}

void write_status(ByteWriter& out, const StatusFrame& frame) {
  out.write_varint(static_cast<std::uint64_t>(frame.status.code()));
  out.write_text(frame.status.message());
  out.write_varint(frame.status.details().size());
  for (const StatusDetail& detail : frame.status.details()) {
    out.write_text(detail.type_url);
    out.write_text(detail.value);
  }
  write_metadata(out, frame.metadata);
}

Result<EventHeader> parse_event_header(ByteReader& reader) {
  EventHeader header;
  header.method_id = reader.read_varint();
  header.emitted_at = read_time(reader);
  if (!reader.ok() || !read_metadata(reader, header.metadata)) return malformed("EVENT");
  return header;
}

void write_event_header(ByteWriter& out, const EventHeader& header) {
  out.write_varint(header.method_id);
  out.write_varint(time_to_wire(header.emitted_at));
  write_metadata(out, header.metadata);
}

std::size_t frame_header_size(const FrameHeader& header) {
  return varint_size(header.sequence) + varint_size(time_to_wire(header.capture_time));
}

std::uint8_t* write_frame_header(std::uint8_t* out, const FrameHeader& header) {
  return write_varint(write_varint(out, header.sequence), time_to_wire(header.capture_time));
}

FrameHeader read_frame_header(ByteReader& reader) {
  const std::uint64_t sequence = reader.read_varint();
  return {sequence, read_time(reader)};
}

std::optional<DatagramHeader> read_datagram_header(ByteReader& reader) {
  const std::uint64_t type = reader.read_varint();
  const bool is_fragment = type == static_cast<std::uint64_t>(DatagramType::kFragment);
  if (!is_fragment && type != static_cast<std::uint64_t>(DatagramType::kWhole)) return std::nullopt;
  DatagramHeader header;
  header.call_id = reader.read_varint();
  header.frame = read_frame_header(reader);
  if (is_fragment) {
    header.fragment_index = reader.read_varint();
    header.fragment_count = reader.read_varint();
  }
  if (!reader.ok() || header.fragment_index >= header.fragment_count ||
      header.fragment_count > kMaxFragments) {
    return std::nullopt;
  }
  return header;
}

Buffer make_datagram_header(const DatagramHeader& header) {
  std::array<std::uint8_t, 48> bytes;
  const bool is_fragment = header.fragment_count > 1;
  std::uint8_t* out = write_varint(
      bytes.data(),
      static_cast<std::uint64_t>(is_fragment ? DatagramType::kFragment : DatagramType::kWhole));
  out = write_varint(out, header.call_id);
  out = write_frame_header(out, header.frame);
  if (is_fragment) {
    out = write_varint(out, header.fragment_index);
    out = write_varint(out, header.fragment_count);
  }
  return Buffer::copy(BytesView(bytes.data(), static_cast<std::size_t>(out - bytes.data())));
}

std::optional<DatagramType> datagram_type(BytesView datagram) {
  ByteReader reader(datagram);
  const std::uint64_t type = reader.read_varint();
  if (!reader.ok() || type > static_cast<std::uint64_t>(DatagramType::kReport)) return std::nullopt;
  return static_cast<DatagramType>(type);
}

namespace {

constexpr std::size_t kClockDatagramBytes = 1 + 5 * 8;

// Type and fields, and zeros up to `size` where that is more.
Buffer make_datagram(DatagramType type, std::initializer_list<std::uint64_t> fields,
                     std::size_t size = 0) {
  std::array<std::uint8_t, 96> bytes{};
  std::uint8_t* out = write_varint(bytes.data(), static_cast<std::uint64_t>(type));
  for (const std::uint64_t field : fields) out = write_varint(out, field & kMaxVarint);
  const auto written = static_cast<std::size_t>(out - bytes.data());
  return Buffer::copy(BytesView(bytes.data(), std::max(written, size)));
}

ByteReader behind_type(BytesView datagram) {
  ByteReader reader(datagram);
  (void)reader.read_varint();
  return reader;
}

std::uint64_t to_microseconds(Duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time).count(), 0));
}

}  // namespace

Buffer make_clock_request(std::uint64_t id) {
  return make_datagram(DatagramType::kClockRequest, {id}, kClockDatagramBytes);
}

std::optional<std::uint64_t> read_clock_request(BytesView datagram) {
  ByteReader reader = behind_type(datagram);
  const std::uint64_t id = reader.read_varint();
  if (!reader.ok()) return std::nullopt;
  return id;
}

Buffer make_clock_reply(const ClockReplyFrame& reply) {
  return make_datagram(DatagramType::kClockReply,
                       {reply.id, time_to_wire(reply.received), time_to_wire(reply.sent),
                        reply.previous_id, time_to_wire(reply.previous_sent)},
                       kClockDatagramBytes);
}

std::optional<ClockReplyFrame> read_clock_reply(BytesView datagram) {
  ByteReader reader = behind_type(datagram);
  ClockReplyFrame reply;
  reply.id = reader.read_varint();
  reply.received = read_time(reader);
  reply.sent = read_time(reader);
  reply.previous_id = reader.read_varint();
  reply.previous_sent = read_time(reader);
  if (!reader.ok()) return std::nullopt;
  return reply;
}

Buffer make_report(const ReportFrame& report) {
  return make_datagram(DatagramType::kReport,
                       {report.call_id, report.expected, report.received, report.late,
                        to_microseconds(report.jitter), to_microseconds(report.target_delay),
                        time_to_wire(report.captured_at), time_to_wire(report.played_at)});
}

std::optional<ReportFrame> read_report(BytesView datagram) {
  ByteReader reader = behind_type(datagram);
  ReportFrame report;
  report.call_id = reader.read_varint();
  report.expected = reader.read_varint();
  report.received = reader.read_varint();
  report.late = reader.read_varint();
  report.jitter = from_microseconds(reader.read_varint());
  report.target_delay = from_microseconds(reader.read_varint());
  report.captured_at = read_time(reader);
  report.played_at = read_time(reader);
  if (!reader.ok()) return std::nullopt;
  return report;
}

Buffer make_frame(FrameType type, BytesView payload) {
  const auto type_number = static_cast<std::uint64_t>(type);
  const std::size_t size = varint_size(type_number) + varint_size(payload.size()) + payload.size();
  return Buffer::build(size, [&](MutableBytes bytes) {
    std::uint8_t* out = write_varint(bytes.data(), type_number);
    out = write_varint(out, payload.size());
    std::copy(payload.begin(), payload.end(), out);
  });
}

}  // namespace echostream::core
