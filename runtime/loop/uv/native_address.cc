#include "runtime/loop/uv/native_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace echostream::internal {
namespace {

NativeAddress make_ipv4(const SocketAddress& address) noexcept {
  NativeAddress native;
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(address.port());
  raw.sin_addr = to_in_addr(address);
  std::memcpy(&native.storage, &raw, sizeof raw);
  native.size = sizeof raw;
  return native;
}

NativeAddress make_ipv6(const SocketAddress& address) noexcept {
  NativeAddress native;
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(address.port());
  raw.sin6_addr = to_in6_addr(address);
  raw.sin6_scope_id = address.scope_id();
  std::memcpy(&native.storage, &raw, sizeof raw);
  native.size = sizeof raw;
  return native;
}

}  // namespace

int native_family(const SocketAddress& address) noexcept {
  switch (address.family()) {
    case SocketAddress::Family::kNone:
      return AF_UNSPEC;
    case SocketAddress::Family::kIpv4:
      return AF_INET;
    case SocketAddress::Family::kIpv6:
      return AF_INET6;
  }
  return AF_UNSPEC;
}

std::optional<NativeAddress> to_native(const SocketAddress& address, int family) noexcept {
  if (!address.is_set()) return std::nullopt;
  if (family == AF_INET6) return make_ipv6(address);
  if (address.family() != SocketAddress::Family::kIpv4) return std::nullopt;
  return make_ipv4(address);
}

SocketAddress from_native(const sockaddr* address) noexcept {
  if (address->sa_family == AF_INET) {
    sockaddr_in raw{};
    std::memcpy(&raw, address, sizeof raw);
    return from_in_addr(raw.sin_addr, ntohs(raw.sin_port));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 raw{};
    std::memcpy(&raw, address, sizeof raw);
    return from_in6_addr(raw.sin6_addr, ntohs(raw.sin6_port), raw.sin6_scope_id);
  }
  return {};
}

in_addr to_in_addr(const SocketAddress& address) noexcept {
  in_addr raw{};
  std::memcpy(&raw, address.address().data(), sizeof raw);
  return raw;
}

in6_addr to_in6_addr(const SocketAddress& address) noexcept {
  in6_addr raw{};
  if (address.family() == SocketAddress::Family::kIpv4) {
    raw.s6_addr[10] = raw.s6_addr[11] = 0xff;
    std::copy_n(address.address().begin(), 4, raw.s6_addr + 12);
  } else {
    std::copy(address.address().begin(), address.address().end(), raw.s6_addr);
  }
  return raw;
}

SocketAddress from_in_addr(const in_addr& address, std::uint16_t port) noexcept {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address, sizeof address);
  return SocketAddress::ipv4(bytes, port);
}

SocketAddress from_in6_addr(const in6_addr& address, std::uint16_t port,
                            unsigned interface_index) noexcept {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(std::begin(address.s6_addr), std::end(address.s6_addr), bytes.begin());
  const bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
  return SocketAddress::ipv6(bytes, port, is_link_local ? interface_index : 0);
}

}  // namespace echostream::internal
