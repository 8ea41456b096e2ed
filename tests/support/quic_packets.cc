#include "tests/support/quic_packets.h"

#include <array>

#include "echostream/base/check.h"

#include "tests/support/quic_frames.h"

namespace echostream::testing {
namespace {

using namespace transport;

// Packet numbers are always written in full.
constexpr std::size_t kNumberBytes = 4;

void append_number(std::vector<std::uint8_t>& out, std::uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void append_id(std::vector<std::uint8_t>& out, const ConnectionId& id) {
  out.push_back(static_cast<std::uint8_t>(id.view().size()));
  append_bytes(out, id.view());
}

// All but the packet number. `rest` is the size of what follows the length field.
std::vector<std::uint8_t> make_head(const PacketForm& form, std::size_t rest) {
  if (form.type == PacketType::kOneRtt) {
    std::vector<std::uint8_t> head = {static_cast<std::uint8_t>(
        0x40 | form.reserved_bits << 3 | (form.key_phase ? 0x04 : 0) | (kNumberBytes - 1))};
    append_bytes(head, form.destination_id.view());
    return head;
  }
  std::vector<std::uint8_t> head = {static_cast<std::uint8_t>(
      0xc0 | static_cast<unsigned>(form.type) << 4 | form.reserved_bits << 2 | (kNumberBytes - 1))};
  append_number(head, form.version);
  append_id(head, form.destination_id);
  append_id(head, form.source_id);
  if (form.type == PacketType::kInitial) {
    append_varint(head, form.token.size());
    append_bytes(head, form.token);
  }
  // The length in four bytes whatever it is, so that the head's size does not depend on it.
  append_number(head, 2u << 30 | rest);
  return head;
}

std::array<std::uint8_t, NGTCP2_HP_SAMPLELEN> mask_of(const HeaderKey& key,
                                                      const std::uint8_t* sample) {
  std::array<std::uint8_t, NGTCP2_HP_SAMPLELEN> mask{};
  const ngtcp2_crypto_cipher cipher{};
  ECHOSTREAM_CHECK(header_mask(mask.data(), &cipher, key.get(), sample) == 0, "masking a header");
  return mask;
}

std::uint8_t masked_bits(bool is_long) { return is_long ? 0x0f : 0x1f; }

PacketKeys derive(const CipherSuite& suite, BytesView secret) {
  return PacketKeys::derive(suite, secret);
}

// RFC 9000 appendix A.3.
std::uint64_t decode_number(std::uint64_t truncated, std::size_t bytes, std::uint64_t expected) {
  const std::uint64_t window = std::uint64_t{1} << (8 * bytes);
  const std::uint64_t candidate = (expected & ~(window - 1)) | truncated;
  if (candidate + window / 2 <= expected) return candidate + window;
  if (candidate > expected + window / 2 && candidate >= window) return candidate - window;
  return candidate;
}

}  // namespace

PacketKey::PacketKey(const CipherSuite& suite, const PacketKeys& keys,
                     const PacketKeys& header_keys)
    : iv_(keys.iv),
      aead_(suite.aead, BytesView(keys.key).first(suite.key_bytes())),
      header_(suite.aead, BytesView(header_keys.header_key).first(suite.key_bytes())) {}

PacketKey::PacketKey(const CipherSuite& suite, BytesView secret)
    : PacketKey(suite, derive(suite, secret), derive(suite, secret)) {}

PacketKey::PacketKey(const CipherSuite& suite, BytesView secret, BytesView first_secret)
    : PacketKey(suite, derive(suite, secret), derive(suite, first_secret)) {}

std::array<std::uint8_t, kIvBytes> PacketKey::nonce(std::uint64_t number) const {
  auto nonce = iv_;
  for (std::size_t i = 0; i < 8; ++i) {
    nonce[kIvBytes - 1 - i] ^= static_cast<std::uint8_t>(number >> (8 * i));
  }
  return nonce;
}

std::vector<std::uint8_t> seal_packet(const PacketKey& key, const PacketForm& form,
                                      BytesView payload) {
  std::vector<std::uint8_t> plain(payload.begin(), payload.end());
  const std::size_t overhead = make_head(form, 0).size() + kNumberBytes + kTagBytes;
  if (form.least_bytes > overhead + plain.size()) plain.resize(form.least_bytes - overhead);
  std::vector<std::uint8_t> packet = make_head(form, kNumberBytes + plain.size() + kTagBytes);
  const std::size_t number_at = packet.size();
  append_number(packet, form.number);

  const auto nonce = key.nonce(form.number);
  std::vector<std::uint8_t> sealed(plain.size() + kTagBytes);
  ECHOSTREAM_CHECK(
      encrypt_payload(sealed.data(), nullptr, key.aead().get(), plain.data(), plain.size(),
                      nonce.data(), nonce.size(), packet.data(), packet.size()) == 0,
      "sealing a packet");
  append_bytes(packet, sealed);
  // The tag alone is long enough to be the sample.
  const auto mask = mask_of(key.header(), packet.data() + number_at + kNumberBytes);
  packet[0] ^= mask[0] & masked_bits(form.type != PacketType::kOneRtt);
  for (std::size_t i = 0; i < kNumberBytes; ++i) packet[number_at + i] ^= mask[1 + i];
  return packet;
}

std::optional<PacketHead> read_head(BytesView datagram, std::size_t short_id_bytes) {
  PacketHead head;
  if ((datagram[0] & 0x80) == 0) {
    if (datagram.size() < 1 + short_id_bytes + kNumberBytes + kTagBytes) return std::nullopt;
    head.destination_id = ConnectionId(datagram.subspan(1, short_id_bytes));
    head.number_at = 1 + short_id_bytes;
    head.size = datagram.size();
    return head;
  }
  if (datagram.size() < 7 || datagram[4] != 1) return std::nullopt;  // version 1
  head.type = static_cast<PacketType>(datagram[0] >> 4 & 0x03);
  std::size_t at = 5;
  const auto take_id = [&] {
    const ConnectionId id(datagram.subspan(at + 1, datagram[at]));
    at += 1 + id.view().size();
    return id;
  };
  head.destination_id = take_id();
  head.source_id = take_id();
  if (head.type == PacketType::kRetry) {
    head.number_at = at;
    head.size = datagram.size();
    return head;
  }
  const auto take_varint = [&] {
    const std::size_t bytes = std::size_t{1} << (datagram[at] >> 6);
    std::uint64_t value = datagram[at] & 0x3f;
    for (std::size_t i = 1; i < bytes; ++i) value = value << 8 | datagram[at + i];
    at += bytes;
    return value;
  };
  if (head.type == PacketType::kInitial) at += take_varint();
  const std::uint64_t length = take_varint();
  head.number_at = at;
  head.size = at + length;
  if (head.size > datagram.size()) return std::nullopt;
  return head;
}

std::optional<OpenedPacket> open_packet(const PacketKey& key, const PacketHead& head,
                                        BytesView packet, std::uint64_t expected) {
  const bool is_long = head.type != PacketType::kOneRtt;
  std::vector<std::uint8_t> clear(packet.begin(),
                                  packet.begin() + static_cast<std::ptrdiff_t>(head.number_at));
  const auto mask = mask_of(key.header(), packet.data() + head.number_at + kNumberBytes);
  clear[0] ^= mask[0] & masked_bits(is_long);
  const std::size_t number_bytes = (clear[0] & 0x03) + 1u;
  std::uint64_t truncated = 0;
  for (std::size_t i = 0; i < number_bytes; ++i) {
    clear.push_back(packet[head.number_at + i] ^ mask[1 + i]);
    truncated = truncated << 8 | clear.back();
  }
  OpenedPacket opened;
  opened.number = decode_number(truncated, number_bytes, expected);
  const BytesView sealed = packet.first(head.size).subspan(clear.size());
  if (sealed.size() < kTagBytes) return std::nullopt;
  opened.payload.resize(sealed.size());  // all of it is written to when the key does not fit
  const auto nonce = key.nonce(opened.number);
  if (decrypt_payload(opened.payload.data(), nullptr, key.aead().get(), sealed.data(),
                      sealed.size(), nonce.data(), nonce.size(), clear.data(), clear.size()) != 0) {
    return std::nullopt;
  }
  opened.payload.resize(sealed.size() - kTagBytes);
  return opened;
}

}  // namespace echostream::testing
