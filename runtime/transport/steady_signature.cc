#include "runtime/transport/steady_signature.h"

#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>

#include "runtime/transport/tls_context_impl.h"

namespace echostream::transport {
namespace {

// Exactly one of the two numbers needs a leading zero byte: half of all signatures.
constexpr std::size_t kUsualBytes = 71;
// Not reached once in 2^64 handshakes; a signature of another length is as good.
constexpr int kMostTries = 64;

bool sign_once(EVP_PKEY* key, std::uint8_t* out, std::size_t* out_size, std::size_t most,
               const std::uint8_t* in, std::size_t in_size) {
  bssl::ScopedEVP_MD_CTX context;
  *out_size = most;
  return EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestSign(context.get(), out, out_size, in, in_size) == 1;
}

ssl_private_key_result_t sign(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t most,
                              std::uint16_t, const std::uint8_t* in, std::size_t in_size) {
  EVP_PKEY* key = signing_key_of(ssl);
  for (int i = 0; i < kMostTries; ++i) {
    if (!sign_once(key, out, out_size, most, in, in_size)) return ssl_private_key_failure;
    if (*out_size == kUsualBytes) break;
  }
  return ssl_private_key_success;
}

// TLS 1.3 has no RSA key exchange.
ssl_private_key_result_t decrypt(SSL*, std::uint8_t*, std::size_t*, std::size_t,
                                 const std::uint8_t*, std::size_t) {
  return ssl_private_key_failure;
}

// Signing is never put off.
ssl_private_key_result_t complete(SSL*, std::uint8_t*, std::size_t*, std::size_t) {
  return ssl_private_key_failure;
}

}  // namespace

const SSL_PRIVATE_KEY_METHOD kSteadySignatureMethod = {sign, decrypt, complete};

bool has_steady_signatures(const EVP_PKEY* key) {
  // Asking another kind of key for its EC_KEY would leave an error in the queue.
  if (EVP_PKEY_id(key) != EVP_PKEY_EC) return false;
  const EC_KEY* ec_key = EVP_PKEY_get0_EC_KEY(key);
  return EC_GROUP_get_curve_name(EC_KEY_get0_group(ec_key)) == NID_X9_62_prime256v1;
}

bool sign_steadily(X509* certificate, EVP_PKEY* key) {
  for (int i = 0; i < kMostTries; ++i) {
    if (X509_sign(certificate, key, EVP_sha256()) == 0) return false;
    const ASN1_BIT_STRING* signature = nullptr;
    X509_get0_signature(&signature, nullptr, certificate);
    if (ASN1_STRING_length(signature) == static_cast<int>(kUsualBytes)) break;
  }
  return true;
}

}  // namespace echostream::transport
