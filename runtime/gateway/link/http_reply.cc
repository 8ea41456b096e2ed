// The other half of HttpCall: what the engine sends becomes the response.
#include <algorithm>
#include <utility>

#include "runtime/gateway/link/http_call.h"

namespace echostream::gateway {
namespace {

// Frames that may be dropped wait for the client while more than that waits in its stream.
constexpr std::size_t kFramesBelowBytes = 32 * 1024;
// What of them waits at most; the oldest go first.
constexpr std::size_t kMostWaitingBytes = 1024 * 1024;

}  // namespace

void HttpCall::write(Buffer bytes) {
  if (ended_) return;
  std::size_t taken = 0;
  // What our own engine writes is well-formed.
  (void)parser_.feed(bytes.view(), *this, taken);
}

std::optional<std::uint64_t> HttpCall::payload_limit(std::uint64_t type) {
  switch (static_cast<core::FrameType>(type)) {
    case core::FrameType::kResponse:
    case core::FrameType::kMessage:
    case core::FrameType::kTimedMessage:
    case core::FrameType::kStatus:
      return core::kMaxVarint;
    default:
      return std::nullopt;
  }
}

Status HttpCall::on_frame(std::uint64_t type, Buffer payload) {
  if (ended_) return Status::ok();
  switch (static_cast<core::FrameType>(type)) {
    case core::FrameType::kResponse:
      if (auto metadata = core::parse_response(payload.view())) response_metadata_ = *metadata;
      break;
    case core::FrameType::kMessage:
      on_reply(std::move(payload));
      break;
    case core::FrameType::kTimedMessage: {
      core::ByteReader reader(payload);
      (void)core::read_frame_header(reader);
      on_reply(payload.slice(payload.size() - reader.rest().size()));
      break;
    }
    case core::FrameType::kStatus:
      if (auto status = core::parse_status(payload.view())) on_status(*status);
      break;
    default:
      break;
  }
  return Status::ok();
}

void HttpCall::on_reply(Buffer message) {
  if (is_json() && method_.kind != MethodKind::kEvent) {
    auto json = host_.gateway().reply_to_json(method_, message.view());
    if (!json) return end(json.error().with_context("the reply"), {});
    message = *std::move(json);
  }
  if (!std::exchange(begun_, true)) emit(response_->begin(response_metadata_));
  emit(response_->message(std::move(message)));
}

// Frames that wait for the client are still to come before the end.
void HttpCall::on_status(const core::StatusFrame& status) {
  if (waiting_.empty()) return end(status.status, status.metadata);
  waiting_end_ = status;
}

void HttpCall::end(const Status& status, const Metadata& metadata) {
  if (ended_) return;
  if (!begun_ && !response_metadata_.empty()) {
    begun_ = true;
    emit(response_->begin(response_metadata_));
  }
  emit(response_->end(status, metadata));
  ended_ = true;
  drop_body();
  drop_waiting();
  if (!body_ended_) host_.http().stop_reading(id_, http3::Http3Error::kNoError);
  give_credit();
}

void HttpCall::emit(ResponsePart part) {
  http3::ServerConnection& http = host_.http();
  if (!part.head.empty()) {
    const bool ends = part.is_end && part.body.empty() && part.trailers.empty();
    http.respond(id_, part.head, ends);
    if (ends) return;
  }
  for (Buffer& bytes : part.body) http.write(id_, std::move(bytes));
  if (part.is_end) http.finish(id_, part.trailers);
}

void HttpCall::reset(core::WireError code) {
  if (ended_) return;
  if (code == core::WireError::kRefused) {
    ended_ = true;
    return host_.http().reset(id_, http3::Http3Error::kRequestRejected);
  }
  end(code == core::WireError::kCancelled ? Status(StatusCode::kCancelled, "the call was cancelled")
                                          : Status(StatusCode::kInternal, "the call was given up"),
      {});
}

// ---- Frames that may be dropped: they wait here, and not in the stream, where they would be late.

void HttpCall::send_frame(LocalTime now, StreamId stream, Buffer message, LocalTime expires_at) {
  if (ended_) return host_.frame_stream_over(stream);
  waiting_bytes_ += message.size();
  waiting_.push_back({stream, std::move(message), expires_at});
  while (waiting_bytes_ > kMostWaitingBytes && waiting_.size() > 1) {
    waiting_bytes_ -= waiting_.front().message.size();
    host_.frame_stream_over(waiting_.front().stream);
    waiting_.pop_front();
  }
  send_waiting(now);
}

void HttpCall::give_up_frame(StreamId stream) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const WaitingFrame& frame) {
    return frame.stream == stream;
  });
  if (found == waiting_.end()) return;
  waiting_bytes_ -= found->message.size();
  waiting_.erase(found);
  end_if_sent();
}

void HttpCall::handle_drained(LocalTime now) { send_waiting(now); }

void HttpCall::send_waiting(LocalTime now) {
  while (!waiting_.empty() && !ended_) {
    if (host_.http().unsent_bytes(id_) > kFramesBelowBytes) {
      host_.http().notify_when_drained(id_, kFramesBelowBytes);
      return;
    }
    WaitingFrame frame = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= frame.message.size();
    if (frame.expires_at > now) on_reply(std::move(frame.message));
    host_.frame_stream_over(frame.stream);
  }
  end_if_sent();
}

void HttpCall::end_if_sent() {
  if (ended_ || !waiting_.empty() || !waiting_end_) return;
  const core::StatusFrame status = *std::exchange(waiting_end_, std::nullopt);
  end(status.status, status.metadata);
}

}  // namespace echostream::gateway
