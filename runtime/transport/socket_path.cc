#include "runtime/transport/socket_path.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace echostream::transport {

NativeAddress::NativeAddress(const SocketAddress& address) {
  if (address.family() == SocketAddress::Family::kIpv4) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(address.port());
    std::memcpy(&ipv4.sin_addr, address.address().data(), sizeof ipv4.sin_addr);
    std::memcpy(&storage_, &ipv4, sizeof ipv4);
    size_ = sizeof ipv4;
  } else {
    storage_.sin6_family = AF_INET6;
    storage_.sin6_port = htons(address.port());
    storage_.sin6_scope_id = address.scope_id();
    std::memcpy(&storage_.sin6_addr, address.address().data(), sizeof storage_.sin6_addr);
    size_ = sizeof storage_;
  }
}

ngtcp2_addr NativeAddress::get() const noexcept {
  ngtcp2_addr native;
  native.addr = const_cast<sockaddr*>(reinterpret_cast<const sockaddr*>(&storage_));
  native.addrlen = size_;
  return native;
}

SocketAddress from_native(const ngtcp2_addr& address) {
  if (address.addrlen == sizeof(sockaddr_in)) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, address.addr, sizeof ipv4);
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &ipv4.sin_addr, bytes.size());
    return SocketAddress::ipv4(bytes, ntohs(ipv4.sin_port));
  }
  if (address.addrlen == sizeof(sockaddr_in6)) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, address.addr, sizeof ipv6);
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
    return SocketAddress::ipv6(bytes, ntohs(ipv6.sin6_port), ipv6.sin6_scope_id);
  }
  return {};
}

SocketAddress any_address_like(const SocketAddress& address) {
  return address.family() == SocketAddress::Family::kIpv4 ? SocketAddress::ipv4({}, 0)
                                                          : SocketAddress::ipv6({}, 0);
}

}  // namespace echostream::transport
