#include "runtime/gateway/link/http_call.h"

#include <algorithm>
#include <utility>

namespace echostream::gateway {
namespace {

// A client gets credit for more of its body while the engine has no more than that to take.
constexpr std::size_t kCreditBelowBytes = 64 * 1024;
// A message up to that size is copied behind its frame's header: the engine takes both at once.
constexpr std::size_t kMostJoinedBytes = 2048;

std::uint64_t number(core::FrameType type) { return static_cast<std::uint64_t>(type); }

}  // namespace

HttpCall::HttpCall(Host& host, StreamId id, std::shared_ptr<const RequestHead> head,
                   const MethodInfo& method, std::string origin)
    : host_(host),
      id_(id),
      head_(std::move(head)),
      method_(method),
      body_(make_request_body(*head_, host.gateway().rules())),
      held_(host.budget()),
      response_(make_response(*head_, host.gateway().rules(), std::move(origin))) {}

// The engine hears of the call with its one message, when that is complete; of a stream at once:
// the handler may be the first to speak.
void HttpCall::start(LocalTime now) {
  if (sends_frames()) {
    send_request(now);
    return flush(now, false);
  }
  body_since_ = now;
  if (!head_->message) return;
  Status status = count_held();
  if (!status.is_ok()) return fail(now, status);
  handle_message(now, *head_->message);
}

void HttpCall::handle_body(LocalTime now, BytesView data) {
  if (ended_) return host_.http().consume(id_, data.size());
  uncredited_bytes_ += data.size();
  if (unread_.empty() && has_room()) {
    read(now, data);
  } else {
    unread_.insert(unread_.end(), data.begin(), data.end());
  }
  give_credit();
}

bool HttpCall::has_room() const { return unconsumed_bytes_ <= kCreditBelowBytes; }

// Message by message: what is compressed may be a thousand times as large as it came. The rest
// waits as it is, within what flow control allows.
void HttpCall::read(LocalTime now, BytesView data) {
  Status status;
  while (!data.empty() && !ended_ && status.is_ok() && has_room()) {
    Buffers messages;
    status = body_->feed_some(data, messages);
    const Status counted = count_held();
    if (status.is_ok()) status = counted;
    const bool holds_more = !messages.empty();
    take_messages(now, std::move(messages));
    if (holds_more) (void)count_held();
    flush(now, false);
  }
  if (!status.is_ok()) return fail(now, status);
  if (!ended_) unread_.assign(data.begin(), data.end());
}

// What is held of a request until it is complete; the head, which may have a message, longer.
Status HttpCall::count_held() {
  std::size_t bytes = message_.size();
  if (body_) bytes += body_->held_bytes();
  if (head_->message) bytes += head_->message->size();
  held_.set(bytes);
  if (!host_.budget().is_exceeded()) return Status::ok();
  return {StatusCode::kResourceExhausted,
          "the requests of this connection are too large together (Limits::max_session_bytes)"};
}

void HttpCall::read_on(LocalTime now) {
  if (ended_ || !has_room()) return;
  const std::vector<std::uint8_t> data = std::exchange(unread_, {});
  read(now, data);
  if (body_ended_ && unread_.empty()) end_body(now);
  give_credit();
}

void HttpCall::handle_end(LocalTime now) {
  if (std::exchange(body_ended_, true) || ended_ || !unread_.empty()) return;
  end_body(now);
}

void HttpCall::end_body(LocalTime now) {
  if (ended_) return;
  Buffers messages;
  Status status = body_->finish(messages);
  take_messages(now, std::move(messages));
  if (!status.is_ok()) return fail(now, status);
  const LocalTime since = std::exchange(body_since_, kNever);
  if (ended_) return;
  if (messages_ == 0 && !method_.client_streaming) {
    return fail(now, Status(StatusCode::kUnimplemented,
                            std::string(method_.full_name) + " takes one message, none came"));
  }
  if (method_.kind == MethodKind::kEvent) return;
  if (!method_.client_streaming) {
    requested_ = true;
    Buffer message = std::exchange(message_, {});
    (void)count_held();
    return host_.engine().handle_whole_call(now, id_, make_request(now - since),
                                            std::move(message));
  }
  if (method_.delivery != Delivery::kReliable) {
    core::ByteWriter total;
    total.write_varint(messages_);
    feed(now, core::FrameType::kEnd, total.bytes(), {});
  }
  flush(now, true);
}

void HttpCall::take_messages(LocalTime now, Buffers messages) {
  for (Buffer& message : messages) {
    if (ended_) return;
    handle_message(now, std::move(message));
  }
}

void HttpCall::handle_message(LocalTime now, Buffer message) {
  if (messages_ > 0 && !method_.client_streaming) {
    return fail(now, Status(StatusCode::kUnimplemented,
                            std::string(method_.full_name) + " takes one message, more came"));
  }
  if (is_json()) {
    auto binary = host_.gateway().request_from_json(method_, message.view());
    if (!binary) return fail(now, binary.error());
    message = *std::move(binary);
  }
  if (method_.kind == MethodKind::kEvent) {
    ++messages_;
    return feed_event(now, message.view());
  }
  if (method_.client_streaming) {
    feed_frame(now, message.view());
  } else {
    message_ = std::move(message);
  }
  ++messages_;
}

core::RequestFrame HttpCall::make_request(Duration taken) {
  core::RequestFrame request;
  request.method_id = method_.id;
  // Without one: as a caller with a stub has it from the .proto.
  request.timeout = head_->timeout != Duration::zero() ? head_->timeout : method_.deadline;
  // What the message took to arrive is of the call's time.
  if (request.timeout > Duration::zero()) {
    request.timeout = std::max(request.timeout - taken, Duration(1));
  }
  request.metadata = head_->metadata;
  return request;
}

void HttpCall::send_request(LocalTime now) {
  requested_ = true;
  core::ByteWriter out;
  core::write_request(out, make_request(Duration::zero()));
  feed(now, core::FrameType::kRequest, out.bytes(), {});
}

// A frame whose payload is `header` and then `payload`. It waits for flush(): a request, its
// message and its end then cost the engine as much as one of them.
void HttpCall::feed(LocalTime now, core::FrameType type, BytesView header, BytesView payload) {
  frames_.write_varint(number(type));
  frames_.write_varint(header.size() + payload.size());
  frames_.write_bytes(header);
  if (payload.size() <= kMostJoinedBytes) return frames_.write_bytes(payload);
  flush(now, false);
  feed_bytes(now, payload, false);
}

void HttpCall::flush(LocalTime now, bool fin) {
  if (frames_.size() == 0 && !fin) return;
  const core::ByteWriter frames = std::exchange(frames_, {});
  feed_bytes(now, frames.bytes(), fin);
}

void HttpCall::feed_bytes(LocalTime now, BytesView bytes, bool fin) {
  unconsumed_bytes_ += bytes.size();
  host_.engine().handle_stream_data(now, id_, bytes, fin);
}

void HttpCall::feed_frame(LocalTime now, BytesView message) {
  core::FrameHeader header;
  header.sequence = messages_;
  core::ByteWriter out;
  switch (method_.delivery) {
    case Delivery::kReliable:
      out.write_varint(header.sequence);
      out.write_varint(0);  // nobody told when it was captured
      return feed(now, core::FrameType::kTimedMessage, out.bytes(), message);
    case Delivery::kExpiring: {
      out.write_varint(static_cast<std::uint64_t>(core::StreamType::kFrame));
      out.write_varint(static_cast<std::uint64_t>(id_.value));
      out.write_varint(header.sequence);
      out.write_varint(0);
      const StreamId stream = host_.next_client_stream();
      host_.engine().handle_stream_data(now, stream, out.bytes(), false);
      host_.engine().handle_stream_data(now, stream, message, true);
      host_.engine().handle_stream_closed(stream);
      return;
    }
    case Delivery::kDatagram: {
      core::DatagramHeader datagram;
      datagram.call_id = static_cast<std::uint64_t>(id_.value);
      datagram.frame = header;
      out.write_bytes(core::make_datagram_header(datagram).view());
      out.write_bytes(message);
      host_.engine().handle_datagram(now, out.bytes());
      return;
    }
  }
}

// Nobody answers an event: that it came is the answer.
void HttpCall::feed_event(LocalTime now, BytesView message) {
  core::EventHeader header;
  header.method_id = method_.id;
  header.metadata = head_->metadata;
  Status sent = host_.send_event(now, header, message);
  if (!sent.is_ok()) return fail(now, sent);
  if (ended_) return;
  on_reply(is_json() ? Buffer::copy("{}") : Buffer());
  end(Status::ok(), {});
}

void HttpCall::give_credit() {
  if (uncredited_bytes_ == 0 || (!ended_ && unconsumed_bytes_ > kCreditBelowBytes)) return;
  host_.http().consume(id_, std::exchange(uncredited_bytes_, 0));
}

void HttpCall::consumed(std::size_t bytes) {
  unconsumed_bytes_ -= std::min(bytes, unconsumed_bytes_);
  if (!unread_.empty() && has_room()) host_.read_on_later(id_);
  give_credit();
}

void HttpCall::handle_stalled() {
  ended_ = true;
  drop_waiting();
  drop_body();
}

void HttpCall::drop_waiting() {
  for (const WaitingFrame& frame : std::exchange(waiting_, {})) {
    host_.frame_stream_over(frame.stream);
  }
  waiting_bytes_ = 0;
}

void HttpCall::handle_abandoned(LocalTime now) {
  const bool was_ended = ended_;
  handle_stalled();
  if (!was_ended) host_.http().reset(id_, http3::Http3Error::kRequestCancelled);
  if (requested_) cancel_in_engine(now);
}

// What a caller of our own protocol sends that has lost interest (docs/protocol.md 5.8).
void HttpCall::cancel_in_engine(LocalTime now) {
  const auto code = static_cast<std::uint64_t>(core::WireError::kCancelled);
  host_.engine().handle_stream_reset(now, id_, code);
  host_.engine().handle_stop_sending(now, id_, code);
}

void HttpCall::drop_body() {
  body_since_ = kNever;
  body_.reset();
  unread_ = decltype(unread_)();
  message_ = {};
  (void)count_held();
}

void HttpCall::fail(LocalTime now, const Status& status) {
  flush(now, false);
  if (ended_) return;
  end(status, {});
  if (requested_) cancel_in_engine(now);
}

}  // namespace echostream::gateway
