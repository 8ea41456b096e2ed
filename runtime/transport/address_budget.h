// What the clients of one network, and of one address, may take of a server. Bounded itself,
// however many addresses there are; time is an argument.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/socket_address.h"

#include "runtime/transport/rate_limit.h"

namespace echostream::transport {

/// At most so many handshakes a second from each network: a /24 of IPv4, a /48 of IPv6, which is
/// what one site gets. Networks share a fixed number of buckets, two each by two keyed hashes, and
/// are held back only when both are empty: who floods from few networks hits nobody else, and who
/// floods from thousands slows everybody down, but never makes the table grow.
class NetworkRateLimit {
 public:
  /// `per_second` 0: no limit. The key must be unpredictable.
  NetworkRateLimit(std::size_t per_second, std::array<std::uint64_t, 2> key);
  /// False: the network has had its share. Loopback addresses have no limit: whoever sends from
  /// there can do worse.
  bool take(LocalTime now, const SocketAddress& client);

 private:
  static constexpr std::size_t kBuckets = 1024;  // of each hash
  std::array<std::uint64_t, 2> key_;
  std::vector<RateLimit> buckets_;  // empty: no limit
};

/// Connections of each address, whatever its ports.
class AddressCounts {
 public:
  /// `most` 0: no limit. Loopback addresses have none.
  explicit AddressCounts(std::size_t most) noexcept : most_(most) {}
  bool has_room(const SocketAddress& client) const;
  /// Only when there is room, and only once the client has proven that the address is its own.
  void add(const SocketAddress& client);
  void remove(const SocketAddress& client);
  std::size_t addresses() const noexcept { return counts_.size(); }

 private:
  bool is_counted(const SocketAddress& client) const {
    return most_ > 0 && client.is_set() && !client.is_loopback();
  }
  std::size_t most_;
  std::unordered_map<SocketAddress, std::size_t> counts_;
};

}  // namespace echostream::transport
