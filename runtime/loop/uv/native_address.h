// SocketAddress to and from the system's sockaddr.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "echostream/socket_address.h"

namespace echostream::internal {

struct NativeAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// AF_INET or AF_INET6; AF_UNSPEC of an unset address.
int native_family(const SocketAddress& address) noexcept;

/// The address as a socket of `family` wants it: on an AF_INET6 socket an IPv4 address is mapped.
/// Nothing when the socket has no way to reach it (IPv6 from an AF_INET socket), or it is unset.
std::optional<NativeAddress> to_native(const SocketAddress& address, int family) noexcept;

/// Mapped addresses come back as IPv4; an address of another family as an unset one.
SocketAddress from_native(const sockaddr* address) noexcept;

in_addr to_in_addr(const SocketAddress& address) noexcept;
in6_addr to_in6_addr(const SocketAddress& address) noexcept;
SocketAddress from_in_addr(const in_addr& address, std::uint16_t port) noexcept;
/// `interface_index` becomes the scope of link-local addresses and is ignored for others.
SocketAddress from_in6_addr(const in6_addr& address, std::uint16_t port,
                            unsigned interface_index) noexcept;

}  // namespace echostream::internal
