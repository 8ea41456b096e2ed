#include "runtime/loop/uv/udp_sender.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/loop/uv/outgoing_message.h"

namespace echostream::internal {
namespace {

using SendResult = UdpSocket::SendResult;

// The kernel's limits of one UDP_SEGMENT send: UDP_MAX_SEGMENTS of older kernels, and the largest
// UDP payload over IPv4.
constexpr std::size_t kMostSegments = 64;
constexpr std::size_t kMostJoinedBytes = 65507;

// Out of buffers (ENOBUFS) is not signalled by the socket becoming writable: try again after 1, 2,
// 4 and 8 ms; then the run is lost and congestion control learns that the network is full.
constexpr int kMostRetries = 4;
constexpr Duration kFirstRetry = std::chrono::milliseconds(1);

// Errors that say that the kernel, or the route, does not do UDP_SEGMENT. EINVAL says it among
// other things.
bool is_about_joining(int error) {
  return error == EIO || error == EINVAL || error == ENOPROTOOPT || error == EOPNOTSUPP;
}

// Errors that an earlier datagram caused at the peer or on the way, and that this call only
// reports.
bool is_of_earlier_datagram(int error) {
  return error == ECONNREFUSED || error == ECONNRESET || error == EHOSTUNREACH ||
         error == EHOSTDOWN || error == EPROTO;
}

// What one UDP_SEGMENT send takes of `size` bytes: whole segments, or all of it.
std::size_t joined_size(std::size_t size, std::size_t segment_size) {
  const std::size_t segments = std::min(kMostSegments, kMostJoinedBytes / segment_size);
  return std::min(size, segments * segment_size);
}

iovec vector_of(BytesView data) {
  // sendmsg does not write; iovec is shared with recvmsg.
  return {const_cast<std::uint8_t*>(data.data()), data.size()};
}

}  // namespace

UdpSender::UdpSender(SocketCalls& calls, int fd, int family)
    : calls_(calls),
      fd_(fd),
      family_(family),
      // 0 is "do not", which kernels that know the option accept.
      can_join_(calls.set_option(fd, IPPROTO_UDP, UDP_SEGMENT, 0) == 0) {}

SendResult UdpSender::send(const OutgoingDatagrams& datagrams) {
  if (wait_ != Wait::kNone) {
    owner_waits_ = true;
    return SendResult::kBlocked;
  }
  const Outcome outcome = transmit(datagrams);
  if (outcome.result != SendResult::kBlocked) return outcome.result;
  if (outcome.sent == 0) {
    owner_waits_ = true;
    return SendResult::kBlocked;
  }
  keep(datagrams, outcome.sent);
  return SendResult::kSent;
}

bool UdpSender::resume() {
  wait_ = Wait::kNone;
  if (!kept_.data.empty()) {
    const Outcome outcome = transmit(kept_);
    if (outcome.result == SendResult::kBlocked) {
      kept_.data = kept_.data.subspan(outcome.sent);
      return false;
    }
    // Sent, or lost like any other datagram: its run was reported long ago.
    kept_.data = {};
  }
  return std::exchange(owner_waits_, false);
}

void UdpSender::keep(const OutgoingDatagrams& datagrams, std::size_t sent) {
  const BytesView rest = datagrams.data.subspan(sent);
  kept_bytes_.assign(rest.begin(), rest.end());
  kept_ = datagrams;
  kept_.data = kept_bytes_;
}

UdpSender::Outcome UdpSender::transmit(const OutgoingDatagrams& datagrams) {
  Outcome outcome;
  OutgoingMessage message(datagrams, family_);
  if (!message.is_valid()) {
    outcome.result = SendResult::kDropped;
    return outcome;
  }
  const std::size_t size = datagrams.data.size();
  const std::size_t segment = datagrams.segment_size == 0 ? size : datagrams.segment_size;
  bool retried = false;
  while (outcome.sent < size) {
    const Taken taken = send_some(message, datagrams.data.subspan(outcome.sent), segment);
    if (taken > 0) {
      outcome.sent += static_cast<std::size_t>(taken);
      times_out_of_buffers_ = 0;
      continue;
    }
    outcome.result = give_up(static_cast<int>(-taken), retried);
    if (outcome.result != SendResult::kSent) break;
  }
  return outcome;
}

// What an error means for the rest of the run; kSent when it is worth trying again at once, which
// it is at most once in a run.
SendResult UdpSender::give_up(int error, bool& retried) {
  if (error == EAGAIN || error == EWOULDBLOCK) {
    wait_ = Wait::kWritable;
    return SendResult::kBlocked;
  }
  if (error == ENOBUFS || error == ENOMEM) return out_of_buffers();
  if (error == EMSGSIZE) return SendResult::kTooBig;
  const bool may_retry = is_of_earlier_datagram(error) || error == EINTR;
  if (may_retry && !std::exchange(retried, true)) return SendResult::kSent;
  return SendResult::kDropped;
}

SendResult UdpSender::out_of_buffers() {
  if (times_out_of_buffers_ == kMostRetries) {
    times_out_of_buffers_ = 0;
    return SendResult::kDropped;
  }
  retry_delay_ = kFirstRetry * (1 << times_out_of_buffers_);
  ++times_out_of_buffers_;
  wait_ = Wait::kTimer;
  return SendResult::kBlocked;
}

UdpSender::Taken UdpSender::send_some(OutgoingMessage& message, BytesView data,
                                      std::size_t segment_size) {
  if (data.size() <= segment_size) return send_one(message, data, segment_size);
  if (!can_join_) return send_many(message, data, segment_size);
  const Taken taken = send_joined(message, data, segment_size);
  if (taken >= 0 || !is_about_joining(static_cast<int>(-taken))) return taken;
  // If the same datagrams go one by one, then joining was what was wrong, and stays off. Otherwise
  // the reason is another one (older kernels say EINVAL when a segment is too big for the path).
  const Taken singly = send_many(message, data, segment_size);
  if (singly > 0) can_join_ = false;
  return singly;
}

UdpSender::Taken UdpSender::send_joined(OutgoingMessage& message, BytesView data,
                                        std::size_t segment_size) {
  const std::size_t size = joined_size(data.size(), segment_size);
  if (size <= segment_size) return send_one(message, data, segment_size);
  iovec vector = vector_of(data.first(size));
  const ssize_t result =
      calls_.send(fd_, message.joined(vector, static_cast<std::uint16_t>(segment_size)));
  return result < 0 ? result : static_cast<Taken>(size);
}

UdpSender::Taken UdpSender::send_many(OutgoingMessage& message, BytesView data,
                                      std::size_t segment_size) {
  if (!can_many_) return send_one(message, data, segment_size);
  std::array<iovec, kMostSegments> vectors;
  std::array<mmsghdr, kMostSegments> headers;
  unsigned count = 0;
  for (BytesView rest = data; !rest.empty() && count < kMostSegments; ++count) {
    const BytesView datagram = rest.first(std::min(segment_size, rest.size()));
    rest = rest.subspan(datagram.size());
    vectors[count] = vector_of(datagram);
    headers[count] = {message.one(vectors[count]), 0};
  }
  const int sent = calls_.send_many(fd_, headers.data(), count);
  if (sent == -ENOSYS) {
    can_many_ = false;
    return send_one(message, data, segment_size);
  }
  if (sent <= 0) return sent < 0 ? sent : -EAGAIN;
  return static_cast<Taken>(std::min(data.size(), static_cast<std::size_t>(sent) * segment_size));
}

UdpSender::Taken UdpSender::send_one(OutgoingMessage& message, BytesView data,
                                     std::size_t segment_size) {
  const BytesView datagram = data.first(std::min(segment_size, data.size()));
  iovec vector = vector_of(datagram);
  const ssize_t result = calls_.send(fd_, message.one(vector));
  return result < 0 ? result : static_cast<Taken>(datagram.size());
}

}  // namespace echostream::internal
