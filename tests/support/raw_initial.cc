#include "tests/support/raw_initial.h"

#include <array>

#include "echostream/base/check.h"

#include "runtime/transport/crypto/key_schedule.h"
#include "runtime/transport/crypto/packet_protection.h"

namespace echostream::testing {
namespace {

using namespace transport;

void append(std::vector<std::uint8_t>& out, BytesView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// A variable-length integer in four bytes (RFC 9000 section 16).
void append_varint(std::vector<std::uint8_t>& out, std::uint64_t value) {
  ECHOSTREAM_CHECK(value < 1u << 30, "fits into four bytes");
  out.push_back(static_cast<std::uint8_t>(0x80 | value >> 24));
  for (int shift = 16; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void append_id(std::vector<std::uint8_t>& out, const ConnectionId& id) {
  out.push_back(static_cast<std::uint8_t>(id.view().size()));
  append(out, id.view());
}

}  // namespace

std::vector<std::uint8_t> RawInitial::seal() const {
  constexpr std::size_t kNumberBytes = 4;
  std::vector<std::uint8_t> packet = {0xc0 | (kNumberBytes - 1)};
  for (int shift = 24; shift >= 0; shift -= 8) {
    packet.push_back(static_cast<std::uint8_t>(version >> shift));
  }
  append_id(packet, destination_id);
  append_id(packet, source_id);
  append_varint(packet, token.size());
  append(packet, token);
  // What is left for the payload, after the length field and the packet number.
  std::vector<std::uint8_t> payload = frames;
  const std::size_t overhead = packet.size() + 4 + kNumberBytes + kTagBytes;
  if (datagram_bytes > overhead + payload.size()) payload.resize(datagram_bytes - overhead);
  append_varint(packet, kNumberBytes + payload.size() + kTagBytes);
  const std::size_t number_at = packet.size();
  for (int shift = 24; shift >= 0; shift -= 8) {
    packet.push_back(static_cast<std::uint8_t>(packet_number >> shift));
  }

  const CipherSuite suite = CipherSuite::initial();
  const PacketKeys keys =
      PacketKeys::derive(suite, InitialSecrets::derive(destination_id.view()).client);
  const AeadKey key(suite.aead, BytesView(keys.key).first(suite.key_bytes()));
  const HeaderKey header_key(suite.aead, BytesView(keys.header_key).first(suite.key_bytes()));
  auto nonce = keys.iv;
  for (std::size_t i = 0; i < 4; ++i) nonce[8 + i] ^= packet[number_at + i];
  std::vector<std::uint8_t> sealed(payload.size() + kTagBytes);
  const ngtcp2_crypto_aead aead = describe_aead(suite.aead);
  ECHOSTREAM_CHECK(encrypt_payload(sealed.data(), &aead, key.get(), payload.data(), payload.size(),
                                   nonce.data(), nonce.size(), packet.data(), packet.size()) == 0,
                   "sealing a packet");
  append(packet, sealed);
  std::array<std::uint8_t, 16> mask;
  const ngtcp2_crypto_cipher cipher{};
  ECHOSTREAM_CHECK(header_mask(mask.data(), &cipher, header_key.get(),
                               packet.data() + number_at + kNumberBytes) == 0,
                   "masking a header");
  packet[0] ^= mask[0] & 0x0f;
  for (std::size_t i = 0; i < kNumberBytes; ++i) packet[number_at + i] ^= mask[1 + i];
  return packet;
}

std::vector<std::uint8_t> crypto_frame(std::uint64_t offset, BytesView data) {
  std::vector<std::uint8_t> frame = {0x06};
  append_varint(frame, offset);
  append_varint(frame, data.size());
  append(frame, data);
  return frame;
}

}  // namespace echostream::testing
