// The receiving half of CallStream: the stream's bytes to frames, frames to messages in order.
#include <utility>

#include "runtime/core/session/call_stream.h"
#include "runtime/core/session/session.h"

namespace echostream::core {
namespace {

constexpr std::uint64_t number(FrameType type) { return static_cast<std::uint64_t>(type); }

// Room for a request's or response's fields beside the metadata.
constexpr std::uint64_t kFieldBytes = 64;
constexpr std::uint64_t kFrameHeaderBytes = 16;

}  // namespace

void CallStream::handle_data(LocalTime now, BytesView data, bool fin) {
  receiving_at_ = now;
  if (fin) fin_seen_ = true;
  if (released_ || end_ || pending_end_) {
    // Nothing counts after a status.
    environment_.transport.consume(id_, data.size());
  } else if (!unparsed_.empty()) {
    unparsed_.append(data);
  } else {
    parse(data);
  }
  if (fin_seen_ && unparsed_.empty()) finish_receiving();
  check_budget();
}

// What is not taken, because the inbox is full, gets no credit: flow control bounds it.
std::size_t CallStream::feed(BytesView data) {
  std::size_t taken = 0;
  Status status = parser_.feed(data, *this, taken);
  if (!status.is_ok()) {
    environment_.transport.consume(id_, data.size());
    fail_receiving(std::move(status));
    return data.size();
  }
  environment_.transport.consume(id_, taken);
  return taken;
}

void CallStream::parse(BytesView data) {
  const std::size_t taken = feed(data);
  unparsed_.append(data.subspan(taken));
}

void CallStream::parse_waiting() {
  // A frame may end the call, which drops what waits: it must not be under the parser then.
  UnparsedBytes waiting = std::exchange(unparsed_, {});
  waiting.drop_front(feed(waiting.view()));
  unparsed_ = std::move(waiting);
}

// ---- Frames of the call's own stream.

bool CallStream::wants_frame() { return inbox_.has_room(); }

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
      return limits.max_metadata_bytes + kMaxStatusBytes;
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
      inbox_.push({std::move(payload), {}, receiving_at_, 0});
      changed();
      return Status::ok();
    }
    if (type == number(FrameType::kTimedMessage) && delivery_ == Delivery::kReliable) {
      return on_timed_message(std::move(payload));
    }
    if (type == number(FrameType::kEnd)) return on_end(payload);
  }
  if (is_caller && type == number(FrameType::kStatus)) return on_status(payload);
  if (is_caller && type == number(FrameType::kResponse)) return on_response(payload);
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

Status CallStream::check_received(const Metadata& metadata) const {
  if (metadata.byte_size() <= environment_.limits.max_metadata_bytes) return Status::ok();
  return {StatusCode::kResourceExhausted,
          "the peer's metadata counts " + std::to_string(metadata.byte_size()) +
              " bytes, the limit is " + std::to_string(environment_.limits.max_metadata_bytes)};
}

Status CallStream::on_response(BytesView payload) {
  auto metadata = parse_response(payload);
  if (!metadata) return std::move(metadata).error();
  if (Status status = check_received(*metadata); !status.is_ok()) return status;
  response_metadata_ = *std::move(metadata);
  changed();
  return Status::ok();
}

Status CallStream::on_timed_message(Buffer payload) {
  ByteReader reader(payload);
  const FrameHeader header = read_frame_header(reader);
  if (!reader.ok()) return {StatusCode::kInternal, "malformed TIMED_MESSAGE frame from the peer"};
  const std::uint64_t expected = last_timed_sequence_ ? *last_timed_sequence_ + 1 : 0;
  if (header.sequence < expected) {
    return {StatusCode::kInternal, "the peer sent the frame with sequence number " +
                                       std::to_string(header.sequence) + " behind that with " +
                                       std::to_string(*last_timed_sequence_)};
  }
  if (reader.rest().size() > environment_.limits.max_message_bytes) {
    return {StatusCode::kResourceExhausted, "a message is over the size limit"};
  }
  last_timed_sequence_ = header.sequence;
  inbox_.push({payload.slice(payload.size() - reader.rest().size()), header, receiving_at_,
               header.sequence - expected});
  changed();
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
  if (Status fits = check_received(status->metadata); !fits.is_ok()) return fits;
  end_with(*std::move(status));
  return Status::ok();
}

// ---- Frames that travel beside the call's stream.

void CallStream::handle_datagram(LocalTime now, const DatagramHeader& header, BytesView piece) {
  if (released_ || end_ || delivery_ != Delivery::kDatagram || is_stale(now)) return;
  const Limits& limits = environment_.limits;
  if (header.fragment_count == 1) {
    if (piece.size() > limits.max_message_bytes) return;
    sequencer().add(now, {Buffer::copy(piece), header.frame, now, 0});
  } else {
    if (!reassembly_) {
      reassembly_ = std::make_unique<Reassembly>(limits.max_message_bytes, limits.max_held_bytes);
    }
    if (auto whole = reassembly_->add(header, piece)) {
      sequencer().add(now, {*std::move(whole), header.frame, now, 0});
    }
  }
  check_budget();
}

void CallStream::handle_frame(LocalTime now, const FrameHeader& header, Buffer message) {
  if (released_ || end_ || delivery_ != Delivery::kExpiring || is_stale(now)) return;
  sequencer().add(now, {std::move(message), header, now, 0});
  check_budget();
}

// Arrived before its call was known, and waited too long for it.
bool CallStream::is_stale(LocalTime arrived_at) const {
  return max_age_ > Duration::zero() && environment_.executor.now() - arrived_at > max_age_;
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
  inbox_.push_newest(std::move(message));
  changed();
}

void CallStream::on_sequence_end(std::uint64_t lost) {
  lost_at_end_ = lost;  // besides what the inbox gave up
  sequence_ended_ = true;
  finish_if_drained();
  changed();
}

// ---- Reading, and what ends it.

std::optional<InboundMessage> CallStream::take_message() {
  // The reader was slow: what grew too old in here is given up as it would be at the sender.
  if (delivery_ == Delivery::kExpiring && max_age_ > Duration::zero()) {
    inbox_.drop_older_than(environment_.executor.now() - max_age_);
  }
  std::optional<InboundMessage> message = inbox_.take();
  if (!message) {
    finish_if_drained();
    return std::nullopt;
  }
  if (!unparsed_.empty() && wants_frame()) {
    parse_waiting();
    if (fin_seen_ && unparsed_.empty()) finish_receiving();
  }
  finish_if_drained();
  account();
  return message;
}

// The peer's FIN, with every frame before it parsed.
void CallStream::finish_receiving() {
  if (end_ || released_) return;
  if (!pending_end_) {
    if (!parser_.at_boundary()) {
      fail_receiving(Status(StatusCode::kInternal, "the peer ended the call inside a frame"));
      return;
    }
    if (role_ == Role::kResponder && !request_seen_) {
      fail_receiving(Status(StatusCode::kInternal, "the peer ended the call without a request"));
      return;
    }
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

// What the peer sent makes no sense, or is too much: it hears why, and the call is over for us.
void CallStream::fail_receiving(Status status) {
  if (end_) return;
  const WireError code =
      status.code() == StatusCode::kResourceExhausted ? WireError::kLimit : WireError::kProtocol;
  end_ = StatusFrame{status, {}};
  if (role_ == Role::kCaller) {
    cancel(code);
  } else {
    // It costs us as much as a cancelled call, and the peer as little (CVE-2025-8671).
    if (!send_ended_) session_.count_cancelled(receiving_at_);
    write_status({std::move(status), {}}, code);
    if (sender_) sender_->give_up_all(WireError::kCancelled);
    drop_unread();
  }
  changed();
}

// Gives back what the peer may send again on other streams.
void CallStream::drop_unread() {
  if (id_.is_valid()) environment_.transport.consume(id_, unparsed_.size());
  unparsed_.clear();
  parser_ = {};
  inbox_.clear();
  sequencer_.reset();
  reassembly_.reset();
  account();
}

void CallStream::account() {
  held_.set(parser_.held_bytes() + inbox_.bytes() + (sequencer_ ? sequencer_->held_bytes() : 0) +
            (reassembly_ ? reassembly_->held_bytes() : 0));
}

void CallStream::check_budget() {
  account();
  if (!environment_.budget.is_exceeded() || held_.bytes() == 0 || released_) return;
  fail_receiving(Status(StatusCode::kResourceExhausted,
                        "the messages that wait for their readers are over the limit of " +
                            std::to_string(environment_.budget.most()) + " bytes for all calls"));
}

}  // namespace echostream::core
