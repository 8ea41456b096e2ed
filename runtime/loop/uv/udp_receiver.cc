#include "runtime/loop/uv/udp_receiver.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "runtime/loop/uv/native_address.h"

namespace echostream::internal {
namespace {

// Per wakeup. At 1 Gbit/s it is 2.5 ms of packets of 1200 bytes.
constexpr std::size_t kMostDatagrams = 256;
// Errors of earlier sends that recvmmsg reports in between; each report takes one away.
constexpr int kMostErrors = 8;

// What the control messages of one message say.
struct Control {
  SocketAddress local;
  Ecn ecn = Ecn::kNotEct;
  std::optional<WallTime> stamp;
  std::size_t segment_size = 0;  // 0: a single datagram
};

template <class T>
T read_as(const cmsghdr& header) noexcept {
  T value{};
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

void read_ipv4(const cmsghdr& header, std::uint16_t port, Control& control) noexcept {
  if (header.cmsg_type == IP_TOS) {
    control.ecn = static_cast<Ecn>(read_as<std::uint8_t>(header) & 3);
  } else if (header.cmsg_type == IP_PKTINFO) {
    control.local = from_in_addr(read_as<in_pktinfo>(header).ipi_addr, port);
  }
}

void read_ipv6(const cmsghdr& header, std::uint16_t port, Control& control) noexcept {
  if (header.cmsg_type == IPV6_TCLASS) {
    control.ecn = static_cast<Ecn>(read_as<int>(header) & 3);
  } else if (header.cmsg_type == IPV6_PKTINFO) {
    const auto info = read_as<in6_pktinfo>(header);
    control.local = from_in6_addr(info.ipi6_addr, port, info.ipi6_ifindex);
  }
}

Control read_control(const msghdr& message, const SocketAddress& bound) noexcept {
  Control control;
  control.local = bound;
  // CMSG_NXTHDR wants the header without const, and does not write to it.
  auto* head = const_cast<msghdr*>(&message);
  for (cmsghdr* at = CMSG_FIRSTHDR(head); at != nullptr; at = CMSG_NXTHDR(head, at)) {
    if (at->cmsg_level == IPPROTO_IP) {
      read_ipv4(*at, bound.port(), control);
    } else if (at->cmsg_level == IPPROTO_IPV6) {
      read_ipv6(*at, bound.port(), control);
    } else if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_GRO) {
      control.segment_size = static_cast<std::size_t>(std::max(read_as<int>(*at), 0));
    } else if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_TIMESTAMPNS) {
      const auto stamp = read_as<timespec>(*at);
      control.stamp = WallTime(std::chrono::seconds(stamp.tv_sec) + Duration(stamp.tv_nsec));
    }
  }
  return control;
}

// Hands one message over, as the datagrams it was joined from; returns how many.
std::size_t deliver(const msghdr& message, BytesView bytes, const SocketAddress& bound,
                    const StampConverter& stamps, UdpHandler& handler) {
  // Cut short, or without the control message that says how to take it apart: of no use.
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || message.msg_namelen == 0) return 0;
  const Control control = read_control(message, bound);
  ReceivedDatagram datagram;
  datagram.local = control.local;
  datagram.remote = from_native(static_cast<const sockaddr*>(message.msg_name));
  datagram.ecn = control.ecn;
  datagram.received_at = control.stamp ? stamps.to_local(*control.stamp) : stamps.now();
  const std::size_t segment = control.segment_size == 0 ? bytes.size() : control.segment_size;
  std::size_t count = 0;
  do {
    datagram.data = bytes.first(std::min(segment, bytes.size()));
    bytes = bytes.subspan(datagram.data.size());
    handler.handle_datagram(datagram);
    ++count;
  } while (!bytes.empty());
  return count;
}

}  // namespace

ReceiveBuffers::ReceiveBuffers() : data_(new std::uint8_t[kMessages * kMessageBytes]) {
  for (unsigned i = 0; i < kMessages; ++i) {
    vectors_[i] = {data_.get() + i * kMessageBytes, kMessageBytes};
  }
}

mmsghdr* ReceiveBuffers::prepare() noexcept {
  for (unsigned i = 0; i < kMessages; ++i) {
    msghdr& header = messages_[i].msg_hdr;
    header.msg_name = &names_[i];
    header.msg_namelen = sizeof names_[i];
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = &controls_[i];
    header.msg_controllen = sizeof controls_[i];
    header.msg_flags = 0;
  }
  return messages_.data();
}

void enable_receive_options(SocketCalls& calls, int fd, int family) {
  (void)calls.set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  (void)calls.set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
  // An IPv6 socket gives IPv6 control messages for IPv6 datagrams, but IP_TOS for IPv4 ones.
  (void)calls.set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
  if (family == AF_INET) {
    (void)calls.set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    (void)calls.set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    (void)calls.set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
}

void receive_datagrams(SocketCalls& calls, int fd, const SocketAddress& bound,
                       ReceiveBuffers& buffers, UdpHandler& handler) {
  std::size_t spent = 0;    // of the budget
  std::size_t handled = 0;  // datagrams that the handler got
  int errors = 0;
  while (spent < kMostDatagrams && errors < kMostErrors) {
    const int received = calls.receive_many(fd, buffers.prepare(), ReceiveBuffers::kMessages);
    if (received == -EAGAIN || received == -EWOULDBLOCK) break;
    if (received <= 0) {
      ++errors;
      continue;
    }
    const StampConverter stamps = StampConverter::measure();
    const auto count = static_cast<unsigned>(received);
    for (unsigned i = 0; i < count; ++i) {
      const std::size_t datagrams =
          deliver(buffers.message(i).msg_hdr, buffers.bytes(i), bound, stamps, handler);
      handled += datagrams;
      spent += std::max<std::size_t>(datagrams, 1);
    }
    if (count < ReceiveBuffers::kMessages) break;
  }
  if (handled > 0) handler.handle_batch_end();
}

}  // namespace echostream::internal
