// HttpLink's streams that no HTTP client knows: what a peer of our own protocol has beside its
// calls, and what the engine sends beside them.
#include <algorithm>
#include <utility>

#include "runtime/api/session_state.h"
#include "runtime/gateway/link/http_link.h"

namespace echostream::gateway {
namespace {

// An HTTP client says nothing of what it takes; flow control holds what it does not.
constexpr std::uint64_t kMostReplyBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostDatagramHeaderBytes = 64;

Buffer join(const std::vector<Buffer>& pieces) {
  if (pieces.size() == 1) return pieces.front();
  std::size_t total = 0;
  for (const Buffer& piece : pieces) total += piece.size();
  return Buffer::build(total, [&](MutableBytes out) {
    for (const Buffer& piece : pieces) {
      std::copy_n(piece.data(), piece.size(), out.data());
      out = out.subspan(piece.size());
    }
  });
}

}  // namespace

void HttpLink::open_control_stream(LocalTime now) {
  core::SettingsFrame settings;
  settings.max_message_bytes = kMostReplyBytes;
  settings.max_metadata_bytes = gateway_.rules().max_metadata_bytes;
  core::ByteWriter payload;
  core::write_settings(payload, settings, 0);
  core::ByteWriter out;
  out.write_varint(static_cast<std::uint64_t>(core::StreamType::kControl));
  out.write_bytes(core::make_frame(core::FrameType::kSettings, payload.bytes()).view());
  engine().handle_stream_data(now, next_client_stream(), out.bytes(), false);
}

StreamId HttpLink::next_client_stream() {
  return {std::exchange(next_client_stream_, next_client_stream_ + 4)};
}

Status HttpLink::send_event(LocalTime now, const core::EventHeader& header, BytesView message) {
  if (!is_open_) {
    return {StatusCode::kUnavailable,
            "events are not taken before the handshake is complete; send it again"};
  }
  const Limits& limits = gateway_.node().options.limits;
  if (message.size() > limits.max_message_bytes) {
    return {StatusCode::kResourceExhausted, "the event is over the size limit"};
  }
  // A peer of our own protocol would be held back by flow control.
  if (unconsumed_events_ > limits.max_inbox_bytes) {
    return {StatusCode::kResourceExhausted,
            "earlier events of this connection still wait for their handlers; send it later"};
  }
  if (!events_.is_valid()) {
    events_ = next_client_stream();
    core::ByteWriter type;
    type.write_varint(static_cast<std::uint64_t>(core::StreamType::kEvents));
    engine().handle_stream_data(now, events_, type.bytes(), false);
  }
  core::ByteWriter payload;
  core::write_event_header(payload, header);
  core::ByteWriter out;
  out.write_varint(static_cast<std::uint64_t>(core::FrameType::kEvent));
  out.write_varint(payload.size() + message.size());
  out.write_bytes(payload.bytes());
  out.write_bytes(message);
  unconsumed_events_ += out.size();
  engine().handle_stream_data(now, events_, out.bytes(), false);
  return Status::ok();
}

Result<StreamId> HttpLink::open_unidirectional() {
  if (!is_connected()) return Status(StatusCode::kUnavailable, "the connection is closed");
  const StreamId id{std::exchange(next_own_stream_, next_own_stream_ + 4)};
  own_streams_.try_emplace(id);
  return id;
}

// Only frames of calls are for the client; events are not, for it serves none.
void HttpLink::write_own(StreamId id, OwnStream& stream, Buffer bytes, bool fin) {
  if (engine().is_draining()) refuse_requests();
  if (!stream.has_head) {
    stream.head.insert(stream.head.end(), bytes.view().begin(), bytes.view().end());
    core::ByteReader reader(stream.head);
    const bool is_frame =
        reader.read_varint() == static_cast<std::uint64_t>(core::StreamType::kFrame);
    const StreamId call{static_cast<std::int64_t>(reader.read_varint())};
    (void)core::read_frame_header(reader);
    stream.has_head = !is_frame || reader.ok();
    if (!stream.has_head) return;
    if (is_frame) stream.call = call;
    bytes = Buffer::copy(reader.rest());
    stream.head = decltype(stream.head)();
  }
  if (!stream.call.is_valid()) return;
  if (!bytes.empty()) stream.message.push_back(std::move(bytes));
  if (!fin) return;
  if (HttpCall* call = find(stream.call)) {
    call->send_frame(now(), id, join(std::exchange(stream.message, {})), kNever);
  } else {
    frame_stream_over(id);
  }
  flush_soon();
}

std::size_t HttpLink::max_datagram_bytes() const {
  return is_connected() ? kMostReplyBytes + kMostDatagramHeaderBytes : 0;
}

void HttpLink::send_datagram(Buffer header, Buffer payload, core::Priority, LocalTime expires_at) {
  core::ByteReader reader(header);
  const auto read = core::read_datagram_header(reader);
  if (!read) return;
  HttpCall* call = find(StreamId{static_cast<std::int64_t>(read->call_id)});
  if (call == nullptr) return;
  Buffer message = reader.rest().empty() ? std::move(payload)
                                         : join({Buffer::copy(reader.rest()), std::move(payload)});
  call->send_frame(now(), StreamId{}, std::move(message), expires_at);
  flush_soon();
}

void HttpLink::frame_stream_over(StreamId stream) {
  if (!stream.is_valid() || own_streams_.erase(stream) == 0) return;
  closed_own_streams_.push_back(stream);
  look_soon();
}

// Where it is asked for first, ahead of the QUIC driver, which sends what is there.
void HttpLink::look_soon() {
  if (!is_scheduled()) gateway_.node().executor.schedule_last(*this);
}

void HttpLink::on_ready() {
  if (session_ == nullptr) return;
  for (const StreamId id : std::exchange(closed_own_streams_, {})) {
    engine().handle_stream_closed(id);
  }
  for (const StreamId id : std::exchange(drained_own_streams_, {})) {
    engine().handle_stream_drained(now(), id);
  }
  for (const StreamId id : std::exchange(reading_on_, {})) {
    if (HttpCall* call = find(id)) call->read_on(now());
  }
  http_->flush();
  flush_soon();
}

}  // namespace echostream::gateway
