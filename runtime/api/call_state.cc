#include "runtime/api/call_state.h"

#include <climits>
#include <utility>

#include "runtime/api/caller_chain.h"
#include "runtime/messages/decode_budget.h"

namespace echostream::internal {

CallState::CallState(std::shared_ptr<SessionState> session, core::CallStream& stream,
                     LocalTime deadline)
    : session_(std::move(session)), stream_(&stream), context_(deadline) {
  stream.set_observer(this);
}

CallState::CallState(LocalTime deadline) : context_(deadline) {}

CallState::~CallState() {
  layers.reset();
  if (stream_ != nullptr) stream_->release();
}

void CallState::on_call_changed() {
  // First: a handler that is woken with an error is to find its call cancelled.
  if (!is_caller() && stream_->end()) session_->executor().schedule(cancel_later_);
  changed_.notify_all();
}

bool CallState::receive_ended() {
  if (ended_) return true;
  if (stream_ == nullptr) return false;
  if (stream_->end() && !stream_over_) {
    stream_over_ = true;
    status_ = stream_->end()->status;
    trailing_metadata_ = stream_->end()->metadata;
    // Refused (docs/protocol.md 4.2), or ended by a handler because its node goes down.
    cut_off_ = stream_->ended_with_session() || (status_.code() == StatusCode::kUnavailable &&
                                                 session_->engine().peer_is_draining());
    ended_ = layers == nullptr || will_resume();
    // Otherwise the layers have the last word, and may not know yet: the end shows up when the last
    // message is taken.
    if (!ended_) changed_.notify_all();
  }
  return ended_ || (!is_caller() && stream_->receive_ended() && !stream_->has_message());
}

const Metadata& CallState::response_metadata() const {
  static const Metadata kNone;
  return stream_ != nullptr ? stream_->response_metadata() : kNone;
}

void CallState::fail(Status status) {
  if (ended_) return;
  ended_ = true;
  status_ = std::move(status);
  if (is_caller() && stream_ != nullptr) stream_->cancel(core::WireError::kCancelled);
  // Whatever its layers wait for.
  if (layers) context_.cancel();
  changed_.notify_all();
}

bool CallState::stream_is_over() {
  (void)receive_ended();
  return (ended_ || stream_over_) && !will_resume();
}

void CallState::end_with(Status status, Metadata trailing_metadata) {
  if (ended_ && !will_resume()) return;
  ended_ = true;
  cut_off_ = false;
  status_ = std::move(status);
  trailing_metadata_ = std::move(trailing_metadata);
  if (!stream_over_ && stream_ != nullptr) stream_->cancel(core::WireError::kCancelled);
  changed_.notify_all();
}

void CallState::begin_resuming() {
  std::exchange(stream_, nullptr)->release();
  ended_ = false;
  stream_over_ = false;
  cut_off_ = false;
  status_ = Status::ok();
}

void CallState::attach(std::shared_ptr<SessionState> session, core::CallStream& stream) {
  session_ = std::move(session);
  stream_ = &stream;
  stream.set_observer(this);
}

void CallState::check_deadline() {
  if (!ended_ && is_caller() && context_.deadline() <= session_->executor().now()) {
    fail(Status(StatusCode::kDeadlineExceeded, "the call's deadline has passed"));
  }
}

bool CallState::handle_woken(WaitResult result) {
  if (result == WaitResult::kDeadline) {
    fail(Status(StatusCode::kDeadlineExceeded, "the call's deadline has passed"));
  } else if (result == WaitResult::kCancelled) {
    fail(Status(StatusCode::kCancelled, "the call was cancelled"));
  }
  return result == WaitResult::kNotified;
}

Result<Buffer> encode_message(const google::protobuf::MessageLite& message) {
  const std::size_t size = message.ByteSizeLong();
  if (size > INT_MAX) {
    return Status(StatusCode::kResourceExhausted, "a message of 2 GiB or more cannot be encoded");
  }
  return Buffer::build(
      size, [&](MutableBytes out) { message.SerializeWithCachedSizesToArray(out.data()); });
}

Result<std::size_t> decode_message(BytesView bytes, google::protobuf::MessageLite& message,
                                   std::size_t most_memory) {
  const auto size = decoded_size(bytes, message, most_memory);
  if (!size) {
    return Status(StatusCode::kResourceExhausted,
                  std::to_string(bytes.size()) + " bytes of a " + message.GetTypeName() +
                      " would take more than " + std::to_string(most_memory) +
                      " bytes of memory (Limits::max_decoded_bytes, max_handler_bytes)");
  }
  if (bytes.size() <= INT_MAX &&
      message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return *size;
  }
  return Status(StatusCode::kInvalidArgument, "these bytes are not a " + message.GetTypeName() +
                                                  "; do both ends use the same .proto?");
}

Result<std::size_t> fill(MessageSlot slot, const Buffer& bytes, std::size_t most_memory) {
  if (slot.message() != nullptr) return decode_message(bytes, *slot.message(), most_memory);
  *slot.bytes() = bytes;
  return std::size_t{0};
}

}  // namespace echostream::internal
