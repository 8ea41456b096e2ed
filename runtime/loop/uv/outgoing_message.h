// The msghdr of a run of datagrams: peer, source address, ECN and, when wanted, the segment size.
#pragma once

#include <array>
#include <cstddef>

#include "echostream/loop.h"

#include "runtime/loop/uv/native_address.h"

namespace echostream::internal {

class OutgoingMessage {
 public:
  /// For a socket of `family`. `datagrams` is not kept.
  OutgoingMessage(const OutgoingDatagrams& datagrams, int family) noexcept;
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;

  /// False when a socket of this family cannot send to that peer at all.
  bool is_valid() const noexcept { return remote_.has_value(); }
  /// A header for one datagram, whose vector the caller fills in.
  msghdr one(iovec& vector) noexcept;
  /// The same for `vector` holding several datagrams of `segment_size` bytes.
  msghdr joined(iovec& vector, std::uint16_t segment_size) noexcept;

 private:
  template <class T>
  void add_control(int level, int type, const T& value) noexcept;
  void add_source(const SocketAddress& local, bool to_ipv4) noexcept;

  std::optional<NativeAddress> remote_;
  // Source address, ECN and segment size, 64 bytes in the largest case.
  alignas(cmsghdr) std::array<std::byte, 128> control_{};
  std::size_t control_size_ = 0;
};

}  // namespace echostream::internal
