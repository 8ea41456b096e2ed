#include "runtime/core/frame/frame_parser.h"

#include <algorithm>
#include <optional>

#include "runtime/core/frame/byte_reader.h"

namespace echostream::core {
namespace {

// Room made for a frame before it has arrived. Pages that nothing arrives for are never touched, so
// a promise that is not kept costs addresses, not memory.
constexpr std::uint64_t kMostAhead = 128 * 1024;

}  // namespace

Status FrameParser::feed(BytesView bytes, FrameSink& sink, std::size_t& taken) {
  const std::size_t total = bytes.size();
  Status status;
  while (status.is_ok()) {
    if (!in_payload_) {
      if (bytes.empty() || (header_size_ == 0 && !sink.wants_frame())) break;
      if (!read_header(bytes)) break;
      status = begin_payload(sink);
      if (!status.is_ok()) break;
    }
    if (bytes.empty() && remaining_ > 0) break;
    status = feed_payload(bytes, sink);
  }
  taken = total - bytes.size();
  return status;
}

Status FrameParser::feed(const Buffer& bytes, FrameSink& sink, std::size_t& taken) {
  source_ = &bytes;
  Status status = feed(bytes.view(), sink, taken);
  source_ = nullptr;
  return status;
}

// Collects the two varints byte by byte, unless both are there: a frame's header may be split
// anywhere.
bool FrameParser::read_header(BytesView& bytes) {
  if (header_size_ == 0) {
    ByteReader reader(bytes);
    type_ = reader.read_varint();
    remaining_ = reader.read_varint();
    in_payload_ = reader.ok();
    if (in_payload_) {
      bytes = reader.rest();
      return true;
    }
  }
  while (!bytes.empty()) {
    header_[header_size_++] = bytes[0];
    bytes = bytes.subspan(1);
    ByteReader reader(BytesView(header_.data(), header_size_));
    const std::uint64_t type = reader.read_varint();
    const std::uint64_t length = reader.read_varint();
    if (!reader.ok()) continue;
    type_ = type;
    remaining_ = length;
    header_size_ = 0;
    in_payload_ = true;
    return true;
  }
  return false;
}

Status FrameParser::begin_payload(FrameSink& sink) {
  const std::optional<std::uint64_t> limit = sink.payload_limit(type_);
  skipping_ = !limit.has_value();
  if (skipping_ || remaining_ <= *limit) return Status::ok();
  skipping_ = true;
  return sink.on_oversized(Status(StatusCode::kResourceExhausted,
                                  "a frame of type " + std::to_string(type_) + " with " +
                                      std::to_string(remaining_) + " bytes is over the limit of " +
                                      std::to_string(*limit)));
}

Status FrameParser::feed_payload(BytesView& bytes, FrameSink& sink) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  const BytesView part = bytes.first(count);
  bytes = bytes.subspan(count);
  remaining_ -= count;
  if (skipping_) {
    in_payload_ = remaining_ > 0;
    return Status::ok();
  }
  if (remaining_ > 0) {
    if (partial_.empty()) partial_.reserve(std::min<std::uint64_t>(remaining_ + count, kMostAhead));
    partial_.append(part);
    return Status::ok();
  }
  in_payload_ = false;
  if (partial_.empty()) return sink.on_frame(type_, whole_payload(part));
  partial_.append(part);
  return sink.on_frame(type_, partial_.take());
}

Buffer FrameParser::whole_payload(BytesView payload) const {
  if (source_ == nullptr) return Buffer::copy(payload);
  return source_->slice(static_cast<std::size_t>(payload.data() - source_->data()), payload.size());
}

}  // namespace echostream::core
