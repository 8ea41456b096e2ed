// An IPv4 or IPv6 address with a port, as a plain value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"

namespace echostream {

/// IPv4 addresses are kept as IPv4, never as mapped IPv6 ones, so that equal peers compare equal.
class SocketAddress {
 public:
  enum class Family : std::uint8_t { kNone, kIpv4, kIpv6 };

  /// Unset: family kNone.
  SocketAddress() noexcept = default;
  static SocketAddress ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept;
  /// An IPv4-mapped address (::ffff:a.b.c.d) becomes the IPv4 one.
  static SocketAddress ipv6(std::array<std::uint8_t, 16> address, std::uint16_t port,
                            std::uint32_t scope_id = 0) noexcept;
  /// Reads "1.2.3.4:5", "[::1]:5", "[fe80::1%3]:5" (numeric scope). kInvalidArgument says what is
  /// wrong.
  static Result<SocketAddress> parse(std::string_view text);

  Family family() const noexcept { return family_; }
  bool is_set() const noexcept { return family_ != Family::kNone; }
  /// 4 bytes used for IPv4, 16 for IPv6; the rest is zero.
  const std::array<std::uint8_t, 16>& address() const noexcept { return address_; }
  std::uint16_t port() const noexcept { return port_; }
  std::uint32_t scope_id() const noexcept { return scope_id_; }
  SocketAddress with_port(std::uint16_t port) const noexcept;
  bool is_any() const noexcept;
  bool is_loopback() const noexcept;

  /// "1.2.3.4:5" or "[::1]:5".
  std::string to_string() const;

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;

 private:
  Family family_ = Family::kNone;
  std::uint16_t port_ = 0;
  std::uint32_t scope_id_ = 0;
  std::array<std::uint8_t, 16> address_{};
};

/// "host:port", "[v6]:port" split into its parts; the host may be a name. kInvalidArgument
/// otherwise.
struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostAndPort> parse_host_and_port(std::string_view text);

}  // namespace echostream

template <>
struct std::hash<echostream::SocketAddress> {
  std::size_t operator()(const echostream::SocketAddress& address) const noexcept;
};
