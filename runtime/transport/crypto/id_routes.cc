#include "runtime/transport/crypto/id_routes.h"

#include <openssl/siphash.h>

#include <cstring>

namespace echostream::transport {

IdRoutes::IdRoutes(const Key& key) noexcept { std::memcpy(key_.data(), key.data(), key.size()); }

std::uint8_t IdRoutes::mask(BytesView id) const noexcept {
  const BytesView rest = id.subspan(1);
  return static_cast<std::uint8_t>(SIPHASH_24(key_.data(), rest.data(), rest.size()));
}

void IdRoutes::write(MutableBytes id, std::uint8_t endpoint) const noexcept {
  id[0] = static_cast<std::uint8_t>(endpoint ^ mask(id));
}

std::uint8_t IdRoutes::read(BytesView id) const noexcept {
  return static_cast<std::uint8_t>(id[0] ^ mask(id));
}

}  // namespace echostream::transport
