#include "runtime/core/delivery/datagram_sender.h"

namespace echostream::core {
namespace {

// Type, call id, sequence, capture time, index and count at their longest.
constexpr std::size_t kMostHeaderBytes = 1 + 8 + 8 + 8 + 2 + 2;

}  // namespace

void DatagramSender::send(LocalTime now, const FrameHeader& header, Buffer message) {
  ++stats_.sent;
  const std::size_t most = context_.transport.max_datagram_bytes();
  if (most <= kMostHeaderBytes) {
    ++stats_.expired;
    return;
  }
  const LocalTime expires_at = deadline_of(now, header, context_.max_age);
  if (expires_at <= now) {
    ++stats_.expired;
    return;
  }
  const DatagramHeader whole{static_cast<std::uint64_t>(context_.call.value), header, 0, 1};
  Buffer prefix = make_datagram_header(whole);
  if (prefix.size() + message.size() <= most) {
    context_.transport.send_datagram(std::move(prefix), std::move(message), context_.priority,
                                     expires_at);
    return;
  }
  send_fragments(whole, message, expires_at);
}

void DatagramSender::send_fragments(const DatagramHeader& header, const Buffer& message,
                                    LocalTime expires_at) {
  const std::size_t piece = context_.transport.max_datagram_bytes() - kMostHeaderBytes;
  const std::size_t count = (message.size() + piece - 1) / piece;
  if (count > kMaxFragments) {
    ++stats_.expired;
    return;
  }
  DatagramHeader fragment = header;
  fragment.fragment_count = count;
  for (std::size_t i = 0; i < count; ++i) {
    fragment.fragment_index = i;
    context_.transport.send_datagram(make_datagram_header(fragment),
                                     message.slice(i * piece, piece), context_.priority,
                                     expires_at);
  }
}

}  // namespace echostream::core
