// What a peer is called: a host name or a numeric address. Certificates keep the two apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/bytes.h"

namespace echostream::transport {

/// The bytes of an IPv4 or IPv6 address, as a certificate's iPAddress holds them.
class NumericAddress {
 public:
  /// "192.0.2.1", "2001:db8::1", "fe80::1%eth0" (the zone is local and dropped). An IPv4-mapped
  /// address becomes the IPv4 one, as in SocketAddress.
  static std::optional<NumericAddress> parse(std::string_view text);
  BytesView bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::size_t size_ = 0;
};

/// Dotted labels of letters, digits, '-' and '_', with or without the root's dot at the end. Not a
/// numeric address.
bool is_host_name(std::string_view text);

/// Without the root's dot, which neither SNI nor certificates carry.
std::string_view without_root_dot(std::string_view host_name);

}  // namespace echostream::transport
