#include "runtime/transport/crypto/packet_protection.h"

#include <openssl/chacha.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <variant>

#include "echostream/base/check.h"

namespace echostream::transport {
namespace {

using ChaChaKey = std::array<std::uint8_t, 32>;
using HeaderCipher = std::variant<AES_KEY, ChaChaKey>;

// What ngtcp2 keeps a pointer to.
struct AeadContext {
  bssl::UniquePtr<EVP_AEAD_CTX> cipher;
  ReceivedNumbers* opened = nullptr;
  std::array<std::uint8_t, kIvBytes> iv{};
};

AeadContext& context_of(const ngtcp2_crypto_aead_ctx* key) {
  return *static_cast<AeadContext*>(key->native_handle);
}

// RFC 9001 section 5.3: the nonce is the packet number, exclusive-or the IV.
std::uint64_t number_of(const std::uint8_t* nonce, const std::array<std::uint8_t, kIvBytes>& iv) {
  std::uint64_t number = 0;
  for (std::size_t i = kIvBytes - sizeof number; i < kIvBytes; ++i) {
    number = number << 8 | static_cast<std::uint64_t>(nonce[i] ^ iv[i]);
  }
  return number;
}

}  // namespace

const EVP_AEAD* evp_aead(AeadKind kind) {
  switch (kind) {
    case AeadKind::kAes128Gcm:
      return EVP_aead_aes_128_gcm();
    case AeadKind::kAes256Gcm:
      return EVP_aead_aes_256_gcm();
    case AeadKind::kChaCha20Poly1305:
      return EVP_aead_chacha20_poly1305();
  }
  return nullptr;
}

AeadKey::AeadKey(AeadKind kind, BytesView key) {
  auto* context = new AeadContext;
  context_.native_handle = context;
  context->cipher.reset(EVP_AEAD_CTX_new(evp_aead(kind), key.data(), key.size(), kTagBytes));
  ECHOSTREAM_CHECK(context->cipher != nullptr, "an AEAD key needs only memory");
}

void AeadKey::note_opened(ReceivedNumbers& numbers, const std::array<std::uint8_t, kIvBytes>& iv) {
  AeadContext& context = context_of(&context_);
  context.opened = &numbers;
  context.iv = iv;
}

AeadKey::~AeadKey() { delete_aead_context(nullptr, &context_, nullptr); }

HeaderKey::HeaderKey(AeadKind kind, BytesView key) {
  auto* cipher = new HeaderCipher;
  if (kind == AeadKind::kChaCha20Poly1305) {
    std::copy(key.begin(), key.end(), cipher->emplace<ChaChaKey>().begin());
  } else {
    AES_set_encrypt_key(key.data(), static_cast<unsigned>(key.size() * 8),
                        &cipher->emplace<AES_KEY>());
  }
  context_.native_handle = cipher;
}

HeaderKey::~HeaderKey() { delete_cipher_context(nullptr, &context_, nullptr); }

ngtcp2_crypto_aead describe_aead(AeadKind kind) {
  ngtcp2_crypto_aead aead{};
  aead.native_handle = const_cast<EVP_AEAD*>(evp_aead(kind));
  aead.max_overhead = kTagBytes;
  return aead;
}

ngtcp2_crypto_ctx describe(const CipherSuite& suite) {
  ngtcp2_crypto_ctx context{};
  context.aead = describe_aead(suite.aead);
  context.md.native_handle = const_cast<EVP_MD*>(suite.digest);
  context.max_encryption = suite.confidentiality_limit();
  context.max_decryption_failure = suite.integrity_limit();
  return context;
}

int encrypt_payload(std::uint8_t* out, const ngtcp2_crypto_aead*, const ngtcp2_crypto_aead_ctx* key,
                    const std::uint8_t* plain, std::size_t plain_bytes, const std::uint8_t* nonce,
                    std::size_t nonce_bytes, const std::uint8_t* associated,
                    std::size_t associated_bytes) {
  std::size_t written = 0;
  const int done =
      EVP_AEAD_CTX_seal(context_of(key).cipher.get(), out, &written, plain_bytes + kTagBytes, nonce,
                        nonce_bytes, plain, plain_bytes, associated, associated_bytes);
  return done == 1 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

int decrypt_payload(std::uint8_t* out, const ngtcp2_crypto_aead*, const ngtcp2_crypto_aead_ctx* key,
                    const std::uint8_t* sealed, std::size_t sealed_bytes, const std::uint8_t* nonce,
                    std::size_t nonce_bytes, const std::uint8_t* associated,
                    std::size_t associated_bytes) {
  std::size_t written = 0;
  const AeadContext& context = context_of(key);
  const int done =
      EVP_AEAD_CTX_open(context.cipher.get(), out, &written, sealed_bytes, nonce, nonce_bytes,
                        sealed, sealed_bytes, associated, associated_bytes);
  if (done == 1) {
    if (context.opened != nullptr) context.opened->insert(number_of(nonce, context.iv));
    return 0;
  }
  // A forgery is no error of ours: leave nothing behind in BoringSSL's queue.
  ERR_clear_error();
  return NGTCP2_ERR_DECRYPT;
}

int header_mask(std::uint8_t* out, const ngtcp2_crypto_cipher*, const ngtcp2_crypto_cipher_ctx* key,
                const std::uint8_t* sample) {
  const auto& cipher = *static_cast<const HeaderCipher*>(key->native_handle);
  if (const auto* aes = std::get_if<AES_KEY>(&cipher)) {
    // RFC 9001 section 5.4.3.
    std::array<std::uint8_t, AES_BLOCK_SIZE> block;
    AES_encrypt(sample, block.data(), aes);
    std::memcpy(out, block.data(), NGTCP2_HP_MASKLEN);
    return 0;
  }
  // RFC 9001 section 5.4.4: a little-endian counter, then the nonce.
  std::uint32_t counter = 0;
  for (int i = 3; i >= 0; --i) counter = counter << 8 | sample[i];
  constexpr std::array<std::uint8_t, NGTCP2_HP_MASKLEN> kZeros{};
  CRYPTO_chacha_20(out, kZeros.data(), kZeros.size(), std::get<ChaChaKey>(cipher).data(),
                   sample + 4, counter);
  return 0;
}

void delete_aead_context(ngtcp2_conn*, ngtcp2_crypto_aead_ctx* key, void*) {
  delete static_cast<AeadContext*>(key->native_handle);
  key->native_handle = nullptr;
}

void delete_cipher_context(ngtcp2_conn*, ngtcp2_crypto_cipher_ctx* key, void*) {
  delete static_cast<HeaderCipher*>(key->native_handle);
  key->native_handle = nullptr;
}

}  // namespace echostream::transport
