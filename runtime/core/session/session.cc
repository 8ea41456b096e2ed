#include "runtime/core/session/session.h"

#include <algorithm>
#include <utility>

namespace echostream::core {

Session::Session(Executor& executor, TransportPort& transport, SessionObserver& observer,
                 const Limits& limits, std::uint64_t grease)
    : executor_(executor),
      transport_(transport),
      observer_(observer),
      limits_(limits),
      grease_(grease) {}

Session::~Session() = default;

// ---- Opening and closing.

void Session::handle_connected() {
  connected_ = true;
  auto control = transport_.open_unidirectional();
  if (!control) {
    protocol_error("the peer allows no unidirectional streams");
    return;
  }
  control_ = *control;
  transport_.set_priority(control_, 0);
  ByteWriter type;
  type.write_varint(static_cast<std::uint64_t>(StreamType::kControl));
  transport_.write(control_, type.to_buffer(), false);
  const SettingsFrame settings{limits_.max_message_bytes, limits_.max_metadata_bytes,
                               limits_.max_subscriptions};
  ByteWriter payload;
  write_settings(payload, settings, grease_);
  send_control(FrameType::kSettings, payload.bytes());
  // A frame of a reserved type, so that ignoring unknown ones stays exercised (RFC 8701).
  send_control(static_cast<FrameType>(reserved_number(grease_ % 50)), {});
  open_waiting();
}

void Session::send_control(FrameType type, BytesView payload) {
  transport_.write(control_, make_frame(type, payload), false);
}

void Session::drain() {
  if (std::exchange(draining_, true) || !is_open()) return;
  send_control(FrameType::kGoaway, {});
}

void Session::handle_closed(const Status& status) {
  if (std::exchange(closed_, true)) return;
  close_status_ = status;
  frame_senders_.clear();
  for (auto& call : std::exchange(waiting_, {})) {
    call->handle_session_closed(status);
    keep_until_released(std::move(call));
  }
  for (auto& [id, call] : std::exchange(calls_, {})) {
    call->handle_session_closed(status);
    keep_until_released(std::move(call));
  }
  observer_.on_events_writable();
}

void Session::protocol_error(std::string reason) {
  transport_.close(WireError::kProtocol, std::move(reason));
}

// ---- Our calls.

Status Session::check_can_call(const Metadata& metadata) const {
  if (closed_) return close_status_.with_context("the session is closed");
  if (draining_) return {StatusCode::kUnavailable, "this node is shutting down"};
  if (peer_draining_) return {StatusCode::kUnavailable, "the peer is shutting down"};
  return check_metadata(metadata, peer_settings_.max_metadata_bytes);
}

Result<CallStream*> Session::start_call(const MethodInfo& method, const RequestFrame& request) {
  if (Status status = check_can_call(request.metadata); !status.is_ok()) return status;
  if (waiting_.size() >= limits_.max_waiting_calls) {
    return Status(
        StatusCode::kResourceExhausted,
        std::to_string(waiting_.size()) + " calls wait already for the peer's permission");
  }
  auto call = std::make_unique<CallStream>(
      CallEnvironment{executor_, transport_, limits_, peer_settings_, frame_senders_}, *this,
      CallStream::Role::kCaller, StreamId{});
  CallStream& started = *call;
  started.set_method(method);
  started.send_request(request);
  ++live_calls_;
  ++stats_.calls_started;
  waiting_.push_back(std::move(call));
  open_waiting();
  return &started;
}

void Session::open_waiting() {
  while (!waiting_.empty() && is_open()) {
    auto stream = transport_.open_bidirectional();
    if (!stream) return;
    std::unique_ptr<CallStream> call = std::move(waiting_.front());
    waiting_.pop_front();
    CallStream& opened = *call;
    calls_.emplace(*stream, std::move(call));
    opened.open(*stream);
  }
}

void Session::handle_streams_available(LocalTime now) {
  open_waiting();
  for (auto& [id, call] : calls_) call->handle_streams_available(now);
}

// The API let go. The entry stays until the connection reports the stream closed, so that what
// still arrives is not taken for a new call.
void Session::handle_released(CallStream& call) {
  --live_calls_;
  if (closed_calls_.erase(&call) > 0 || call.id().is_valid()) return;
  std::erase_if(waiting_, [&](const auto& owned) { return owned.get() == &call; });
}

void Session::keep_until_released(std::unique_ptr<CallStream> call) {
  if (call->is_released()) return;
  if (!call->has_handle()) {
    --live_calls_;
    return;
  }
  CallStream* key = call.get();
  closed_calls_.emplace(key, std::move(call));
}

// ---- The peer's streams.

void Session::handle_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) {
  if (!id.is_bidirectional()) {
    handle_peer_stream(now, id, data, fin);
    return;
  }
  CallStream* call = find_call(id);
  if (call == nullptr) call = &accept_call(id);
  call->handle_data(now, data, fin);
}

CallStream* Session::find_call(StreamId id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second.get();
}

CallStream& Session::accept_call(StreamId id) {
  auto call = std::make_unique<CallStream>(
      CallEnvironment{executor_, transport_, limits_, peer_settings_, frame_senders_}, *this,
      CallStream::Role::kResponder, id);
  ++live_calls_;
  return *calls_.emplace(id, std::move(call)).first->second;
}

void Session::handle_request(CallStream& call, RequestFrame request) {
  ++stats_.calls_received;
  if (request.metadata.byte_size() > limits_.max_metadata_bytes) {
    call.send_status(
        {Status(StatusCode::kResourceExhausted, "the metadata is over the size limit"), {}});
    call.release();
    return;
  }
  if (draining_) {
    call.send_status({Status(StatusCode::kUnavailable, "the node is shutting down"), {}});
    call.release();
    return;
  }
  observer_.on_incoming_call(call, std::move(request));
  deliver_orphans(call);
}

void Session::handle_stream_reset(LocalTime now, StreamId id, std::uint64_t code) {
  if (CallStream* call = find_call(id)) {
    if (call->role() == CallStream::Role::kResponder) count_cancelled(now);
    call->handle_reset(static_cast<WireError>(code));
    return;
  }
  if (peer_control_ == id) {
    protocol_error("the control stream was reset");
    return;
  }
  // A frame that its sender gave up, or a stream that nobody has read from yet.
  peer_streams_.erase(id);
}

void Session::handle_stop_sending(LocalTime, StreamId id, std::uint64_t code) {
  if (CallStream* call = find_call(id)) {
    call->handle_stop_sending(static_cast<WireError>(code));
    return;
  }
  if (id == control_) protocol_error("the control stream was refused");
  std::erase_if(event_streams_, [&](const auto& entry) { return entry.second == id; });
}

void Session::handle_stream_drained(LocalTime, StreamId id) {
  if (CallStream* call = find_call(id)) {
    call->handle_drained();
  } else {
    observer_.on_events_writable();
  }
}

void Session::handle_stream_closed(StreamId id) {
  peer_streams_.erase(id);
  if (auto sender = frame_senders_.extract(id)) sender.mapped()->handle_stream_closed(id);
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  keep_until_released(std::move(found->second));
  calls_.erase(found);
}

// Opening calls only to cancel them costs us more than it costs the peer (CVE-2023-44487).
void Session::count_cancelled(LocalTime now) {
  if (now >= cancel_window_end_) {
    cancel_window_end_ = now + std::chrono::seconds(1);
    cancelled_in_window_ = 0;
  }
  if (++cancelled_in_window_ > limits_.max_cancelled_calls_per_second) {
    transport_.close(WireError::kLimit, "too many calls cancelled");
  }
}

// ---- Unidirectional streams.

void Session::handle_peer_stream(LocalTime now, StreamId id, BytesView data, bool fin) {
  auto [entry, is_new] = peer_streams_.try_emplace(id);
  PeerStream& stream = entry->second;
  if (!stream.type) {
    const std::size_t before = data.size();
    const bool known = read_stream_type(stream, data);
    transport_.consume(id, before - data.size());
    if (known && !begin_peer_stream(id, stream)) {
      transport_.consume(id, data.size());
      peer_streams_.erase(id);
      return;
    }
    if (!known) {
      if (fin) peer_streams_.erase(id);
      return;
    }
  }
  switch (static_cast<StreamType>(*stream.type)) {
    case StreamType::kControl:
      handle_control_data(id, data, fin);
      return;
    case StreamType::kEvents:
      if (Status status = stream.events->handle_data(data); !status.is_ok()) {
        protocol_error(std::string(status.message()));
      }
      return;
    case StreamType::kFrame:
      handle_frame_data(now, id, stream, data, fin);
      return;
  }
  transport_.consume(id, data.size());  // of a type that was refused
}

bool Session::read_stream_type(PeerStream& stream, BytesView& data) {
  while (!stream.type && !data.empty()) {
    stream.bytes.push_back(data[0]);
    data = data.subspan(1);
    ByteReader reader(stream.bytes);
    const std::uint64_t type = reader.read_varint();
    if (reader.ok()) stream.type = type;
  }
  if (stream.type) stream.bytes.clear();
  return stream.type.has_value();
}

// False: the connection is being closed, forget the stream.
bool Session::begin_peer_stream(StreamId id, PeerStream& stream) {
  switch (static_cast<StreamType>(*stream.type)) {
    case StreamType::kControl:
      if (peer_control_) {
        protocol_error("a second control stream");
        return false;
      }
      peer_control_ = id;
      return true;
    case StreamType::kEvents:
      stream.events = std::make_unique<EventReceiver>(transport_, limits_, id,
                                                      static_cast<EventReceiver::Sink&>(*this));
      return true;
    case StreamType::kFrame:
      return true;
  }
  // Not an error: a later version may use it.
  transport_.stop_sending(id, WireError::kUnknownStreamType);
  return true;
}

void Session::handle_control_data(StreamId id, BytesView data, bool fin) {
  ControlSink sink(*this);
  std::size_t taken = 0;
  Status status = control_parser_.feed(data, sink, taken);
  transport_.consume(id, data.size());
  if (!status.is_ok()) {
    protocol_error(std::string(status.message()));
  } else if (fin) {
    protocol_error("the control stream ended");
  }
}

std::optional<std::uint64_t> Session::ControlSink::payload_limit(std::uint64_t type) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::kSettings:
    case FrameType::kGoaway:
    case FrameType::kRequest:
    case FrameType::kResponse:
    case FrameType::kMessage:
    case FrameType::kTimedMessage:
    case FrameType::kEnd:
    case FrameType::kStatus:
    case FrameType::kEvent:
      return session_.limits_.max_control_frame_bytes;
  }
  return std::nullopt;
}

Status Session::ControlSink::on_frame(std::uint64_t type, Buffer payload) {
  Session& session = session_;
  const bool is_settings = type == static_cast<std::uint64_t>(FrameType::kSettings);
  if (is_settings == session.settings_seen_) {
    return {StatusCode::kInternal,
            is_settings ? "a second SETTINGS frame" : "the first control frame is not SETTINGS"};
  }
  if (is_settings) {
    auto settings = parse_settings(payload);
    if (!settings) return std::move(settings).error();
    session.settings_seen_ = true;
    session.peer_settings_ = *settings;
    return Status::ok();
  }
  if (type == static_cast<std::uint64_t>(FrameType::kGoaway)) {
    session.peer_draining_ = true;
    session.observer_.on_peer_draining();
    return Status::ok();
  }
  return {StatusCode::kInternal,
          "a frame of type " + std::to_string(type) + " on the control stream"};
}

// A frame of an EXPIRING stream: collected until its end, then given to its call.
void Session::handle_frame_data(LocalTime now, StreamId id, PeerStream& stream, BytesView data,
                                bool fin) {
  constexpr std::size_t kMostHeaderBytes = 24;
  transport_.consume(id, data.size());
  if (stream.bytes.size() + data.size() > limits_.max_message_bytes + kMostHeaderBytes) {
    refuse_stream(id, WireError::kLimit);
    return;
  }
  if (fin && stream.bytes.empty()) {
    handle_whole_frame(now, data);
  } else {
    stream.bytes.insert(stream.bytes.end(), data.begin(), data.end());
    if (!fin) return;
    handle_whole_frame(now, stream.bytes);
  }
  peer_streams_.erase(id);
}

void Session::handle_whole_frame(LocalTime now, BytesView bytes) {
  ByteReader reader(bytes);
  const std::uint64_t call_id = reader.read_varint();
  const FrameHeader header = read_frame_header(reader);
  if (!reader.ok()) {
    protocol_error("malformed frame stream");
    return;
  }
  Buffer message = Buffer::copy(reader.rest());
  if (CallStream* call = find_call(StreamId{static_cast<std::int64_t>(call_id)})) {
    call->handle_frame(now, header, std::move(message));
    return;
  }
  // Its call's request may still be under way.
  if (orphans_.size() >= limits_.max_orphan_streams) orphans_.pop_front();
  orphans_.push_back({call_id, header, std::move(message)});
}

void Session::deliver_orphans(CallStream& call) {
  for (auto orphan = orphans_.begin(); orphan != orphans_.end();) {
    if (orphan->call_id != static_cast<std::uint64_t>(call.id().value)) {
      ++orphan;
      continue;
    }
    call.handle_frame(executor_.now(), orphan->header, std::move(orphan->message));
    orphan = orphans_.erase(orphan);
  }
}

void Session::refuse_stream(StreamId id, WireError code) {
  transport_.stop_sending(id, code);
  peer_streams_.erase(id);
}

void Session::handle_datagram(LocalTime now, BytesView data) {
  ByteReader reader(data);
  const std::optional<DatagramHeader> header = read_datagram_header(reader);
  CallStream* call =
      header ? find_call(StreamId{static_cast<std::int64_t>(header->call_id)}) : nullptr;
  if (call == nullptr) {
    ++stats_.datagrams_dropped;
    return;
  }
  call->handle_datagram(now, *header, reader.rest());
}

// ---- Events.

StreamId Session::event_stream(Priority priority) {
  const auto found = event_streams_.find(priority);
  if (found != event_streams_.end()) return found->second;
  auto stream = transport_.open_unidirectional();
  if (!stream) return {};
  transport_.set_priority(*stream, priority);
  ByteWriter type;
  type.write_varint(static_cast<std::uint64_t>(StreamType::kEvents));
  transport_.write(*stream, type.to_buffer(), false);
  event_streams_[priority] = *stream;
  return *stream;
}

Status Session::emit(const MethodInfo& method, const Metadata& metadata, const Buffer& message) {
  if (Status status = check_can_call(metadata); !status.is_ok()) return status;
  if (!connected_) return {StatusCode::kUnavailable, "the session is not connected yet"};
  if (message.size() > peer_settings_.max_message_bytes) {
    return {StatusCode::kResourceExhausted, "the event has " + std::to_string(message.size()) +
                                                " bytes, the peer takes at most " +
                                                std::to_string(peer_settings_.max_message_bytes)};
  }
  const StreamId stream = event_stream(method.priority);
  if (!stream.is_valid()) {
    return {StatusCode::kUnavailable, "the peer allows no more unidirectional streams"};
  }
  ByteWriter header;
  write_event_header(header, {method.id, metadata});
  ByteWriter frame;
  frame.write_varint(static_cast<std::uint64_t>(FrameType::kEvent));
  frame.write_varint(header.size() + message.size());
  frame.write_bytes(header.bytes());
  transport_.write(stream, frame.to_buffer(), false);
  transport_.write(stream, message, false);
  ++stats_.events_sent;
  if (!events_writable(method.priority)) {
    transport_.notify_when_drained(stream, limits_.send_low_water_bytes);
  }
  return Status::ok();
}

bool Session::events_writable(Priority priority) const {
  const auto found = event_streams_.find(priority);
  return found == event_streams_.end() || closed_ ||
         transport_.unsent_bytes(found->second) <= limits_.send_high_water_bytes;
}

void Session::on_event(EventHeader header, Buffer message) {
  ++stats_.events_received;
  observer_.on_incoming_event(std::move(header), std::move(message));
}

void Session::resume_events() {
  if (closed_) return;
  for (auto& [id, stream] : peer_streams_) {
    if (!stream.events) continue;
    if (Status status = stream.events->resume(); !status.is_ok()) {
      protocol_error(std::string(status.message()));
      return;
    }
  }
}

}  // namespace echostream::core
