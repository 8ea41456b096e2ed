#include "runtime/core/session/peer_streams.h"

#include <string>
#include <utility>

#include "runtime/core/frame/clock_report.h"

namespace echostream::core {
namespace {

// Call id, sequence number and capture time at their longest.
constexpr std::size_t kMostFrameHeaderBytes = 24;

Status protocol_error(std::string message) { return {StatusCode::kInternal, std::move(message)}; }

}  // namespace

Status PeerStreams::handle_data(LocalTime now, StreamId id, BytesView data, bool fin) {
  Stream& stream = streams_.try_emplace(id, budget_).first->second;
  if (!stream.type && !stream.is_ignored) {
    if (!read_type(id, stream, data)) {
      if (fin) streams_.erase(id);
      return Status::ok();
    }
    if (Status status = begin(id, stream); !status.is_ok()) return status;
  }
  if (stream.is_ignored) {
    transport_.consume(id, data.size());
    return Status::ok();
  }
  switch (static_cast<StreamType>(*stream.type)) {
    case StreamType::kControl:
      return handle_control_data(id, data, fin);
    case StreamType::kEvents:
      return stream.events->handle_data(now, data, fin);
    case StreamType::kFrame:
      return handle_frame_data(now, id, stream, data, fin);
  }
  return Status::ok();
}

bool PeerStreams::read_type(StreamId id, Stream& stream, BytesView& data) {
  const std::size_t before = data.size();
  while (!stream.type && !data.empty()) {
    stream.bytes.push_back(data[0]);
    data = data.subspan(1);
    ByteReader reader(stream.bytes);
    const std::uint64_t type = reader.read_varint();
    if (reader.ok()) stream.type = type;
  }
  if (stream.type) stream.bytes.clear();
  transport_.consume(id, before - data.size());
  return stream.type.has_value();
}

Status PeerStreams::begin(StreamId id, Stream& stream) {
  switch (static_cast<StreamType>(*stream.type)) {
    case StreamType::kControl:
      if (control_) return protocol_error("the peer opened a second control stream");
      control_ = id;
      return Status::ok();
    case StreamType::kEvents:
      if (event_streams_.size() == kMaxEventStreams) {
        return protocol_error("the peer opened more than " + std::to_string(kMaxEventStreams) +
                              " streams of events");
      }
      event_streams_.push_back(id);
      stream.events = std::make_unique<EventReceiver>(transport_, limits_, id, sink_);
      return Status::ok();
    case StreamType::kFrame:
      return Status::ok();
  }
  // Not an error: a later version may use it.
  ignore(id, stream, WireError::kUnknownStreamType);
  return Status::ok();
}

// The entry stays until the connection reports the stream closed, so that what is under way is not
// taken for the start of a new stream.
void PeerStreams::ignore(StreamId id, Stream& stream, WireError code) {
  stream.is_ignored = true;
  stream.bytes = decltype(stream.bytes)();  // {} would keep the capacity
  stream.held.set(0);
  transport_.stop_sending(id, code);
}

Status PeerStreams::handle_reset(StreamId id) {
  if (control_ == id) return protocol_error("the peer reset its control stream");
  const auto found = streams_.find(id);
  if (found == streams_.end()) return Status::ok();
  if (found->second.events) found->second.events->discard();
  handle_closed(id);
  return Status::ok();
}

void PeerStreams::handle_closed(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (found->second.events && found->second.events->is_paused()) {
    found->second.is_closed = true;
    return;
  }
  forget(id);
}

void PeerStreams::forget(StreamId id) {
  streams_.erase(id);
  std::erase(event_streams_, id);
}

// ---- The control stream.

Status PeerStreams::handle_control_data(StreamId id, BytesView data, bool fin) {
  std::size_t taken = 0;
  Status status = control_parser_.feed(data, *this, taken);
  transport_.consume(id, data.size());
  if (status.is_ok() && fin) return protocol_error("the peer ended its control stream");
  return status;
}

std::optional<std::uint64_t> PeerStreams::payload_limit(std::uint64_t type) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::kSettings:
    case FrameType::kGoaway:
    case FrameType::kClockReport:
    case FrameType::kRequest:
    case FrameType::kResponse:
    case FrameType::kMessage:
    case FrameType::kTimedMessage:
    case FrameType::kEnd:
    case FrameType::kStatus:
    case FrameType::kEvent:
      return limits_.max_control_frame_bytes;
  }
  return std::nullopt;
}

Status PeerStreams::on_frame(std::uint64_t type, Buffer payload) {
  const bool is_settings = type == static_cast<std::uint64_t>(FrameType::kSettings);
  if (is_settings && settings_seen_) return protocol_error("the peer sent a second SETTINGS frame");
  if (!is_settings && !settings_seen_) {
    return protocol_error("the peer's first control frame has type " + std::to_string(type) +
                          " and is not SETTINGS");
  }
  if (is_settings) {
    auto settings = parse_settings(payload);
    if (!settings) return std::move(settings).error();
    settings_seen_ = true;
    sink_.on_settings(*settings);
    return Status::ok();
  }
  if (type == static_cast<std::uint64_t>(FrameType::kGoaway)) {
    sink_.on_goaway();
    return Status::ok();
  }
  if (type == static_cast<std::uint64_t>(FrameType::kClockReport)) {
    auto report = parse_clock_report(payload);
    if (!report) return std::move(report).error();
    sink_.on_clock_report(*report);
    return Status::ok();
  }
  return protocol_error("the peer sent a frame of type " + std::to_string(type) +
                        " on its control stream");
}

// ---- Frames of EXPIRING streams: collected to their end, then given to their call.

Status PeerStreams::handle_frame_data(LocalTime now, StreamId id, Stream& stream, BytesView data,
                                      bool fin) {
  transport_.consume(id, data.size());
  if (stream.bytes.size() + data.size() > limits_.max_message_bytes + kMostFrameHeaderBytes ||
      (!fin && !budget_.has_room_for(data.size()))) {
    ignore(id, stream, WireError::kLimit);
    return Status::ok();
  }
  if (!fin) {
    stream.bytes.insert(stream.bytes.end(), data.begin(), data.end());
    stream.held.set(stream.bytes.size());
    return Status::ok();
  }
  std::vector<std::uint8_t> bytes = std::move(stream.bytes);
  streams_.erase(id);
  if (bytes.empty()) return handle_whole_frame(now, data);
  bytes.insert(bytes.end(), data.begin(), data.end());
  return handle_whole_frame(now, bytes);
}

Status PeerStreams::handle_whole_frame(LocalTime now, BytesView bytes) {
  ByteReader reader(bytes);
  const StreamId call{static_cast<std::int64_t>(reader.read_varint())};
  const FrameHeader header = read_frame_header(reader);
  if (!reader.ok()) return protocol_error("malformed frame stream from the peer");
  if (!call.is_bidirectional()) {
    return protocol_error("the peer sent a frame for stream " + std::to_string(call.value) +
                          ", which cannot carry a call");
  }
  if (reader.rest().size() > limits_.max_message_bytes) return Status::ok();
  sink_.on_frame_stream(now, call, header, Buffer::copy(reader.rest()));
  return Status::ok();
}

// ---- Events.

Status PeerStreams::resume_events() {
  const std::vector<StreamId> ids = event_streams_;
  for (const StreamId id : ids) {
    Stream& stream = streams_.at(id);
    if (Status status = stream.events->resume(); !status.is_ok()) return status;
    if (stream.is_closed && !stream.events->is_paused()) forget(id);
  }
  return Status::ok();
}

}  // namespace echostream::core
