#include "echostream/socket_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "echostream/base/printable.h"

namespace echostream {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

constexpr const char* kAddresses = "192.0.2.1:4433 or [2001:db8::1]:4433";
constexpr const char* kTargets = "robot.example:4433, 192.0.2.1:4433 or [2001:db8::1]:4433";

Status bad_address(std::string_view text, const char* why, const char* examples = kAddresses) {
  std::string message("'");
  message.append(printable(text)).append("' is not an address: ").append(why);
  return {StatusCode::kInvalidArgument, message.append("; write ").append(examples)};
}

Result<HostAndPort> split(std::string_view text, const char* examples) {
  const auto refuse = [&](const char* why) { return bad_address(text, why, examples); };
  std::string_view host;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find("]:");
    if (close == std::string_view::npos) return refuse("']:port' is missing");
    host = text.substr(1, close - 1);
    port = text.substr(close + 2);
  } else {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return refuse("':port' is missing");
    if (text.find(':', colon + 1) != std::string_view::npos) {
      return refuse("an IPv6 address needs brackets");
    }
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (host.empty()) return refuse("the host is missing");
  const auto number = parse_number<std::uint16_t>(port);
  if (!number) return refuse("the port is not a number from 0 to 65535");
  return HostAndPort{std::string(host), *number};
}

}  // namespace

SocketAddress SocketAddress::ipv4(std::array<std::uint8_t, 4> address,
                                  std::uint16_t port) noexcept {
  SocketAddress result;
  result.family_ = Family::kIpv4;
  result.port_ = port;
  std::copy(address.begin(), address.end(), result.address_.begin());
  return result;
}

SocketAddress SocketAddress::ipv6(std::array<std::uint8_t, 16> address, std::uint16_t port,
                                  std::uint32_t scope_id) noexcept {
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin())) {
    return ipv4({address[12], address[13], address[14], address[15]}, port);
  }
  SocketAddress result;
  result.family_ = Family::kIpv6;
  result.port_ = port;
  result.scope_id_ = scope_id;
  result.address_ = address;
  return result;
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  auto parts = split(text, kAddresses);
  if (!parts) return std::move(parts).error();
  std::string host = std::move(parts->host);
  std::array<std::uint8_t, 4> ipv4_bytes{};
  if (inet_pton(AF_INET, host.c_str(), ipv4_bytes.data()) == 1)
    return ipv4(ipv4_bytes, parts->port);
  std::uint32_t scope = 0;
  if (const std::size_t percent = host.find('%'); percent != std::string_view::npos) {
    const auto number = parse_number<std::uint32_t>(std::string_view(host).substr(percent + 1));
    if (!number) return bad_address(text, "the scope after '%' is not a number");
    scope = *number;
    host.resize(percent);
  }
  std::array<std::uint8_t, 16> ipv6_bytes{};
  if (inet_pton(AF_INET6, host.c_str(), ipv6_bytes.data()) != 1) {
    return bad_address(text, "neither IPv4 nor IPv6");
  }
  return ipv6(ipv6_bytes, parts->port, scope);
}

SocketAddress SocketAddress::with_port(std::uint16_t port) const noexcept {
  SocketAddress result = *this;
  result.port_ = port;
  return result;
}

bool SocketAddress::is_any() const noexcept {
  return std::all_of(address_.begin(), address_.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool SocketAddress::is_loopback() const noexcept {
  if (family_ == Family::kIpv4) return address_[0] == 127;
  return family_ == Family::kIpv6 && address_[15] == 1 &&
         std::all_of(address_.begin(), address_.begin() + 15,
                     [](std::uint8_t b) { return b == 0; });
}

std::string SocketAddress::to_string() const {
  if (!is_set()) return "(no address)";
  char host[INET6_ADDRSTRLEN] = "";
  if (family_ == Family::kIpv4) {
    inet_ntop(AF_INET, address_.data(), host, sizeof host);
    return std::string(host) + ":" + std::to_string(port_);
  }
  inet_ntop(AF_INET6, address_.data(), host, sizeof host);
  std::string text = std::string("[") + host;
  if (scope_id_ != 0) text.append("%").append(std::to_string(scope_id_));
  return text + "]:" + std::to_string(port_);
}

Result<HostAndPort> parse_host_and_port(std::string_view text) { return split(text, kTargets); }

}  // namespace echostream

std::size_t std::hash<echostream::SocketAddress>::operator()(
    const echostream::SocketAddress& address) const noexcept {
  std::uint64_t mixed = address.port() * 0x9E3779B97F4A7C15ull ^ address.scope_id();
  for (const std::uint8_t byte : address.address()) mixed = (mixed ^ byte) * 0x100000001B3ull;
  return static_cast<std::size_t>(mixed ^ mixed >> 29);
}
