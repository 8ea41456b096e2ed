// The worked examples of RFC 9001 appendix A.
#include <gtest/gtest.h>
#include <openssl/digest.h>

#include <string>
#include <vector>

#include "runtime/transport/crypto/key_schedule.h"
#include "runtime/transport/crypto/packet_protection.h"
#include "runtime/transport/stateless_answers.h"

namespace echostream::transport {
namespace {

std::vector<std::uint8_t> from_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(
        static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string to_hex(BytesView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

const std::vector<std::uint8_t> kDestinationId = from_hex("8394c8f03e515708");

std::string mask_of(AeadKind kind, BytesView key, std::string_view sample) {
  const HeaderKey header(kind, key);
  std::array<std::uint8_t, NGTCP2_HP_MASKLEN> mask;
  EXPECT_EQ(header_mask(mask.data(), nullptr, header.get(), from_hex(sample).data()), 0);
  return to_hex(mask);
}

// The nonce of a packet: the IV with the packet number in its last bytes (RFC 9001 section 5.3).
std::vector<std::uint8_t> nonce_of(const PacketKeys& keys, std::uint64_t number) {
  std::vector<std::uint8_t> nonce(keys.iv.begin(), keys.iv.end());
  for (std::size_t i = nonce.size(); number > 0; number >>= 8) {
    nonce[--i] ^= static_cast<std::uint8_t>(number);
  }
  return nonce;
}

std::vector<std::uint8_t> seal(AeadKind kind, const PacketKeys& keys, std::size_t key_bytes,
                               std::uint64_t number, BytesView header, BytesView payload) {
  const AeadKey key(kind, BytesView(keys.key).first(key_bytes));
  const std::vector<std::uint8_t> nonce = nonce_of(keys, number);
  std::vector<std::uint8_t> sealed(payload.size() + kTagBytes);
  EXPECT_EQ(encrypt_payload(sealed.data(), nullptr, key.get(), payload.data(), payload.size(),
                            nonce.data(), nonce.size(), header.data(), header.size()),
            0);
  return sealed;
}

TEST(Rfc9001, A1InitialSecretsAndKeys) {
  const InitialSecrets secrets = InitialSecrets::derive(kDestinationId);
  EXPECT_EQ(to_hex(secrets.client),
            "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea");
  EXPECT_EQ(to_hex(secrets.server),
            "3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b");
  const CipherSuite suite = CipherSuite::initial();
  const PacketKeys client = PacketKeys::derive(suite, secrets.client);
  EXPECT_EQ(to_hex(BytesView(client.key).first(16)), "1f369613dd76d5467730efcbe3b1a22d");
  EXPECT_EQ(to_hex(client.iv), "fa044b2f42a3fd3b46fb255c");
  EXPECT_EQ(to_hex(BytesView(client.header_key).first(16)), "9f50449e04a0e810283a1e9933adedd2");
  const PacketKeys server = PacketKeys::derive(suite, secrets.server);
  EXPECT_EQ(to_hex(BytesView(server.key).first(16)), "cf3a5331653c364c88f0f379b6067e37");
  EXPECT_EQ(to_hex(server.iv), "0ac1493ca1905853b0bba03e");
  EXPECT_EQ(to_hex(BytesView(server.header_key).first(16)), "c206b8d9b9f0f37644430b490eeaa314");
}

TEST(Rfc9001, A2ClientInitialHeaderMask) {
  const PacketKeys keys =
      PacketKeys::derive(CipherSuite::initial(), InitialSecrets::derive(kDestinationId).client);
  EXPECT_EQ(mask_of(AeadKind::kAes128Gcm, BytesView(keys.header_key).first(16),
                    "d1b1c98dd7689fb8ec11d242b123dc9b"),
            "437b9aec36");
}

TEST(Rfc9001, A3ServerInitialPacket) {
  const PacketKeys keys =
      PacketKeys::derive(CipherSuite::initial(), InitialSecrets::derive(kDestinationId).server);
  const auto header = from_hex("c1000000010008f067a5502a4262b50040750001");
  const auto payload = from_hex(
      "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a04"
      "5a1200130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32b"
      "b9da1a002b00020304");
  const auto sealed = seal(AeadKind::kAes128Gcm, keys, 16, 1, header, payload);
  EXPECT_EQ(to_hex(sealed),
            "5a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839"
            "b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d"
            "06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee");
  EXPECT_EQ(mask_of(AeadKind::kAes128Gcm, BytesView(keys.header_key).first(16),
                    "2cd0991cd25b0aac406a5816b6394100"),
            "2ec0d8356a");
}

TEST(Rfc9001, A4RetryPacket) {
  const auto retry =
      make_retry(NGTCP2_PROTO_VER_V1, ConnectionId(), ConnectionId(from_hex("f067a5502a4262b5")),
                 ConnectionId(kDestinationId), as_bytes("token"));
  // ngtcp2 leaves the four unused bits of the first byte clear where the example sets them, so the
  // integrity tag differs; everything between is the example's.
  ASSERT_EQ(retry.size(), 36u);
  EXPECT_EQ(to_hex(BytesView(retry).subspan(1, 19)), "000000010008f067a5502a4262b5746f6b656e");
  // The tag of the example itself: an AEAD over the pseudo packet and nothing else.
  const auto pseudo = from_hex("088394c8f03e515708ff000000010008f067a5502a4262b5746f6b656e");
  const AeadKey key(AeadKind::kAes128Gcm, kRetryKey);
  const auto nonce = from_hex("461599d35d632bf2239825bb");
  std::array<std::uint8_t, kTagBytes> tag;
  ASSERT_EQ(encrypt_payload(tag.data(), nullptr, key.get(), nullptr, 0, nonce.data(), nonce.size(),
                            pseudo.data(), pseudo.size()),
            0);
  EXPECT_EQ(to_hex(tag), "04a265ba2eff4d829058fb3f0f2496ba");
}

TEST(Rfc9001, A5ChaCha20ShortHeaderPacket) {
  const CipherSuite suite{AeadKind::kChaCha20Poly1305, EVP_sha256()};
  const auto secret = from_hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
  const PacketKeys keys = PacketKeys::derive(suite, secret);
  EXPECT_EQ(to_hex(keys.key), "c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8");
  EXPECT_EQ(to_hex(keys.iv), "e0459b3474bdd0e44a41c144");
  EXPECT_EQ(to_hex(keys.header_key),
            "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
  std::array<std::uint8_t, 32> updated;
  next_secret(suite, secret, updated);
  EXPECT_EQ(to_hex(updated), "1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9");

  constexpr std::uint64_t kNumber = 654360564;
  const auto header = from_hex("4200bff4");
  const auto sealed = seal(suite.aead, keys, 32, kNumber, header, from_hex("01"));
  EXPECT_EQ(to_hex(sealed), "655e5cd55c41f69080575d7999c25a5bfb");
  EXPECT_EQ(mask_of(suite.aead, keys.header_key, "5e5cd55c41f69080575d7999c25a5bfb"), "aefefe7d03");
}

TEST(Rfc9001, OpeningRefusesEveryChangedBit) {
  const CipherSuite suite{AeadKind::kAes256Gcm, EVP_sha384()};
  const std::vector<std::uint8_t> secret(48, 7);
  const PacketKeys keys = PacketKeys::derive(suite, secret);
  const auto header = from_hex("4200bff4");
  const auto payload = from_hex("0102030405");
  auto sealed = seal(suite.aead, keys, 32, 9, header, payload);
  const AeadKey key(suite.aead, keys.key);
  const auto nonce = nonce_of(keys, 9);
  std::vector<std::uint8_t> opened(sealed.size());
  const auto open = [&] {
    return decrypt_payload(opened.data(), nullptr, key.get(), sealed.data(), sealed.size(),
                           nonce.data(), nonce.size(), header.data(), header.size());
  };
  ASSERT_EQ(open(), 0);
  EXPECT_EQ(to_hex(BytesView(opened).first(payload.size())), "0102030405");
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    sealed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_EQ(open(), NGTCP2_ERR_DECRYPT) << bit;
    sealed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
}

}  // namespace
}  // namespace echostream::transport
