#include "tools/echostream/remote/http_stream.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace echostream::tool {

namespace {

// Of a response at a time: what is packed may be a thousand times as much, and all of its messages
// come out at once.
constexpr std::size_t kPieceBytes = 4 * 1024;

// The client makes the pseudo-headers itself.
http3::Fields without_pseudo_headers(const http3::Fields& head) {
  http3::Fields fields;
  for (const http3::Field& field : head) {
    if (!field.name.starts_with(':')) fields.add(field.name, field.value);
  }
  return fields;
}

http3::Fields with_status(const gateway::HttpHead& head) {
  http3::Fields fields{{":status", std::to_string(head.status)}};
  for (const http3::Field& field : head.fields) fields.add(field.name, field.value);
  return fields;
}

Buffer joined(gateway::Buffers pieces) {
  if (pieces.size() == 1) return std::move(pieces.front());
  std::size_t size = 0;
  for (const Buffer& piece : pieces) size += piece.size();
  return Buffer::build(size, [&](MutableBytes out) {
    for (const Buffer& piece : pieces) {
      if (!piece.empty()) std::memcpy(out.data(), piece.data(), piece.size());
      out = out.subspan(piece.size());
    }
  });
}

Status not_one_message() {
  return {StatusCode::kInternal, "the server answered with none or several messages, not with one"};
}

}  // namespace

HttpStream::HttpStream(Loop& loop, gateway::HttpClient& client, gateway::ClientCall call,
                       bool one_reply, std::optional<Buffer> request, HttpCallLimits limits)
    : loop_(loop),
      call_(std::move(call)),
      one_reply_(one_reply),
      reader_(gateway::make_response_reader(call_, limits.max_message_bytes,
                                            limits.max_metadata_bytes)) {
  gateway::HttpRequest http("POST", "/" + call_.method);
  http.fields = without_pseudo_headers(gateway::make_request_head(call_));
  http.streams_body = !request;
  if (request) http.body = joined(gateway::make_request_message(call_, *std::move(request)));
  if (call_.timeout > Duration::zero()) http.timeout = call_.timeout;
  auto exchange = client.request(std::move(http));
  if (exchange) {
    exchange_.emplace(*std::move(exchange));
  } else {
    end(exchange.error());
  }
}

Task<Status> HttpStream::write(Buffer message) {
  if (is_over_) {
    co_return status_.is_ok() ? Status(StatusCode::kCancelled, "the call is over") : status_;
  }
  Buffer body = joined(gateway::make_request_message(call_, std::move(message)));
  Status written = co_await exchange_->write(std::move(body));
  co_return written;
}

Task<Status> HttpStream::finish() {
  if (is_over_) co_return status_;
  co_return exchange_->finish();
}

Task<std::optional<Frame<Buffer>>> HttpStream::next() {
  while (!has_message()) {
    if (is_over_) co_return std::nullopt;
    Status more = co_await read_more();
    // It may have been cancelled meanwhile.
    if (!more.is_ok() && !is_over_) end(std::move(more));
  }
  co_return take_message();
}

void HttpStream::cancel() {
  messages_.clear();
  taken_ = 0;
  if (!is_over_) end(Status(StatusCode::kCancelled, "the call was cancelled"));
}

// One step: the head, a piece of the body, or the end. An error is how the call ended.
Task<Status> HttpStream::read_more() {
  if (!has_head_) {
    auto head = co_await exchange_->head();
    if (!head) co_return head.error();
    has_head_ = true;
    co_return reader_->on_head(with_status(*head));
  }
  if (unread_.empty()) {
    auto piece = co_await exchange_->read();
    if (!piece) co_return piece.error();
    if (is_over_) co_return Status::ok();
    if (!*piece) co_return read_end();
    unread_ = **std::move(piece);
  }
  if (taken_ == messages_.size()) {
    messages_.clear();
    taken_ = 0;
  }
  const std::size_t bytes = std::min(unread_.size(), kPieceBytes);
  Status fed = reader_->feed(unread_.view().first(bytes), messages_);
  unread_.remove_prefix(bytes);
  if (unread_.empty()) unread_ = Buffer();
  if (fed.is_ok() && one_reply_ && messages_.size() > 1) fed = not_one_message();
  co_return fed;
}

Status HttpStream::read_end() {
  const http3::Fields& trailers = exchange_->trailers();
  if (!trailers.empty()) {
    if (Status status = reader_->on_trailers(trailers); !status.is_ok()) return status;
  }
  Status status = reader_->finish(messages_);
  if (status.is_ok() && one_reply_ && messages_.size() != 1) status = not_one_message();
  end(status);
  return status;
}

// What has been read of a stream is still given out.
void HttpStream::end(Status status) {
  if (one_reply_ && !status.is_ok()) messages_.clear();
  is_over_ = true;
  status_ = std::move(status);
  unread_ = Buffer();
  if (exchange_) exchange_->cancel();
}

Frame<Buffer> HttpStream::take_message() {
  Frame<Buffer> frame;
  frame.message = std::move(messages_[taken_++]);
  frame.sequence = sequence_++;
  frame.arrival_time = loop_.now();
  frame.playout_time = frame.arrival_time;
  return frame;
}

}  // namespace echostream::tool
