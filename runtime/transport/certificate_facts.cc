#include "runtime/transport/certificate_facts.h"

#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "runtime/transport/certificate.h"
#include "runtime/transport/certificate_names.h"
#include "runtime/transport/pem.h"
#include "runtime/transport/tls_error.h"

namespace echostream::transport {
namespace {

std::string curve_name(const EC_KEY* key) {
  switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(key))) {
    case NID_X9_62_prime256v1:
      return "ECDSA P-256";
    case NID_secp384r1:
      return "ECDSA P-384";
    case NID_secp521r1:
      return "ECDSA P-521";
    default:
      return "ECDSA on another curve";
  }
}

std::string key_of(X509* certificate) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  if (!key) return "of an unknown kind";
  switch (EVP_PKEY_id(key.get())) {
    case EVP_PKEY_EC:
      return curve_name(EVP_PKEY_get0_EC_KEY(key.get()));
    case EVP_PKEY_RSA:
      return "RSA " + std::to_string(RSA_bits(EVP_PKEY_get0_RSA(key.get()))) + " bits";
    case EVP_PKEY_ED25519:
      return "Ed25519";
    default:
      return "of an unknown kind";
  }
}

CertificateFacts facts_of(CRYPTO_BUFFER* buffer, X509* certificate) {
  CertificateFacts facts{describe_peer(buffer, Trust::Mode::kInsecure), {}, {}, {}};
  facts.subject = subject_for_person(certificate);
  facts.issuer = issuer_for_person(certificate);
  facts.key = key_of(certificate);
  facts.is_self_issued =
      X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
  facts.is_authority = X509_check_ca(certificate) == 1;
  // All bits are set when there is no such extension.
  const std::uint32_t usage = X509_get_extended_key_usage(certificate);
  facts.may_serve = (usage & XKU_SSL_SERVER) != 0;
  facts.may_dial = (usage & XKU_SSL_CLIENT) != 0;
  return facts;
}

}  // namespace

Result<std::vector<CertificateFacts>> describe_certificates(std::string_view pem,
                                                            const std::string& what) {
  auto buffers = read_pem_certificates(pem, what, kMaxAuthoritiesPemBytes);
  if (!buffers) return buffers.error();
  std::vector<CertificateFacts> facts;
  for (const auto& buffer : *buffers) {
    const bssl::UniquePtr<X509> certificate = parse_certificate(buffer.get());
    if (!certificate) {
      return Status(StatusCode::kInvalidArgument, what + ": certificate " +
                                                      std::to_string(facts.size() + 1) +
                                                      " cannot be read (" + take_tls_error() + ")");
    }
    facts.push_back(facts_of(buffer.get(), certificate.get()));
  }
  ERR_clear_error();
  return facts;
}

Result<std::string> read_certificate_file(const std::string& path) {
  return read_small_file(path, kMaxAuthoritiesPemBytes);
}

}  // namespace echostream::transport
