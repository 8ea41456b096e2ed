// From TLS secrets to packet protection keys: RFC 9001 section 5 and 6, on BoringSSL's HKDF.
#pragma once

#include <openssl/base.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "echostream/base/bytes.h"

namespace echostream::transport {

/// The AEADs that TLS 1.3 cipher suites give QUIC.
enum class AeadKind : std::uint8_t { kAes128Gcm, kAes256Gcm, kChaCha20Poly1305 };

inline constexpr std::size_t kIvBytes = 12;
inline constexpr std::size_t kTagBytes = 16;
inline constexpr std::size_t kMostKeyBytes = 32;
inline constexpr std::size_t kMostSecretBytes = 48;

/// The key of a Retry packet's integrity tag, which everybody knows (RFC 9001 section 5.8).
inline constexpr std::array<std::uint8_t, 16> kRetryKey = {
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e};

/// A cipher suite's AEAD with the hash that its secrets are expanded with.
struct CipherSuite {
  AeadKind aead = AeadKind::kAes128Gcm;
  const EVP_MD* digest = nullptr;

  std::size_t key_bytes() const noexcept { return aead == AeadKind::kAes128Gcm ? 16 : 32; }
  std::size_t secret_bytes() const noexcept;
  /// RFC 9001 section 6.6: packets that may be sealed with one key, and forgeries that may fail.
  std::uint64_t confidentiality_limit() const noexcept;
  std::uint64_t integrity_limit() const noexcept;

  /// What Initial packets are protected with.
  static CipherSuite initial() noexcept;
  /// Of a TLS cipher; QUIC negotiates only those three.
  static CipherSuite of(const SSL_CIPHER* cipher) noexcept;
};

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
void expand_label(const EVP_MD* digest, BytesView secret, std::string_view label, MutableBytes out);

/// Key, IV and header protection key of one direction at one level (RFC 9001 section 5.1).
struct PacketKeys {
  std::array<std::uint8_t, kMostKeyBytes> key{};
  std::array<std::uint8_t, kIvBytes> iv{};
  std::array<std::uint8_t, kMostKeyBytes> header_key{};

  static PacketKeys derive(const CipherSuite& suite, BytesView secret);
};

/// Both directions' Initial secrets (RFC 9001 section 5.2), from the client's first destination
/// connection id.
struct InitialSecrets {
  std::array<std::uint8_t, 32> client{};
  std::array<std::uint8_t, 32> server{};

  static InitialSecrets derive(BytesView destination_connection_id);
};

/// The secret after a key update (RFC 9001 section 6.1).
void next_secret(const CipherSuite& suite, BytesView current, MutableBytes out);

}  // namespace echostream::transport
