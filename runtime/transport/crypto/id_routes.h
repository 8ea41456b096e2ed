// Connection ids that tell which of several endpoints on one port made them, and tell it only to
// these endpoints (the idea of draft-ietf-quic-load-balancers, in one process).
#pragma once

#include <array>
#include <cstdint>

#include "echostream/base/bytes.h"

namespace echostream::transport {

/// The first byte of an id is the endpoint's number, masked with a keyed hash of the other bytes.
/// These are random in each id, so that without the key an id looks random altogether, and nobody
/// can see that two ids belong to one connection (RFC 9000 section 5.1).
class IdRoutes {
 public:
  /// Endpoints that can be told apart.
  static constexpr std::size_t kMost = 256;
  using Key = std::array<std::uint8_t, 16>;

  explicit IdRoutes(const Key& key) noexcept;
  /// Puts the number of an endpoint into an id of random bytes (at least one).
  void write(MutableBytes id, std::uint8_t endpoint) const noexcept;
  /// The endpoint that made the id; any number for an id that none of them made.
  std::uint8_t read(BytesView id) const noexcept;

 private:
  std::uint8_t mask(BytesView id) const noexcept;

  std::array<std::uint64_t, 2> key_;
};

}  // namespace echostream::transport
