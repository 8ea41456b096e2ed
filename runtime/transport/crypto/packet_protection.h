// ngtcp2's packet protection callbacks on BoringSSL: sealing and opening payloads, masking headers.
#pragma once

#include <ngtcp2/ngtcp2.h>
#include <openssl/aead.h>
#include <openssl/aes.h>

#include <array>
#include <cstdint>

#include "echostream/base/bytes.h"

#include "runtime/transport/crypto/key_schedule.h"
#include "runtime/transport/crypto/received_numbers.h"

namespace echostream::transport {

/// Owns an AEAD key behind the handle that ngtcp2 keeps. Give it to ngtcp2 with release(); ngtcp2
/// gives it back through delete_aead_context().
class AeadKey {
 public:
  AeadKey(AeadKind kind, BytesView key);
  ~AeadKey();
  AeadKey(const AeadKey&) = delete;
  AeadKey& operator=(const AeadKey&) = delete;

  const ngtcp2_crypto_aead_ctx* get() const noexcept { return &context_; }
  /// Packets that are opened with the key are noted there, which must outlive it. `iv` is that of
  /// the same direction.
  void note_opened(ReceivedNumbers& numbers, const std::array<std::uint8_t, kIvBytes>& iv);
  /// ngtcp2 took the key.
  void release() noexcept { context_.native_handle = nullptr; }

 private:
  ngtcp2_crypto_aead_ctx context_{};
};

/// The same for a header protection key.
class HeaderKey {
 public:
  HeaderKey(AeadKind kind, BytesView key);
  ~HeaderKey();
  HeaderKey(const HeaderKey&) = delete;
  HeaderKey& operator=(const HeaderKey&) = delete;

  const ngtcp2_crypto_cipher_ctx* get() const noexcept { return &context_; }
  void release() noexcept { context_.native_handle = nullptr; }

 private:
  ngtcp2_crypto_cipher_ctx context_{};
};

const EVP_AEAD* evp_aead(AeadKind kind);
/// What ngtcp2 wants to know about a suite.
ngtcp2_crypto_ctx describe(const CipherSuite& suite);
ngtcp2_crypto_aead describe_aead(AeadKind kind);

// ngtcp2's callbacks.
int encrypt_payload(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                    const ngtcp2_crypto_aead_ctx* key, const std::uint8_t* plain,
                    std::size_t plain_bytes, const std::uint8_t* nonce, std::size_t nonce_bytes,
                    const std::uint8_t* associated, std::size_t associated_bytes);
int decrypt_payload(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                    const ngtcp2_crypto_aead_ctx* key, const std::uint8_t* sealed,
                    std::size_t sealed_bytes, const std::uint8_t* nonce, std::size_t nonce_bytes,
                    const std::uint8_t* associated, std::size_t associated_bytes);
int header_mask(std::uint8_t* out, const ngtcp2_crypto_cipher* cipher,
                const ngtcp2_crypto_cipher_ctx* key, const std::uint8_t* sample);
void delete_aead_context(ngtcp2_conn* connection, ngtcp2_crypto_aead_ctx* key, void* user);
void delete_cipher_context(ngtcp2_conn* connection, ngtcp2_crypto_cipher_ctx* key, void* user);

}  // namespace echostream::transport
