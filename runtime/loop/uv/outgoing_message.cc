#include "runtime/loop/uv/outgoing_message.h"

#include <netinet/udp.h>

#include <cstring>

#include "echostream/base/check.h"

namespace echostream::internal {

OutgoingMessage::OutgoingMessage(const OutgoingDatagrams& datagrams, int family) noexcept
    : remote_(to_native(datagrams.remote, family)) {
  const bool to_ipv4 = datagrams.remote.family() == SocketAddress::Family::kIpv4;
  add_source(datagrams.local, to_ipv4);
  if (datagrams.ecn != Ecn::kNotEct) {
    add_control(to_ipv4 ? IPPROTO_IP : IPPROTO_IPV6, to_ipv4 ? IP_TOS : IPV6_TCLASS,
                static_cast<int>(datagrams.ecn));
  }
}

msghdr OutgoingMessage::one(iovec& vector) noexcept {
  msghdr header{};
  header.msg_name = remote_->get();
  header.msg_namelen = remote_->size;
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control_size_ == 0 ? nullptr : control_.data();
  header.msg_controllen = control_size_;
  return header;
}

msghdr OutgoingMessage::joined(iovec& vector, std::uint16_t segment_size) noexcept {
  // Behind the others and not counted, so that one() goes without it.
  const std::size_t without = control_size_;
  add_control(IPPROTO_UDP, UDP_SEGMENT, segment_size);
  const msghdr header = one(vector);
  control_size_ = without;
  return header;
}

template <class T>
void OutgoingMessage::add_control(int level, int type, const T& value) noexcept {
  ECHOSTREAM_CHECK(control_size_ + CMSG_SPACE(sizeof value) <= control_.size(),
                   "the control messages do not fit");
  cmsghdr header{};
  header.cmsg_level = level;
  header.cmsg_type = type;
  header.cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(control_.data() + control_size_, &header, sizeof header);
  std::memcpy(control_.data() + control_size_ + CMSG_LEN(0), &value, sizeof value);
  control_size_ += CMSG_SPACE(sizeof value);
}

void OutgoingMessage::add_source(const SocketAddress& local, bool to_ipv4) noexcept {
  if (!local.is_set() || local.is_any()) return;
  const bool is_ipv4 = local.family() == SocketAddress::Family::kIpv4;
  // A source of the other family cannot be meant; the system knows a better one.
  if (is_ipv4 != to_ipv4) return;
  if (is_ipv4) {
    in_pktinfo info{};
    info.ipi_spec_dst = to_in_addr(local);
    add_control(IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = to_in6_addr(local);
    info.ipi6_ifindex = local.scope_id();
    add_control(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace echostream::internal
