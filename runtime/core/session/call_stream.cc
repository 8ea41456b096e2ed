#include "runtime/core/session/call_stream.h"

#include <algorithm>
#include <utility>

#include "runtime/core/session/session.h"

namespace echostream::core {
namespace {

Status status_of_reset(WireError code) {
  switch (code) {
    case WireError::kRefused:
      return {StatusCode::kUnavailable, "the peer is shutting down and did not look at the call"};
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
    : environment_(environment),
      session_(session),
      role_(role),
      id_(id),
      inbox_(environment.limits),
      held_(environment.budget) {}

CallStream::~CallStream() = default;

void CallStream::set_method(const MethodInfo& method) {
  delivery_ = method.delivery;
  is_subscription_ = method.kind == MethodKind::kPublished;
  priority_ = method.priority;
  max_age_ = method.max_age;
  // Until a frame is older than that it is worth waiting for.
  if (method.delivery == Delivery::kExpiring) hold_ = method.max_age;
  jitter_buffer_ = method.jitter_buffer;
  sync_group_ = method.sync_group;
  if (id_.is_valid()) environment_.transport.set_priority(id_, priority_);
}

void CallStream::changed() {
  if (observer_ != nullptr) observer_->on_call_changed();
}

// ---- Opening.

void CallStream::open(StreamId id) {
  id_ = id;
  environment_.transport.set_priority(id_, priority_);
  if (waiting_request_) {
    // The deadline is sent as time left, and some has passed.
    if (waiting_request_->timeout > Duration::zero()) {
      waiting_request_->timeout -= environment_.executor.now() - waiting_since_;
      waiting_request_->timeout = std::max(waiting_request_->timeout, Duration(1));
    }
    write_request(*waiting_request_);
    waiting_request_.reset();
  }
  for (Unopened& waiting : std::exchange(unopened_, {})) {
    environment_.transport.write(id_, std::move(waiting.bytes), waiting.fin);
  }
  changed();
}

void CallStream::send_request(const RequestFrame& request) {
  if (id_.is_valid()) write_request(request);
  if (id_.is_valid() && !is_early_) return;
  waiting_request_ = request;
  waiting_since_ = environment_.executor.now();
}

void CallStream::handle_early_data_accepted() {
  is_early_ = false;
  waiting_request_.reset();
  unopened_.clear();
}

void CallStream::handle_early_data_rejected() {
  is_early_ = false;
  id_ = StreamId{};
}

void CallStream::write_request(const RequestFrame& request) {
  ByteWriter payload;
  core::write_request(payload, request);
  environment_.transport.write(id_, make_frame(FrameType::kRequest, payload.bytes()), false);
}

// ---- Sending.

void CallStream::write(Buffer bytes, bool fin) {
  if (!id_.is_valid() || is_early_) unopened_.push_back({bytes, fin});
  if (id_.is_valid()) environment_.transport.write(id_, std::move(bytes), fin);
}

void CallStream::write_frame(FrameType type, BytesView payload, bool fin) {
  if (!id_.is_valid() || is_early_) return write(make_frame(type, payload), fin);
  environment_.transport.write_frame(id_, type, payload, fin);
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
  if (!id_.is_valid() || is_early_) {
    write(make_frame(FrameType::kMessage, message), finish);
  } else {
    environment_.transport.write_message(id_, message, finish);
  }
  send_ended_ = finish;
  return Status::ok();
}

Status CallStream::send_frame(LocalTime now, RemoteTime capture_time, Buffer message) {
  return send_numbered_frame(now, {next_sequence_, capture_time}, std::move(message));
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

std::unique_ptr<FrameSender> CallStream::take_busy_sender() {
  if (!sender_ || sender_->is_idle()) return nullptr;
  return std::move(sender_);
}

bool CallStream::is_writable() const {
  return send_ended_ || (id_.is_valid() && (!sender_ || sender_->is_writable()));
}

void CallStream::send_end_of_frames() {
  if (delivery_ == Delivery::kReliable || !sender_) return;
  ByteWriter payload;
  payload.write_varint(next_sequence_);
  write_frame(FrameType::kEnd, payload.bytes(), false);
}

void CallStream::finish_sending() {
  if (send_ended_) return;
  send_end_of_frames();
  send_ended_ = true;
  write({}, true);
}

void CallStream::send_response(const Metadata& metadata) {
  if (send_ended_) return;
  Status fits = check_metadata(metadata, environment_.peer_settings.max_metadata_bytes);
  if (!fits.is_ok()) {
    send_status({fits.with_context("the response's metadata cannot be sent"), {}});
    return;
  }
  ByteWriter payload;
  write_response(payload, metadata);
  write_frame(FrameType::kResponse, payload.bytes(), false);
}

void CallStream::send_status(const StatusFrame& status) { write_status(status, WireError::kNone); }

void CallStream::write_status(StatusFrame frame, WireError stop_code) {
  if (send_ended_) return;
  Status fits = check_metadata(frame.metadata, environment_.peer_settings.max_metadata_bytes);
  if (!fits.is_ok()) {
    frame.metadata = {};
    if (frame.status.is_ok()) {
      frame.status = fits.with_context("the status's metadata cannot be sent");
    }
  }
  frame.status = fit_for_wire(frame.status);
  send_end_of_frames();
  send_ended_ = true;
  environment_.transport.write_status(id_, frame);
  stop_reading(stop_code);
}

// ---- Ending.

void CallStream::cancel(WireError code) {
  if (!end_) end_ = StatusFrame{Status(StatusCode::kCancelled, "the call was cancelled"), {}};
  if (id_.is_valid()) {
    // Also a side that has ended: what of it is still under way need not arrive.
    if (!std::exchange(send_ended_, true) || !fin_seen_) environment_.transport.reset(id_, code);
    stop_reading(code);
  }
  send_ended_ = true;
  waiting_request_.reset();
  unopened_.clear();
  if (sender_) sender_->give_up_all(code);
  drop_unread();
}

void CallStream::stop_receiving() {
  if (!id_.is_valid() || end_) return;
  stop_reading(WireError::kCancelled);
  receive_ended_ = true;
  drop_unread();
}

void CallStream::stop_reading(WireError code) {
  if (fin_seen_ || std::exchange(stop_sent_, true)) return;
  environment_.transport.stop_sending(id_, code);
}

void CallStream::release() {
  observer_ = nullptr;
  released_ = true;
  const bool answered = role_ == Role::kResponder || fin_seen_ || pending_end_ || end_;
  if (!send_ended_ || !answered) cancel(WireError::kCancelled);
  // The status is here, its FIN may never come.
  if (id_.is_valid()) stop_reading(WireError::kNone);
  drop_unread();
  session_.handle_released(*this);
}

// The peer gave the call up.
void CallStream::cut_off(LocalTime now, WireError code) {
  if (role_ == Role::kResponder && !send_ended_) session_.count_cancelled(now);
  end_ = StatusFrame{status_of_reset(code), {}};
  if (role_ == Role::kCaller && code == WireError::kRefused) {
    is_refused_ = true;
    session_.on_goaway();  // which may have been lost, and comes later
  }
  cancel(WireError::kCancelled);
  changed();
}

void CallStream::handle_reset(LocalTime now, WireError code) {
  // After the peer's end a reset says nothing new.
  if (std::exchange(fin_seen_, true) || released_ || end_) return;
  // We asked the caller to stop, and it has. One that gives the call up says so in STOP_SENDING.
  if (role_ == Role::kResponder && stop_sent_) return;
  if (pending_end_) {
    finish_if_drained();
    changed();
    return;
  }
  cut_off(now, code);
}

void CallStream::handle_stop_sending(LocalTime now, WireError code) {
  if (released_ || end_) {
    send_ended_ = true;
    return;
  }
  // A responder that has its answer ready does not read on; the status follows. A caller that stops
  // reading has lost interest in the call.
  if (role_ == Role::kResponder && !send_ended_) {
    cut_off(now, code);
    return;
  }
  send_ended_ = true;
  if (role_ == Role::kCaller && sender_) sender_->give_up_all(WireError::kCancelled);
  changed();
}

void CallStream::handle_drained() { changed(); }

void CallStream::handle_session_closed(const Status& status) {
  send_ended_ = true;
  fin_seen_ = true;
  waiting_request_.reset();
  unopened_.clear();
  ended_with_session_ = !end_ && !pending_end_;
  if (!end_ && pending_end_) settle_frames();
  if (!end_) end_ = pending_end_ ? std::exchange(pending_end_, {}) : StatusFrame{status, {}};
  if (sender_) sender_->give_up_all(WireError::kCancelled);
  receiver_.reset();
  playout_ = nullptr;
  reassembly_.reset();
  unparsed_.clear();
  account();
  changed();
}

}  // namespace echostream::core
