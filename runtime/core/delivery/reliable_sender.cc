#include "runtime/core/delivery/reliable_sender.h"

namespace echostream::core {

void ReliableSender::send(LocalTime, const FrameHeader& header, Buffer message) {
  constexpr auto kType = static_cast<std::uint64_t>(FrameType::kTimedMessage);
  const std::size_t length = frame_header_size(header) + message.size();
  const std::size_t prefix = varint_size(kType) + varint_size(length) + frame_header_size(header);
  context_.transport.write(context_.call,
                           Buffer::build(prefix,
                                         [&](MutableBytes out) {
                                           std::uint8_t* next = write_varint(out.data(), kType);
                                           write_frame_header(write_varint(next, length), header);
                                         }),
                           false);
  context_.transport.write(context_.call, std::move(message), false);
  ++stats_.sent;
  if (!is_writable()) {
    context_.transport.notify_when_drained(context_.call, context_.limits.send_low_water_bytes);
  }
}

bool ReliableSender::is_writable() const {
  return context_.transport.unsent_bytes(context_.call) <= context_.limits.send_high_water_bytes;
}

}  // namespace echostream::core
