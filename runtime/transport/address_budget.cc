#include "runtime/transport/address_budget.h"

#include <openssl/siphash.h>

#include <algorithm>

namespace echostream::transport {
namespace {

constexpr std::size_t kIpv4NetworkBytes = 3;
constexpr std::size_t kIpv6NetworkBytes = 6;

// The family and the network's part of the address.
std::array<std::uint8_t, 1 + kIpv6NetworkBytes> network_of(const SocketAddress& address) {
  std::array<std::uint8_t, 1 + kIpv6NetworkBytes> network{};
  const bool is_ipv4 = address.family() == SocketAddress::Family::kIpv4;
  network[0] = static_cast<std::uint8_t>(address.family());
  std::copy_n(address.address().begin(), is_ipv4 ? kIpv4NetworkBytes : kIpv6NetworkBytes,
              network.begin() + 1);
  return network;
}

}  // namespace

NetworkRateLimit::NetworkRateLimit(std::size_t per_second, std::array<std::uint64_t, 2> key)
    : key_(key) {
  if (per_second > 0) buckets_.assign(2 * kBuckets, RateLimit(per_second));
}

bool NetworkRateLimit::take(LocalTime now, const SocketAddress& client) {
  if (buckets_.empty() || client.is_loopback()) return true;
  const auto network = network_of(client);
  // Both halves of one 64-bit hash serve as hashes of their own.
  const std::uint64_t hash = SIPHASH_24(key_.data(), network.data(), network.size());
  RateLimit& first = buckets_[hash % kBuckets];
  RateLimit& second = buckets_[kBuckets + (hash >> 32) % kBuckets];
  const bool first_had_room = first.take(now);
  const bool second_had_room = second.take(now);
  return first_had_room || second_had_room;
}

bool AddressCounts::has_room(const SocketAddress& client) const {
  if (!is_counted(client)) return true;
  const auto found = counts_.find(client.with_port(0));
  return found == counts_.end() || found->second < most_;
}

void AddressCounts::add(const SocketAddress& client) {
  if (is_counted(client)) ++counts_[client.with_port(0)];
}

void AddressCounts::remove(const SocketAddress& client) {
  if (!is_counted(client)) return;
  const auto found = counts_.find(client.with_port(0));
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

}  // namespace echostream::transport
