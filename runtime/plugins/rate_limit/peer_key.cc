#include "runtime/plugins/rate_limit/peer_key.h"

#include <cstddef>

namespace echostream::rate_limit {

std::string key_of_address(const SocketAddress& address) {
  const auto& bytes = address.address();
  const bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
  std::size_t size = 0;
  switch (address.family()) {
    case SocketAddress::Family::kNone:
      return {};
    case SocketAddress::Family::kIpv4:
      size = 4;
      break;
    case SocketAddress::Family::kIpv6:
      size = is_link_local || address.is_loopback() ? 16 : 8;
      break;
  }
  // At most 17 bytes, of which std::string keeps 15 without an allocation.
  std::string key(reinterpret_cast<const char*>(bytes.data()), size);
  if (is_link_local) key += std::to_string(address.scope_id());
  return key;
}

}  // namespace echostream::rate_limit
