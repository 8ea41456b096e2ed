#include "runtime/core/delivery/reliable_sender.h"

#include <algorithm>
#include <utility>

namespace echostream::core {

void ReliableSender::send(LocalTime, const FrameHeader& header, Buffer message) {
  constexpr auto kType = static_cast<std::uint64_t>(FrameType::kTimedMessage);
  const std::size_t length = frame_header_size(header) + message.size();
  const std::size_t prefix = varint_size(kType) + varint_size(length) + frame_header_size(header);
  const std::size_t joined = message.size() <= kMostJoinedBytes ? message.size() : 0;
  Buffer first = Buffer::build(prefix + joined, [&](MutableBytes out) {
    std::uint8_t* next = write_varint(out.data(), kType);
    next = write_frame_header(write_varint(next, length), header);
    std::copy_n(message.data(), joined, next);
  });
  context_.transport.write(context_.call, std::move(first), false);
  if (joined < message.size()) context_.transport.write(context_.call, std::move(message), false);
  ++stats_.sent;
  if (!is_writable()) {
    context_.transport.notify_when_drained(context_.call, context_.limits.send_low_water_bytes);
  }
}

bool ReliableSender::is_writable() const {
  return context_.transport.unsent_bytes(context_.call) <= context_.limits.send_high_water_bytes;
}

}  // namespace echostream::core
