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
// What a frame costs beside its bytes: its place here, the block that its bytes are in, its stream
// here and in the engine.
constexpr std::size_t kBytesPerFrame = 512;

std::size_t cost_of(const Buffer& message) { return message.size() + kBytesPerFrame; }

}  // namespace

void HttpCall::write(Buffer bytes) {
  if (ended_) return;
  std::size_t taken = 0;
  // Of streams. What our own engine writes is well-formed.
  (void)parser_.feed(bytes, *this, taken);
}

std::optional<std::uint64_t> HttpCall::payload_limit(std::uint64_t type) {
  if (type != static_cast<std::uint64_t>(core::FrameType::kTimedMessage)) return std::nullopt;
  return core::kMaxVarint;
}

Status HttpCall::on_frame(std::uint64_t, Buffer payload) {
  core::ByteReader reader(payload);
  (void)core::read_frame_header(reader);
  write_message(payload.slice(payload.size() - reader.rest().size()));
  return Status::ok();
}

void HttpCall::write_message(Buffer message) {
  if (!ended_) on_reply(std::move(message));
}

void HttpCall::write_frame(core::FrameType type, BytesView payload) {
  if (ended_ || type != core::FrameType::kResponse) return;
  if (auto metadata = core::parse_response(payload)) response_metadata_ = *std::move(metadata);
  // A subscription has begun; its first event may be a long time coming.
  if (method_.kind == MethodKind::kPublished) begin();
}

void HttpCall::on_reply(Buffer message) {
  if (is_json() && method_.kind != MethodKind::kEvent) {
    auto json = host_.gateway().reply_to_json(method_, message.view());
    if (!json) return end(json.error().with_context("the reply"), {});
    message = *std::move(json);
  }
  begin();
  emit(response_->message(std::move(message)));
}

void HttpCall::begin() {
  if (!std::exchange(begun_, true)) emit(response_->begin(response_metadata_));
}

// Frames that wait for the client are still to come before the end.
void HttpCall::write_status(const core::StatusFrame& status) {
  if (ended_) return;
  if (waiting_.empty()) return end(status.status, status.metadata);
  waiting_end_ = status;
}

void HttpCall::end(const Status& status, const Metadata& metadata) {
  if (ended_) return;
  if (!response_metadata_.empty()) begin();
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
    http.respond(id_, std::move(part.head), ends);
    if (ends) return;
  }
  for (Buffer& bytes : part.body) http.write(id_, std::move(bytes));
  if (part.is_end) http.finish(id_, std::move(part.trailers));
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
  waiting_bytes_ += cost_of(message);
  waiting_.push_back({stream, std::move(message), expires_at});
  while (waiting_bytes_ > kMostWaitingBytes && waiting_.size() > 1) {
    waiting_bytes_ -= cost_of(waiting_.front().message);
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
  waiting_bytes_ -= cost_of(found->message);
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
    waiting_bytes_ -= cost_of(frame.message);
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
