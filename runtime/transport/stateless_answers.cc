#include "runtime/transport/stateless_answers.h"

#include <ngtcp2/ngtcp2.h>

#include <algorithm>
#include <array>

#include "runtime/transport/crypto/packet_protection.h"

namespace echostream::transport {
namespace {

constexpr std::size_t kMostBytes = 1200;

std::vector<std::uint8_t> sized(std::vector<std::uint8_t> packet, ngtcp2_ssize size) {
  packet.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return packet;
}

}  // namespace

std::vector<std::uint8_t> make_version_negotiation(BytesView destination_id, BytesView source_id,
                                                   std::uint8_t random) {
  // RFC 9000 section 15: versions of the form 0x?a?a?a?a are reserved for this.
  constexpr std::uint32_t kReserved = 0x2a3a4a5a;
  const std::array<std::uint32_t, 2> versions = {NGTCP2_PROTO_VER_V1, kReserved};
  std::vector<std::uint8_t> packet(kMostBytes);
  const ngtcp2_ssize size = ngtcp2_pkt_write_version_negotiation(
      packet.data(), packet.size(), random, source_id.data(), source_id.size(),
      destination_id.data(), destination_id.size(), versions.data(), versions.size());
  return sized(std::move(packet), size);
}

std::vector<std::uint8_t> make_retry(std::uint32_t version, const ConnectionId& client_id,
                                     const ConnectionId& retry_id, const ConnectionId& original_id,
                                     BytesView token) {
  const ngtcp2_cid client = client_id.to_ngtcp2();
  const ngtcp2_cid retry = retry_id.to_ngtcp2();
  const ngtcp2_cid original = original_id.to_ngtcp2();
  const AeadKey key(AeadKind::kAes128Gcm, kRetryKey);
  const ngtcp2_crypto_aead aead = describe_aead(AeadKind::kAes128Gcm);
  std::vector<std::uint8_t> packet(kMostBytes);
  const ngtcp2_ssize size =
      ngtcp2_pkt_write_retry(packet.data(), packet.size(), version, &client, &retry, &original,
                             token.data(), token.size(), encrypt_payload, &aead, key.get());
  return sized(std::move(packet), size);
}

std::vector<std::uint8_t> make_stateless_reset(const ResetToken& token, std::size_t answered_bytes,
                                               BytesView random) {
  // Packets below this could be a stateless reset themselves.
  constexpr std::size_t kLeastAnswered = NGTCP2_STATELESS_RESET_TOKENLEN + 27;
  if (answered_bytes < kLeastAnswered) return {};
  std::vector<std::uint8_t> packet(kLeastAnswered - 1);
  const std::size_t random_bytes =
      std::min(random.size(), packet.size() - NGTCP2_STATELESS_RESET_TOKENLEN);
  const ngtcp2_ssize size = ngtcp2_pkt_write_stateless_reset(
      packet.data(), packet.size(), token.data(), random.data(), random_bytes);
  return sized(std::move(packet), size);
}

std::vector<std::uint8_t> make_refusal(std::uint32_t version, const ConnectionId& client_id,
                                       const ConnectionId& destination_id, std::uint64_t error) {
  const CipherSuite suite = CipherSuite::initial();
  const InitialSecrets secrets = InitialSecrets::derive(destination_id.view());
  const PacketKeys keys = PacketKeys::derive(suite, secrets.server);
  const AeadKey key(suite.aead, BytesView(keys.key).first(suite.key_bytes()));
  const HeaderKey header(suite.aead, BytesView(keys.header_key).first(suite.key_bytes()));
  const ngtcp2_cid client = client_id.to_ngtcp2();
  const ngtcp2_cid destination = destination_id.to_ngtcp2();
  const ngtcp2_crypto_aead aead = describe_aead(suite.aead);
  const ngtcp2_crypto_cipher cipher{};
  std::vector<std::uint8_t> packet(kMostBytes);
  const ngtcp2_ssize size = ngtcp2_pkt_write_connection_close(
      packet.data(), packet.size(), version, &client, &destination, error, nullptr, 0,
      encrypt_payload, &aead, key.get(), keys.iv.data(), header_mask, &cipher, header.get());
  return sized(std::move(packet), size);
}

}  // namespace echostream::transport
