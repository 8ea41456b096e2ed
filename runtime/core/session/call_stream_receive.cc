// The receiving half of CallStream: the stream's bytes to frames, frames to messages in order.
#include <algorithm>
#include <bit>
#include <utility>

#include "runtime/core/delivery/frame_sequencer.h"
#include "runtime/core/session/call_stream.h"
#include "runtime/core/session/session.h"

namespace echostream::core {
namespace {

constexpr std::uint64_t number(FrameType type) { return static_cast<std::uint64_t>(type); }

// Room for a request's or response's fields beside the metadata.
constexpr std::uint64_t kFieldBytes = 64;
constexpr std::uint64_t kFrameHeaderBytes = 16;

// As often as the network's delay may change in earnest, and far less than one frame in ten.
constexpr Duration kReportInterval = std::chrono::milliseconds(200);
constexpr Duration kMostPlayoutDelay = std::chrono::seconds(60);
// The receiver's target may have grown since it said so.
constexpr Duration kPlayoutSlack = std::chrono::milliseconds(20);

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
    watch_message(now, data.size());
  }
  if (fin_seen_ && unparsed_.empty()) finish_receiving();
  check_budget();
}

void CallStream::handle_whole(LocalTime now, RequestFrame request, Buffer message) {
  receiving_at_ = now;
  fin_seen_ = true;
  request_seen_ = true;
  session_.handle_request(*this, std::move(request));
  if (released_ || end_ || pending_end_) return;
  if (message.size() > environment_.limits.max_message_bytes) {
    return fail_receiving({StatusCode::kResourceExhausted, "the message is over the size limit"});
  }
  push_message(std::move(message));
  finish_receiving();
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

bool CallStream::wants_frame() {
  return inbox_.has_room() && (!receiver_ || receiver_->has_room());
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
      return limits.max_metadata_bytes + kMaxStatusBytes;
    case FrameType::kEnd:
    case FrameType::kSettings:
    case FrameType::kGoaway:
    case FrameType::kClockReport:
    case FrameType::kEvent:
      return kFrameHeaderBytes;
  }
  return std::nullopt;
}

Status CallStream::on_frame(std::uint64_t type, Buffer payload) {
  message_since_ = kNever;
  if (released_ || end_ || pending_end_) return Status::ok();
  const bool is_caller = role_ == Role::kCaller;
  if (type == number(FrameType::kRequest) && !is_caller && !request_seen_)
    return on_request(payload);
  if (is_caller || request_seen_) {
    if (type == number(FrameType::kMessage)) {
      push_message(std::move(payload));
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

void CallStream::push_message(Buffer bytes) {
  InboundMessage message;
  message.message = std::move(bytes);
  message.arrived_at = receiving_at_;
  inbox_.push(std::move(message));
  changed();
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
  InboundMessage message{payload.slice(payload.size() - reader.rest().size()), header,
                         receiving_at_, header.sequence - expected};
  if (jitter_buffer_.enabled) {
    receive(receiving_at_, std::move(message));
    return Status::ok();
  }
  next_delivered_ = header.sequence + 1;
  inbox_.push(std::move(message));
  changed();
  return Status::ok();
}

Status CallStream::on_end(BytesView payload) {
  ByteReader reader(payload);
  const std::uint64_t total = reader.read_varint();
  if (!reader.ok()) return {StatusCode::kInternal, "malformed END frame from the peer"};
  if (delivery_ != Delivery::kReliable) {
    (void)receiver();
    finish_frames(total);
  }
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
    receive(now, {Buffer::copy(piece), header.frame, now, 0});
  } else {
    if (!reassembly_) {
      reassembly_ = std::make_unique<Reassembly>(limits.max_message_bytes, limits.max_held_bytes);
    }
    if (auto whole = reassembly_->add(header, piece)) {
      receive(now, {*std::move(whole), header.frame, now, 0});
    }
  }
  check_budget();
}

void CallStream::handle_frame(LocalTime now, const FrameHeader& header, Buffer message) {
  if (released_ || end_ || delivery_ != Delivery::kExpiring || is_stale(now)) return;
  receive(now, {std::move(message), header, now, 0});
  check_budget();
}

// Arrived before its call was known, and waited too long for it.
bool CallStream::is_stale(LocalTime arrived_at) const {
  return max_age_ > Duration::zero() && environment_.executor.now() - arrived_at > max_age_;
}

void CallStream::receive(LocalTime now, InboundMessage message) {
  session_.note_media(now);
  const std::uint64_t expected = message.header.sequence + 1;
  receiver().add(now, std::move(message));
  ++frames_received_;
  frames_expected_ = std::max(frames_expected_, expected);
  report(now);
}

// Remembered for a receiver that is made later: set_jitter_buffer() may throw this one away.
void CallStream::finish_frames(std::uint64_t total) {
  total_ = std::max(total_.value_or(0), total);
  if (receiver_) receiver_->finish(receiving_at_, *total_);
}

// The call ended well, and nothing more can arrive: what is held back goes to the reader, and the
// rest is lost.
void CallStream::settle_frames() {
  if (!receiver_ || sequence_ended_) return;
  receiver_->flush();
  sequence_ended_ = true;
  lost_at_end_ = total_ ? *total_ - std::min(*total_, next_delivered_) : 0;
}

FrameReceiver& CallStream::receiver() {
  if (!receiver_) {
    receiver_ = make_receiver();
    if (total_) receiver_->finish(receiving_at_, *total_);
  }
  return *receiver_;
}

std::unique_ptr<FrameReceiver> CallStream::make_receiver() {
  const Limits& limits = environment_.limits;
  auto& sink = static_cast<FrameReceiver::Sink&>(*this);
  if (jitter_buffer_.enabled) {
    PlayoutBuffer::Options options;
    options.first = next_delivered_;
    options.in_order = delivery_ == Delivery::kReliable;
    options.jitter_buffer = jitter_buffer_;
    // What is sent until it arrives is waited for until it does.
    if (delivery_ == Delivery::kReliable) options.jitter_buffer.late_policy = LatePolicy::kWait;
    options.max_frames = std::bit_floor(std::max<std::size_t>(limits.max_held_frames, 2));
    options.max_bytes = limits.max_held_bytes;
    auto playout = std::make_unique<PlayoutBuffer>(environment_.executor, sink, options);
    playout_ = playout.get();
    if (tells_gaps_) playout_->tell_gaps();
    if (!sync_group_.empty()) playout_->join(session_.sync_group(sync_group_), session_.clock());
    return playout;
  }
  FrameSequencer::Options options;
  options.first = next_delivered_;
  options.hold = hold_;
  options.max_frames = limits.max_held_frames;
  options.max_bytes = limits.max_held_bytes;
  return std::make_unique<FrameSequencer>(environment_.executor, sink, options);
}

void CallStream::set_jitter_buffer(const JitterBufferOptions& options) {
  jitter_buffer_ = options;
  if (sequence_ended_ || !receiver_) return;
  receiver_->flush();
  receiver_.reset();
  playout_ = nullptr;
  // Once the sender is done, what is still under way is waited for and counted by the new one.
  if (total_) (void)receiver();
}

JitterBufferStats CallStream::jitter_buffer_stats() const {
  return playout_ != nullptr ? playout_->timing().stats() : JitterBufferStats{};
}

void CallStream::on_sequenced(InboundMessage message) {
  if (message.is_gap) {
    inbox_.push_gap(std::move(message));
  } else {
    // After a change of the receiver an old frame may come once more.
    if (message.header.sequence < next_delivered_) return;
    message.lost_before = message.header.sequence - next_delivered_;
    next_delivered_ = message.header.sequence + 1;
    if (delivery_ == Delivery::kReliable) {
      inbox_.push(std::move(message));
    } else {
      inbox_.push_newest(std::move(message));
    }
  }
  changed();
}

void CallStream::on_sequence_end(std::uint64_t lost) {
  lost_at_end_ = lost;  // besides what the inbox gave up
  sequence_ended_ = true;
  finish_if_drained();
  changed();
}

// ---- Reports to the sender, docs/protocol.md 8.2.

void CallStream::report(LocalTime now) {
  if (now < next_report_) return;
  next_report_ = now + kReportInterval;
  ReportFrame report;
  report.call_id = static_cast<std::uint64_t>(id_.value);
  report.expected = frames_expected_;
  report.received = frames_received_;
  report.late = receiver_->stats().late;
  if (playout_ != nullptr) {
    const JitterBufferStats& stats = playout_->timing().stats();
    report.jitter = stats.jitter;
    report.target_delay = stats.target_delay;
    if (const auto offset = playout_->timing().required_offset()) {
      report.played_at = RemoteTime(now.time_since_epoch());
      report.captured_at = report.played_at - *offset;
    }
  }
  const Buffer bytes = make_report(report);
  if (environment_.transport.max_datagram_bytes() < bytes.size()) return;
  environment_.transport.send_datagram(bytes, {}, priority_, now + kReportInterval);
}

// From capture, by our clock, to playout, by the peer's. Frames that cannot be there by then,
// however wrong our idea of its clock is, are not worth sending.
Duration CallStream::playout_delay_of(const ReportFrame& report, LocalTime now) {
  const timing::PeerClock& clock = session_.clock();
  if (!clock.is_known()) return {};
  const LocalTime captured(report.captured_at.time_since_epoch());
  const Duration delay = clock.to_local(report.played_at) - captured;
  // What a peer that lies can do is to make us send as if it had not said anything.
  if (delay <= Duration::zero() || delay > kMostPlayoutDelay) return {};
  sender_->set_playout_limit(delay + clock.estimate(now).bound + kPlayoutSlack);
  return delay;
}

void CallStream::handle_report(LocalTime now, const ReportFrame& report) {
  if (released_ || !sender_) return;
  const std::uint64_t missing = report.expected - std::min(report.expected, report.received);
  StreamFeedback next;
  next.frames_received = report.received;
  next.frames_missing = missing;
  next.frames_late = report.late;
  next.jitter = report.jitter;
  next.target_delay = report.target_delay;
  next.received_at = now;
  const StreamFeedback before = feedback_.value_or(StreamFeedback{});
  // Reports may overtake each other.
  if (next.frames_received < before.frames_received) return;
  const std::uint64_t came = next.frames_received - before.frames_received;
  const std::uint64_t lost = missing - std::min(missing, before.frames_missing);
  if (came + lost > 0) {
    next.recent_loss = static_cast<double>(lost) / static_cast<double>(came + lost);
  }
  if (report.captured_at != RemoteTime{} && report.played_at != RemoteTime{}) {
    next.playout_delay = playout_delay_of(report, now);
  } else {
    sender_->set_playout_limit({});
  }
  feedback_ = next;
  changed();
}

// ---- Reading, and what ends it.

std::optional<InboundMessage> CallStream::take_playout() {
  if (!std::exchange(tells_gaps_, true) && playout_ != nullptr) playout_->tell_gaps();
  return take_next();
}

std::optional<InboundMessage> CallStream::take_message() {
  for (;;) {
    std::optional<InboundMessage> message = take_next();
    if (!message || !message->is_gap) return message;
  }
}

std::optional<InboundMessage> CallStream::take_next() {
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
  finish_frames(0);
  if (role_ == Role::kCaller && !pending_end_) {
    end_with({Status(StatusCode::kInternal, "the peer ended the call without a status"), {}});
  }
  finish_if_drained();
  changed();
}

void CallStream::end_with(StatusFrame status) {
  if (end_ || pending_end_) return;
  pending_end_ = std::move(status);
  finish_frames(0);
  finish_if_drained();
  changed();
}

void CallStream::finish_if_drained() {
  const bool frames_done = !receiver_ || sequence_ended_;
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
  receiver_.reset();
  playout_ = nullptr;
  reassembly_.reset();
  account();
}

void CallStream::account() {
  held_.set(parser_.held_bytes() + inbox_.bytes() + (receiver_ ? receiver_->held_bytes() : 0) +
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
