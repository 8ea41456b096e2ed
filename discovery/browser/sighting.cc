#include "discovery/browser/sighting.h"

#include <cstddef>
#include <cstdint>

namespace echostream::discovery {
namespace {

using Family = SocketAddress::Family;

// As long as a domain name can be (RFC 1035 2.3.4), with room for escapes.
constexpr std::size_t kMostHostBytes = 1024;
constexpr std::uint32_t kLoopbackInterface = 1;

// RFC 1122 3.2.1.3, RFC 4291 2.4 and 2.7.
bool is_of_a_node(const SocketAddress& address) {
  const std::uint8_t first = address.address()[0];
  if (address.family() == Family::kIpv4) return first != 0 && first < 224;
  return address.family() == Family::kIpv6 && !address.is_any() && first != 0xFF;
}

bool is_link_local_ipv6(const SocketAddress& address) {
  const auto& bytes = address.address();
  return address.family() == Family::kIpv6 && bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
}

}  // namespace

std::optional<Sighting> read_sighting(const Instance& instance, const ResolvedInstance& says) {
  SocketAddress address = says.address;
  if (address.port() == 0 || !is_of_a_node(address) || says.host.size() > kMostHostBytes) {
    return std::nullopt;
  }
  if (address.is_loopback() && instance.interface_index != kLoopbackInterface) return std::nullopt;
  if (is_link_local_ipv6(address) && address.scope_id() == 0) {
    if (instance.interface_index == 0) return std::nullopt;
    address = SocketAddress::ipv6(address.address(), address.port(), instance.interface_index);
  }
  return Sighting{says.host, address, parse_text_record(says.txt)};
}

}  // namespace echostream::discovery
