// QUIC version 1 packets by hand (RFC 9000 section 17, RFC 9001 section 5): sealed with any keys
// and any header bits, and opened again.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "echostream/base/bytes.h"

#include "runtime/transport/connection_id.h"
#include "runtime/transport/crypto/packet_protection.h"

namespace echostream::testing {

/// Long header types have the numbers of the wire.
enum class PacketType : std::uint8_t {
  kInitial = 0,
  kZeroRtt = 1,
  kHandshake = 2,
  kRetry = 3,
  kOneRtt = 4,
};

/// The keys of one direction at one level.
class PacketKey {
 public:
  PacketKey(const transport::CipherSuite& suite, BytesView secret);
  /// After a key update (RFC 9001 section 6.1): the header key stays.
  PacketKey(const transport::CipherSuite& suite, BytesView secret, BytesView first_secret);

  const transport::AeadKey& aead() const { return aead_; }
  const transport::HeaderKey& header() const { return header_; }
  std::array<std::uint8_t, transport::kIvBytes> nonce(std::uint64_t number) const;

 private:
  PacketKey(const transport::CipherSuite& suite, const transport::PacketKeys& keys,
            const transport::PacketKeys& header_keys);
  std::array<std::uint8_t, transport::kIvBytes> iv_;
  transport::AeadKey aead_;
  transport::HeaderKey header_;
};

struct PacketForm {
  PacketType type = PacketType::kOneRtt;
  transport::ConnectionId destination_id;
  transport::ConnectionId source_id;     // long headers only
  std::vector<std::uint8_t> token = {};  // Initial only
  std::uint64_t number = 0;
  std::uint32_t version = 1;
  bool key_phase = false;
  /// Bits that must be zero (section 17.2, 17.3.1).
  std::uint8_t reserved_bits = 0;
  /// PADDING is added until the packet has that size.
  std::size_t least_bytes = 0;
};

std::vector<std::uint8_t> seal_packet(const PacketKey& key, const PacketForm& form,
                                      BytesView payload);

/// What can be read without keys.
struct PacketHead {
  PacketType type = PacketType::kOneRtt;
  transport::ConnectionId destination_id;
  transport::ConnectionId source_id;
  std::size_t number_at = 0;
  std::size_t size = 0;  // of the packet within its datagram
};
/// Of the first packet in `datagram`; none when it is no packet of version 1.
std::optional<PacketHead> read_head(BytesView datagram, std::size_t short_id_bytes);

struct OpenedPacket {
  std::uint64_t number = 0;
  std::vector<std::uint8_t> payload;
};
/// None when the key does not fit. `expected` is the packet number after the largest seen.
std::optional<OpenedPacket> open_packet(const PacketKey& key, const PacketHead& head,
                                        BytesView packet, std::uint64_t expected);

}  // namespace echostream::testing
