// A QUIC connection id (RFC 9000 section 5.1) as a value, and a hash that a peer cannot steer.
#pragma once

#include <ngtcp2/ngtcp2.h>
#include <openssl/siphash.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "echostream/base/bytes.h"
#include "echostream/base/check.h"

namespace echostream::transport {

class ConnectionId {
 public:
  static constexpr std::size_t kMostBytes = NGTCP2_MAX_CIDLEN;
  /// Of those that we make: long enough that nobody guesses one, short enough for every packet.
  static constexpr std::size_t kOwnBytes = 16;

  ConnectionId() noexcept = default;
  explicit ConnectionId(BytesView bytes) : size_(static_cast<std::uint8_t>(bytes.size())) {
    ECHOSTREAM_CHECK(bytes.size() <= kMostBytes, "a connection id has at most 20 bytes");
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  explicit ConnectionId(const ngtcp2_cid& id) : ConnectionId(BytesView(id.data, id.datalen)) {}

  BytesView view() const noexcept { return BytesView(bytes_).first(size_); }
  ngtcp2_cid to_ngtcp2() const {
    ngtcp2_cid id;
    ngtcp2_cid_init(&id, bytes_.data(), size_);
    return id;
  }
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;

 private:
  std::array<std::uint8_t, kMostBytes> bytes_{};
  std::uint8_t size_ = 0;
};

/// SipHash with a key of the process's own: clients choose the first id of a connection, and must
/// not be able to choose ids that fall into one bucket (CVE-2025-24946 and its like).
class KeyedHash {
 public:
  explicit KeyedHash(std::array<std::uint64_t, 2> key) noexcept : key_(key) {}
  std::size_t operator()(const ConnectionId& id) const noexcept { return hash(id.view()); }
  std::size_t operator()(const std::array<std::uint8_t, 16>& token) const noexcept {
    return hash(token);
  }

 private:
  std::size_t hash(BytesView bytes) const noexcept {
    return static_cast<std::size_t>(SIPHASH_24(key_.data(), bytes.data(), bytes.size()));
  }
  std::array<std::uint64_t, 2> key_;
};

}  // namespace echostream::transport
