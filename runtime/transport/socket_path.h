// SocketAddress to and from the struct sockaddr that ngtcp2 speaks. No socket is touched.
#pragma once

#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>

#include "echostream/socket_address.h"

namespace echostream::transport {

/// An address with room for either family, in ngtcp2's form.
class NativeAddress {
 public:
  explicit NativeAddress(const SocketAddress& address);
  /// Points into this object, which must stay where it is.
  ngtcp2_addr get() const noexcept;

 private:
  sockaddr_in6 storage_{};
  ngtcp2_socklen size_ = 0;
};

SocketAddress from_native(const ngtcp2_addr& address);

/// The unspecified address of the same family.
SocketAddress any_address_like(const SocketAddress& address);

}  // namespace echostream::transport
