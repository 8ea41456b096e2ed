#include "runtime/core/session/call_stream.h"

#include <algorithm>
#include <utility>

#include "runtime/core/session/session.h"

namespace echostream::core {
namespace {

constexpr std::uint64_t number(FrameType type) { return static_cast<std::uint64_t>(type); }

// Room for a request's, response's or status's fields beside the metadata.
constexpr std::uint64_t kFieldBytes = 64;
constexpr std::uint64_t kStatusBytes = 64 * 1024;
constexpr std::uint64_t kFrameHeaderBytes = 16;

Status status_of_reset(WireError code) {
  switch (code) {
    case WireError::kRefused:
      return {StatusCode::kUnavailable, "the peer is shutting down and refused the call"};
    case WireError::kLimit:
      return {StatusCode::kResourceExhausted, "the peer refused the call: a limit was exceeded"};
    case WireError::kProtocol:
    case WireError::kUnknownStreamType:
      return {StatusCode::kInternal, "the peer reported a protocol error"};
    case WireError::kInternal:
      return {StatusCode::kInternal, "the peer reported an internal error"};
    case WireError::kNone:
    case WireError::kCancelled:
    case WireError::kStale:
      break;
  }
  return {StatusCode::kCancelled, "the peer cancelled the call"};
}

}  // namespace

CallStream::CallStream(CallEnvironment environment, Session& session, Role role, StreamId id)
    : environment_(environment), session_(session), role_(role), id_(id) {}

CallStream::~CallStream() = default;

void CallStream::set_method(const MethodInfo& method) {
  delivery_ = method.delivery;
  priority_ = method.priority;
  max_age_ = method.max_age;
  // Until a frame is older than that it is worth waiting for.
  hold_ = method.jitter_buffer.enabled ? method.jitter_buffer.initial_delay : Duration::zero();
  if (method.delivery == Delivery::kExpiring) hold_ = std::max(hold_, method.max_age);
  if (id_.is_valid()) environment_.transport.set_priority(id_, priority_);
}

// ---- Sending.

void CallStream::open(StreamId id) {
  id_ = id;
  environment_.transport.set_priority(id_, priority_);
  for (Unopened& waiting : std::exchange(unopened_, {})) {
    environment_.transport.write(id_, std::move(waiting.bytes), waiting.fin);
  }
  changed();
}

void CallStream::write(Buffer bytes, bool fin) {
  if (id_.is_valid()) {
    environment_.transport.write(id_, std::move(bytes), fin);
  } else {
    unopened_.push_back({std::move(bytes), fin});
  }
}

void CallStream::send_request(const RequestFrame& request) {
  ByteWriter payload;
  write_request(payload, request);
  write(make_frame(FrameType::kRequest, payload.bytes()), false);
}

Status CallStream::check_size(std::size_t bytes) const {
  if (bytes <= environment_.peer_settings.max_message_bytes) return Status::ok();
  return {StatusCode::kResourceExhausted,
          "the message has " + std::to_string(bytes) + " bytes, the peer takes at most " +
              std::to_string(environment_.peer_settings.max_message_bytes)};
}

Status CallStream::send_message(const Buffer& message, bool finish) {
  if (Status status = check_size(message.size()); !status.is_ok()) return status;
  if (send_ended_) return {StatusCode::kFailedPrecondition, "this side of the call has ended"};
  write(make_frame(FrameType::kMessage, message), finish);
  send_ended_ = finish;
  return Status::ok();
}

Status CallStream::send_frame(LocalTime now, RemoteTime capture_time, Buffer message) {
  Status status = send_numbered_frame(now, {next_sequence_, capture_time}, std::move(message));
  return status;
}

Status CallStream::send_numbered_frame(LocalTime now, const FrameHeader& header, Buffer message) {
  if (Status status = check_size(message.size()); !status.is_ok()) return status;
  if (send_ended_) return {StatusCode::kFailedPrecondition, "this side of the call has ended"};
  if (!id_.is_valid()) return {StatusCode::kFailedPrecondition, "the call is not open yet"};
  next_sequence_ = header.sequence + 1;
  sender().send(now, header, std::move(message));
  return Status::ok();
}

FrameSender& CallStream::sender() {
  if (!sender_) {
    sender_ = make_frame_sender(
        delivery_, SenderContext{environment_.executor, environment_.transport, environment_.limits,
                                 environment_.frame_streams, id_, priority_, max_age_});
  }
  return *sender_;
}

bool CallStream::is_writable() const {
  return send_ended_ || (id_.is_valid() && (!sender_ || sender_->is_writable()));
}

void CallStream::send_end_of_frames() {
  if (delivery_ == Delivery::kReliable || !sender_) return;
  ByteWriter payload;
  payload.write_varint(next_sequence_);
  write(make_frame(FrameType::kEnd, payload.bytes()), false);
}

void CallStream::finish_sending() {
  if (send_ended_) return;
  send_end_of_frames();
  send_ended_ = true;
  write({}, true);
}

void CallStream::send_response(const Metadata& metadata) {
  if (send_ended_) return;
  ByteWriter payload;
  write_response(payload, metadata);
  write(make_frame(FrameType::kResponse, payload.bytes()), false);
}

void CallStream::send_status(const StatusFrame& status) {
  if (send_ended_) return;
  send_end_of_frames();
  send_ended_ = true;
  ByteWriter payload;
  write_status(payload, status);
  write(make_frame(FrameType::kStatus, payload.bytes()), true);
  if (!fin_seen_) environment_.transport.stop_sending(id_, WireError::kNone);
}

void CallStream::cancel(WireError code) {
  if (id_.is_valid()) {
    if (!std::exchange(send_ended_, true) || !fin_seen_) environment_.transport.reset(id_, code);
    if (!fin_seen_) environment_.transport.stop_sending(id_, code);
  }
  send_ended_ = true;
  inbox_.clear();
  inbox_bytes_ = 0;
  sequencer_.reset();
  if (!end_) end_ = StatusFrame{Status(StatusCode::kCancelled, "the call was cancelled"), {}};
}

void CallStream::release() {
  observer_ = nullptr;
  released_ = true;
  const bool ended = role_ == Role::kCaller ? fin_seen_ && send_ended_ : send_ended_;
  if (!ended) cancel(WireError::kCancelled);
  session_.handle_released(*this);
}

// ---- Receiving.

bool CallStream::wants_frame() {
  return inbox_.size() < environment_.limits.max_inbox_messages &&
         inbox_bytes_ < environment_.limits.max_inbox_bytes;
}

void CallStream::handle_data(LocalTime now, BytesView data, bool fin) {
  receiving_at_ = now;
  if (fin) fin_seen_ = true;
  if (released_ || end_ || pending_end_) {
    if (id_.is_valid()) environment_.transport.consume(id_, data.size());
  } else if (!unparsed_.empty()) {
    unparsed_.insert(unparsed_.end(), data.begin(), data.end());
  } else {
    parse(data);
  }
  if (fin_seen_ && unparsed_.empty()) finish_receiving();
}

void CallStream::parse(BytesView data) {
  std::size_t taken = 0;
  Status status = parser_.feed(data, *this, taken);
  if (!status.is_ok()) {
    environment_.transport.consume(id_, data.size());
    unparsed_.clear();
    fail_receiving(std::move(status), WireError::kProtocol);
    return;
  }
  environment_.transport.consume(id_, taken);
  // The inbox is full: the rest waits here without credit, so flow control bounds it.
  unparsed_.assign(data.begin() + static_cast<std::ptrdiff_t>(taken), data.end());
}

std::optional<std::uint64_t> CallStream::payload_limit(std::uint64_t type) {
  const Limits& limits = environment_.limits;
  switch (static_cast<FrameType>(type)) {
    case FrameType::kRequest:
    case FrameType::kResponse:
      return limits.max_metadata_bytes + kFieldBytes;
    case FrameType::kMessage:
      return limits.max_message_bytes;
    case FrameType::kTimedMessage:
      return limits.max_message_bytes + kFrameHeaderBytes;
    case FrameType::kStatus:
      return limits.max_metadata_bytes + kStatusBytes;
    case FrameType::kEnd:
    case FrameType::kSettings:
    case FrameType::kGoaway:
    case FrameType::kEvent:
      return kFrameHeaderBytes;
  }
  return std::nullopt;
}

Status CallStream::on_frame(std::uint64_t type, Buffer payload) {
  if (released_ || end_ || pending_end_) return Status::ok();
  const bool is_caller = role_ == Role::kCaller;
  if (type == number(FrameType::kRequest) && !is_caller && !request_seen_)
    return on_request(payload);
  if (is_caller || request_seen_) {
    if (type == number(FrameType::kMessage)) {
      push({std::move(payload), {}, receiving_at_, 0});
      return Status::ok();
    }
    if (type == number(FrameType::kTimedMessage)) return on_timed_message(std::move(payload));
    if (type == number(FrameType::kEnd)) return on_end(payload);
  }
  if (is_caller && type == number(FrameType::kStatus)) return on_status(payload);
  if (is_caller && type == number(FrameType::kResponse)) {
    auto metadata = parse_response(payload);
    if (!metadata) return std::move(metadata).error();
    response_metadata_ = *std::move(metadata);
    changed();
    return Status::ok();
  }
  return {StatusCode::kInternal,
          "the peer sent a frame of type " + std::to_string(type) + " where none is allowed"};
}

Status CallStream::on_request(BytesView payload) {
  auto request = parse_request(payload);
  if (!request) return std::move(request).error();
  request_seen_ = true;
  session_.handle_request(*this, *std::move(request));
  return Status::ok();
}

Status CallStream::on_timed_message(Buffer payload) {
  ByteReader reader(payload);
  const FrameHeader header = read_frame_header(reader);
  const std::uint64_t expected = last_timed_sequence_ ? *last_timed_sequence_ + 1 : 0;
  if (!reader.ok() || header.sequence < expected) {
    return {StatusCode::kInternal, "malformed or repeated frame from the peer"};
  }
  last_timed_sequence_ = header.sequence;
  push({payload.slice(payload.size() - reader.rest().size()), header, receiving_at_,
        header.sequence - expected});
  return Status::ok();
}

Status CallStream::on_end(BytesView payload) {
  ByteReader reader(payload);
  const std::uint64_t total = reader.read_varint();
  if (!reader.ok()) return {StatusCode::kInternal, "malformed END frame from the peer"};
  if (delivery_ != Delivery::kReliable) sequencer().finish(receiving_at_, total);
  return Status::ok();
}

Status CallStream::on_status(BytesView payload) {
  auto status = parse_status(payload);
  if (!status) return std::move(status).error();
  end_with(*std::move(status));
  return Status::ok();
}

void CallStream::handle_datagram(LocalTime now, const DatagramHeader& header, BytesView piece) {
  if (released_ || end_ || delivery_ != Delivery::kDatagram) return;
  if (header.fragment_count == 1) {
    if (piece.size() <= environment_.limits.max_message_bytes) {
      handle_frame(now, header.frame, Buffer::copy(piece));
    }
    return;
  }
  if (!reassembly_) {
    reassembly_ = std::make_unique<Reassembly>(environment_.limits.max_message_bytes,
                                               environment_.limits.max_held_bytes);
  }
  if (auto whole = reassembly_->add(header, piece)) {
    handle_frame(now, header.frame, *std::move(whole));
  }
}

void CallStream::handle_frame(LocalTime now, const FrameHeader& header, Buffer message) {
  if (released_ || end_ || delivery_ == Delivery::kReliable) return;
  sequencer().add(now, {std::move(message), header, now, 0});
}

FrameSequencer& CallStream::sequencer() {
  if (!sequencer_) {
    FrameSequencer::Options options;
    options.hold = hold_;
    options.max_frames = environment_.limits.max_held_frames;
    options.max_bytes = environment_.limits.max_held_bytes;
    sequencer_ = std::make_unique<FrameSequencer>(
        environment_.executor, static_cast<FrameSequencer::Sink&>(*this), options);
  }
  return *sequencer_;
}

void CallStream::on_sequenced(InboundMessage message) {
  // Nobody reads: the newest frames are worth more than the oldest.
  if (!wants_frame() && !inbox_.empty()) {
    const InboundMessage& oldest = inbox_.front();
    const std::uint64_t dropped = oldest.lost_before + 1;
    inbox_bytes_ -= oldest.message.size();
    inbox_.pop_front();
    (inbox_.empty() ? message : inbox_.front()).lost_before += dropped;
  }
  push(std::move(message));
}

void CallStream::on_sequence_end(std::uint64_t lost) {
  lost_at_end_ = lost;
  sequence_ended_ = true;
  finish_if_drained();
  changed();
}

void CallStream::push(InboundMessage message) {
  inbox_bytes_ += message.message.size();
  inbox_.push_back(std::move(message));
  changed();
}

std::optional<InboundMessage> CallStream::take_message() {
  if (inbox_.empty()) return std::nullopt;
  InboundMessage message = std::move(inbox_.front());
  inbox_.pop_front();
  inbox_bytes_ -= message.message.size();
  ++inbox_delivered_;
  if (!unparsed_.empty() && wants_frame()) {
    const std::vector<std::uint8_t> waiting = std::exchange(unparsed_, {});
    parse(waiting);
    if (fin_seen_ && unparsed_.empty()) finish_receiving();
  }
  finish_if_drained();
  return message;
}

// ---- Ending.

// The peer's FIN, with every frame before it parsed.
void CallStream::finish_receiving() {
  if (end_) return;
  if (!parser_.at_boundary()) {
    fail_receiving(Status(StatusCode::kInternal, "the peer ended the call inside a frame"),
                   WireError::kProtocol);
    return;
  }
  if (role_ == Role::kResponder && !request_seen_) {
    fail_receiving(Status(StatusCode::kInternal, "the peer ended the call without a request"),
                   WireError::kProtocol);
    return;
  }
  // Without an END frame there is nothing to wait for.
  if (sequencer_) sequencer_->finish(receiving_at_, 0);
  if (role_ == Role::kCaller && !pending_end_) {
    end_with({Status(StatusCode::kInternal, "the peer ended the call without a status"), {}});
  }
  finish_if_drained();
  changed();
}

void CallStream::end_with(StatusFrame status) {
  if (end_ || pending_end_) return;
  pending_end_ = std::move(status);
  if (sequencer_) sequencer_->finish(receiving_at_, 0);
  finish_if_drained();
  changed();
}

void CallStream::finish_if_drained() {
  const bool frames_done = !sequencer_ || sequence_ended_;
  if (fin_seen_ && unparsed_.empty() && frames_done) receive_ended_ = true;
  if (pending_end_ && inbox_.empty() && frames_done && !end_)
    end_ = std::exchange(pending_end_, {});
}

// What the peer sent makes no sense, or is too large: it hears why, and the call is over for us.
void CallStream::fail_receiving(Status status, WireError code) {
  if (end_) return;
  if (role_ == Role::kResponder) send_status({status, {}});
  end_ = StatusFrame{std::move(status), {}};
  cancel(code);
  changed();
}

void CallStream::handle_reset(WireError code) {
  fin_seen_ = true;
  if (end_ || released_) return;
  end_ = StatusFrame{status_of_reset(code), {}};
  cancel(WireError::kCancelled);
  changed();
}

void CallStream::handle_stop_sending(WireError code) {
  const bool had_ended = std::exchange(send_ended_, true);
  if (released_ || end_) return;
  // A responder that has its answer ready does not read on; the status follows. A caller that stops
  // reading has lost interest in the call.
  if (role_ == Role::kResponder && !had_ended) handle_reset(code);
  changed();
}

void CallStream::handle_drained() { changed(); }

void CallStream::handle_session_closed(const Status& status) {
  send_ended_ = true;
  fin_seen_ = true;
  if (!end_ && !pending_end_) end_ = StatusFrame{status, {}};
  if (pending_end_) end_ = std::exchange(pending_end_, {});
  sequencer_.reset();
  changed();
}

void CallStream::changed() {
  if (observer_ != nullptr) observer_->on_call_changed();
}

}  // namespace echostream::core
