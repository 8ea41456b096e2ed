#include "runtime/plugins/auth_token/crypto.h"

#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/sha.h>

#include "echostream/base/check.h"

namespace echostream::auth_token {

Digest sha256(BytesView bytes) {
  Digest digest;
  SHA256(bytes.data(), bytes.size(), digest.data());
  return digest;
}

Digest hmac_sha256(BytesView key, BytesView bytes) {
  Digest digest;
  unsigned size = 0;
  const bool is_done = HMAC(EVP_sha256(), key.data(), key.size(), bytes.data(), bytes.size(),
                            digest.data(), &size) != nullptr;
  ECHOSTREAM_CHECK(is_done && size == digest.size(), "HMAC-SHA256 fails only without memory");
  return digest;
}

bool equal_in_constant_time(BytesView a, BytesView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace echostream::auth_token
