#include "runtime/transport/crypto/key_schedule.h"

#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/ssl.h>

#include "echostream/base/check.h"

namespace echostream::transport {

std::size_t CipherSuite::secret_bytes() const noexcept { return EVP_MD_size(digest); }

std::uint64_t CipherSuite::confidentiality_limit() const noexcept {
  // ChaCha20's exceeds the number of packets a connection can have.
  return aead == AeadKind::kChaCha20Poly1305 ? std::uint64_t{1} << 62 : std::uint64_t{1} << 23;
}

std::uint64_t CipherSuite::integrity_limit() const noexcept {
  return aead == AeadKind::kChaCha20Poly1305 ? std::uint64_t{1} << 36 : std::uint64_t{1} << 52;
}

CipherSuite CipherSuite::initial() noexcept { return {AeadKind::kAes128Gcm, EVP_sha256()}; }

CipherSuite CipherSuite::of(const SSL_CIPHER* cipher) noexcept {
  switch (SSL_CIPHER_get_protocol_id(cipher)) {
    case 0x1302:  // TLS_AES_256_GCM_SHA384
      return {AeadKind::kAes256Gcm, EVP_sha384()};
    case 0x1303:  // TLS_CHACHA20_POLY1305_SHA256
      return {AeadKind::kChaCha20Poly1305, EVP_sha256()};
    default:  // TLS_AES_128_GCM_SHA256
      return {AeadKind::kAes128Gcm, EVP_sha256()};
  }
}

void expand_label(const EVP_MD* digest, BytesView secret, std::string_view label,
                  MutableBytes out) {
  // struct { uint16 length; opaque label<7..255> = "tls13 " + label; opaque context<0..255>; }
  constexpr std::string_view kPrefix = "tls13 ";
  std::array<std::uint8_t, 64> info;
  ECHOSTREAM_CHECK(label.size() + kPrefix.size() + 4 <= info.size(), "a label of ours is short");
  std::size_t size = 0;
  info[size++] = static_cast<std::uint8_t>(out.size() >> 8);
  info[size++] = static_cast<std::uint8_t>(out.size());
  info[size++] = static_cast<std::uint8_t>(kPrefix.size() + label.size());
  for (const char c : kPrefix) info[size++] = static_cast<std::uint8_t>(c);
  for (const char c : label) info[size++] = static_cast<std::uint8_t>(c);
  info[size++] = 0;
  const int done =
      HKDF_expand(out.data(), out.size(), digest, secret.data(), secret.size(), info.data(), size);
  ECHOSTREAM_CHECK(done == 1, "HKDF-Expand fails only for absurd lengths");
}

PacketKeys PacketKeys::derive(const CipherSuite& suite, BytesView secret) {
  PacketKeys keys;
  expand_label(suite.digest, secret, "quic key", MutableBytes(keys.key).first(suite.key_bytes()));
  expand_label(suite.digest, secret, "quic iv", keys.iv);
  expand_label(suite.digest, secret, "quic hp",
               MutableBytes(keys.header_key).first(suite.key_bytes()));
  return keys;
}

InitialSecrets InitialSecrets::derive(BytesView destination_connection_id) {
  // RFC 9001 section 5.2: the salt of QUIC version 1.
  constexpr std::array<std::uint8_t, 20> kSalt = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34,
                                                  0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
                                                  0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> initial;
  std::size_t size = 0;
  const int done =
      HKDF_extract(initial.data(), &size, EVP_sha256(), destination_connection_id.data(),
                   destination_connection_id.size(), kSalt.data(), kSalt.size());
  ECHOSTREAM_CHECK(done == 1, "HKDF-Extract needs only memory");
  const BytesView secret = BytesView(initial).first(size);
  InitialSecrets secrets;
  expand_label(EVP_sha256(), secret, "client in", secrets.client);
  expand_label(EVP_sha256(), secret, "server in", secrets.server);
  return secrets;
}

void next_secret(const CipherSuite& suite, BytesView current, MutableBytes out) {
  expand_label(suite.digest, current, "quic ku", out);
}

}  // namespace echostream::transport
