#include "runtime/transport/crypto/address_tokens.h"

#include <openssl/aead.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/hkdf.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "echostream/base/check.h"

namespace echostream::transport {
namespace {

// Token: kind (1), nonce (12), sealed payload, tag (16).
constexpr std::uint8_t kRetryKind = 0xb6;
constexpr std::uint8_t kNewTokenKind = 0x36;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kNonceBytes = std::tuple_size_v<AddressTokens::Nonce>;

// A Retry is answered within a few round trips; a NEW_TOKEN serves a later visit.
constexpr Duration kRetryLifetime = std::chrono::seconds(10);
constexpr Duration kNewTokenLifetime = std::chrono::hours(24);
// Tokens from the future: the clock was set back, or another machine's is ahead.
constexpr Duration kMostSkew = std::chrono::seconds(10);

void append_time(std::vector<std::uint8_t>& out, WallTime time) {
  const auto ns = static_cast<std::uint64_t>(time.time_since_epoch().count());
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(ns >> shift));
  }
}

bool is_fresh(BytesView time, WallTime now, Duration lifetime) {
  std::uint64_t ns = 0;
  for (const std::uint8_t byte : time.first(8)) ns = ns << 8 | byte;
  const WallTime made{Duration(static_cast<std::int64_t>(ns))};
  return made - now < kMostSkew && now - made < lifetime;
}

std::vector<std::uint8_t> address_bytes(const SocketAddress& address, bool with_port) {
  std::vector<std::uint8_t> bytes(address.address().begin(), address.address().end());
  bytes.push_back(static_cast<std::uint8_t>(address.family()));
  if (with_port) {
    bytes.push_back(static_cast<std::uint8_t>(address.port() >> 8));
    bytes.push_back(static_cast<std::uint8_t>(address.port()));
  }
  return bytes;
}

void append(std::vector<std::uint8_t>& out, BytesView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

AddressTokens::Secret AddressTokens::derive_secret(const std::array<std::uint8_t, 32>& from) {
  constexpr std::string_view kPurpose = "echostream address tokens";
  Secret secret;
  const int done = HKDF(secret.data(), secret.size(), EVP_sha256(), from.data(), from.size(),
                        nullptr, 0, as_bytes(kPurpose).data(), kPurpose.size());
  ECHOSTREAM_CHECK(done == 1, "deriving needs only memory");
  return secret;
}

bool AddressTokens::is_retry_token(BytesView token) {
  return !token.empty() && token[0] == kRetryKind;
}

std::vector<std::uint8_t> AddressTokens::make_retry_token(WallTime now, const SocketAddress& client,
                                                          const ConnectionId& retry_id,
                                                          const ConnectionId& original_id,
                                                          const Nonce& nonce) const {
  std::vector<std::uint8_t> plain;
  append_time(plain, now);
  append(plain, original_id.view());
  std::vector<std::uint8_t> bound_to = address_bytes(client, true);
  append(bound_to, retry_id.view());
  return seal(kRetryKind, nonce, plain, bound_to);
}

std::optional<ConnectionId> AddressTokens::open_retry_token(WallTime now, BytesView token,
                                                            const SocketAddress& client,
                                                            const ConnectionId& retry_id) const {
  std::vector<std::uint8_t> bound_to = address_bytes(client, true);
  append(bound_to, retry_id.view());
  const auto plain = open(kRetryKind, token, bound_to);
  if (!plain || plain->size() < 8 || plain->size() > 8 + ConnectionId::kMostBytes) {
    return std::nullopt;
  }
  if (!is_fresh(*plain, now, kRetryLifetime)) return std::nullopt;
  return ConnectionId(BytesView(*plain).subspan(8));
}

std::vector<std::uint8_t> AddressTokens::make_new_token(WallTime now, const SocketAddress& client,
                                                        const Nonce& nonce) const {
  std::vector<std::uint8_t> plain;
  append_time(plain, now);
  return seal(kNewTokenKind, nonce, plain, address_bytes(client, false));
}

bool AddressTokens::check_new_token(WallTime now, BytesView token,
                                    const SocketAddress& client) const {
  const auto plain = open(kNewTokenKind, token, address_bytes(client, false));
  return plain && plain->size() == 8 && is_fresh(*plain, now, kNewTokenLifetime);
}

ResetToken AddressTokens::reset_token(const ConnectionId& id) const {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  HMAC(EVP_sha256(), reset_key().data(), reset_key().size(), id.view().data(), id.view().size(),
       digest.data(), &size);
  ResetToken token;
  std::copy_n(digest.begin(), token.size(), token.begin());
  return token;
}

std::vector<std::uint8_t> AddressTokens::seal(std::uint8_t kind, const Nonce& nonce,
                                              BytesView plain, BytesView bound_to) const {
  std::vector<std::uint8_t> token(1 + kNonceBytes + plain.size() + kTagBytes);
  token[0] = kind;
  std::copy(nonce.begin(), nonce.end(), token.begin() + 1);
  bssl::ScopedEVP_AEAD_CTX key;
  std::size_t size = 0;
  const bool done =
      EVP_AEAD_CTX_init(key.get(), EVP_aead_aes_128_gcm(), token_key().data(), token_key().size(),
                        kTagBytes, nullptr) == 1 &&
      EVP_AEAD_CTX_seal(key.get(), token.data() + 1 + kNonceBytes, &size, plain.size() + kTagBytes,
                        nonce.data(), nonce.size(), plain.data(), plain.size(), bound_to.data(),
                        bound_to.size()) == 1;
  ECHOSTREAM_CHECK(done, "sealing needs only memory");
  return token;
}

std::optional<std::vector<std::uint8_t>> AddressTokens::open(std::uint8_t kind, BytesView token,
                                                             BytesView bound_to) const {
  if (token.size() < 1 + kNonceBytes + kTagBytes || token[0] != kind) return std::nullopt;
  const BytesView nonce = token.subspan(1, kNonceBytes);
  const BytesView sealed = token.subspan(1 + kNonceBytes);
  std::vector<std::uint8_t> plain(sealed.size());
  bssl::ScopedEVP_AEAD_CTX key;
  std::size_t size = 0;
  if (EVP_AEAD_CTX_init(key.get(), EVP_aead_aes_128_gcm(), token_key().data(), token_key().size(),
                        kTagBytes, nullptr) != 1 ||
      EVP_AEAD_CTX_open(key.get(), plain.data(), &size, plain.size(), nonce.data(), nonce.size(),
                        sealed.data(), sealed.size(), bound_to.data(), bound_to.size()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  plain.resize(size);
  return plain;
}

}  // namespace echostream::transport
