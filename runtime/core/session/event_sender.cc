#include "runtime/core/session/event_sender.h"

#include <algorithm>

namespace echostream::core {

Status EventSender::send(LocalTime now, const MethodInfo& method, const Metadata& metadata,
                         const Buffer& message) {
  const StreamId stream = stream_for(method.priority);
  if (!stream.is_valid()) {
    return {StatusCode::kUnavailable, "the peer allows no more unidirectional streams"};
  }
  ByteWriter header;
  write_event_header(header, {method.id, RemoteTime(now.time_since_epoch()), {}, metadata});
  constexpr auto kType = static_cast<std::uint64_t>(FrameType::kEvent);
  const std::size_t length = header.size() + message.size();
  const std::size_t joined = message.size() <= kMostJoinedBytes ? message.size() : 0;
  const std::size_t first = varint_size(kType) + varint_size(length) + header.size() + joined;
  transport_.write(stream,
                   Buffer::build(first,
                                 [&](MutableBytes out) {
                                   std::uint8_t* next = write_varint(out.data(), kType);
                                   next = write_varint(next, length);
                                   const BytesView fields = header.bytes();
                                   next = std::copy(fields.begin(), fields.end(), next);
                                   std::copy_n(message.data(), joined, next);
                                 }),
                   false);
  if (joined < message.size()) transport_.write(stream, message, false);
  if (!is_writable(method.priority)) {
    transport_.notify_when_drained(stream, limits_.send_low_water_bytes);
  }
  return Status::ok();
}

bool EventSender::is_writable(Priority priority) const {
  const auto found = streams_.find(priority);
  return found == streams_.end() ||
         transport_.unsent_bytes(found->second) <= limits_.send_high_water_bytes;
}

bool EventSender::all_sent() const {
  return std::all_of(streams_.begin(), streams_.end(), [this](const auto& entry) {
    return transport_.unsent_bytes(entry.second) == 0;
  });
}

bool EventSender::handle_stop_sending(StreamId id) {
  return std::erase_if(streams_, [&](const auto& entry) { return entry.second == id; }) > 0;
}

StreamId EventSender::stream_for(Priority priority) {
  const auto found = streams_.find(priority);
  if (found != streams_.end()) return found->second;
  auto stream = transport_.open_unidirectional();
  if (!stream) return {};
  transport_.set_priority(*stream, priority);
  ByteWriter type;
  type.write_varint(static_cast<std::uint64_t>(StreamType::kEvents));
  transport_.write(*stream, type.to_buffer(), false);
  streams_[priority] = *stream;
  return *stream;
}

}  // namespace echostream::core
