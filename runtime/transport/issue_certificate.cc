#include "runtime/transport/issue_certificate.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "runtime/transport/certificate.h"
#include "runtime/transport/host_name.h"
#include "runtime/transport/identity_impl.h"
#include "runtime/transport/steady_signature.h"
#include "runtime/transport/tls_error.h"

namespace echostream::transport {
namespace {

// RFC 5280 4.1.2.2 allows 20 octets; 64 random bits are asked for.
constexpr std::size_t kSerialBytes = 16;
// Clocks of peers differ, and devices without a battery start in the past.
constexpr std::int64_t kBackdateSeconds = 86'400;

// Only without memory.
Status cannot_build() {
  return {StatusCode::kInternal, "BoringSSL cannot build a certificate (" + take_tls_error() + ")"};
}

bssl::UniquePtr<EVP_PKEY> make_p256_key() {
  const bssl::UniquePtr<EC_KEY> ec_key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!ec_key || !key || EC_KEY_generate_key(ec_key.get()) != 1 ||
      EVP_PKEY_set1_EC_KEY(key.get(), ec_key.get()) != 1) {
    return nullptr;
  }
  return key;
}

bool set_random_serial(X509* certificate) {
  std::uint8_t bytes[kSerialBytes];
  RAND_bytes(bytes, sizeof bytes);
  // A positive number that takes all the bytes.
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x7f) | 0x40);
  const bssl::UniquePtr<BIGNUM> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_names(X509* certificate, std::string_view common_name, const X509* issuer) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const std::uint8_t*>(common_name.data()),
                                    static_cast<ossl_ssize_t>(common_name.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate,
                              issuer != nullptr ? X509_get_subject_name(issuer) : subject) == 1;
}

bool set_validity(X509* certificate, WallTime now, Duration validity) {
  const std::int64_t start = unix_seconds(now);
  const std::int64_t length = std::chrono::ceil<std::chrono::seconds>(validity).count();
  return ASN1_TIME_set_posix(X509_getm_notBefore(certificate), start - kBackdateSeconds) !=
             nullptr &&
         ASN1_TIME_set_posix(X509_getm_notAfter(certificate), start + length) != nullptr;
}

bool add_host(GENERAL_NAMES* names, int type, BytesView bytes) {
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  bssl::UniquePtr<ASN1_STRING> value(
      ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING));
  if (!name || !value ||
      ASN1_STRING_set(value.get(), bytes.data(), static_cast<ossl_ssize_t>(bytes.size())) != 1) {
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), type, value.release());
  return bssl::PushToStack(names, std::move(name));
}

bool add_subject_alt_names(X509* certificate, const std::vector<std::string>& hosts) {
  if (hosts.empty()) return true;
  const bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  if (!names) return false;
  for (const std::string& host : hosts) {
    const auto address = NumericAddress::parse(host);
    const bool is_added = address
                              ? add_host(names.get(), GEN_IPADD, address->bytes())
                              : add_host(names.get(), GEN_DNS, as_bytes(without_root_dot(host)));
    if (!is_added) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

// RFC 5280 4.2.1.3 and 4.2.1.9: what the key may be used for.
bool add_usage(X509* certificate, bool is_authority) {
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  const bssl::UniquePtr<ASN1_BIT_STRING> key_usage(ASN1_BIT_STRING_new());
  if (!constraints || !key_usage) return false;
  constraints->ca = is_authority ? ASN1_BOOLEAN_TRUE : ASN1_BOOLEAN_FALSE;
  constexpr int kDigitalSignatureBit = 0;
  constexpr int kKeyCertSignBit = 5;
  const int bit = is_authority ? kKeyCertSignBit : kDigitalSignatureBit;
  return ASN1_BIT_STRING_set_bit(key_usage.get(), bit, 1) == 1 &&
         X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints.get(), 1, 0) == 1 &&
         X509_add1_ext_i2d(certificate, NID_key_usage, key_usage.get(), 1, 0) == 1;
}

bool add_tls_usage(X509* certificate) {
  const bssl::UniquePtr<EXTENDED_KEY_USAGE> extended(EXTENDED_KEY_USAGE_new());
  if (!extended) return false;
  for (const int usage : {NID_server_auth, NID_client_auth}) {
    // Objects of the built-in table are not freed with the stack.
    if (sk_ASN1_OBJECT_push(extended.get(), OBJ_nid2obj(usage)) == 0) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_ext_key_usage, extended.get(), 0, 0) == 1;
}

// RFC 5280 4.2.1.2, method (1): by which a chain is put together when several authorities have one
// name.
bssl::UniquePtr<ASN1_OCTET_STRING> key_identifier(const X509* certificate) {
  std::uint8_t digest[SHA_DIGEST_LENGTH];
  unsigned size = 0;
  bssl::UniquePtr<ASN1_OCTET_STRING> identifier(ASN1_OCTET_STRING_new());
  if (!identifier || X509_pubkey_digest(certificate, EVP_sha1(), digest, &size) != 1 ||
      ASN1_STRING_set(identifier.get(), digest, static_cast<ossl_ssize_t>(size)) != 1) {
    return nullptr;
  }
  return identifier;
}

bool add_key_identifier(X509* certificate) {
  const auto identifier = key_identifier(certificate);
  return identifier != nullptr &&
         X509_add1_ext_i2d(certificate, NID_subject_key_identifier, identifier.get(), 0, 0) == 1;
}

// Taken over from the issuer as it is there, since any bytes may be its identifier.
bool add_authority_identifier(X509* certificate, const X509* issuer) {
  bssl::UniquePtr<ASN1_OCTET_STRING> identifier(static_cast<ASN1_OCTET_STRING*>(
      X509_get_ext_d2i(issuer, NID_subject_key_identifier, nullptr, nullptr)));
  if (!identifier) return true;
  const bssl::UniquePtr<AUTHORITY_KEYID> authority(AUTHORITY_KEYID_new());
  if (!authority) return false;
  authority->keyid = identifier.release();
  return X509_add1_ext_i2d(certificate, NID_authority_key_identifier, authority.get(), 0, 0) == 1;
}

bssl::UniquePtr<CRYPTO_BUFFER> to_buffer(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  const bssl::UniquePtr<std::uint8_t> owned(der);
  if (size <= 0) return nullptr;
  return bssl::UniquePtr<CRYPTO_BUFFER>(
      CRYPTO_BUFFER_new(der, static_cast<std::size_t>(size), nullptr));
}

bool is_root(CRYPTO_BUFFER* certificate) {
  const bssl::UniquePtr<X509> parsed = parse_certificate(certificate);
  return parsed && X509_NAME_cmp(X509_get_subject_name(parsed.get()),
                                 X509_get_issuer_name(parsed.get())) == 0;
}

Status check_request(const CertificateRequest& request) {
  if (request.validity <= Duration::zero()) {
    return {StatusCode::kInvalidArgument, "a certificate's validity must be positive"};
  }
  for (const std::string& host : request.hosts) {
    if (is_certificate_host(host)) continue;
    return {StatusCode::kInvalidArgument,
            "'" + host + "' is neither a host name nor a numeric address"};
  }
  return Status::ok();
}

Result<bssl::UniquePtr<X509>> authority_of(const Identity& issuer) {
  bssl::UniquePtr<X509> certificate = parse_certificate(issuer.impl().chain.front().get());
  if (!certificate) return cannot_build();
  if (X509_check_ca(certificate.get()) == 1) return certificate;
  return Status(StatusCode::kInvalidArgument,
                "'" + subject_for_person(certificate.get()) +
                    "' cannot sign certificates: it is not an authority's (CA:TRUE)");
}

bool fill(X509* certificate, EVP_PKEY* key, const CertificateRequest& request, const X509* issuer) {
  const bool is_self_signed_leaf = issuer == nullptr && !request.is_authority;
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_random_serial(certificate) &&
         set_validity(certificate, request.now, request.validity) &&
         X509_set_pubkey(certificate, key) == 1 && add_usage(certificate, request.is_authority) &&
         (request.is_authority || add_tls_usage(certificate)) &&
         add_subject_alt_names(certificate, request.hosts) &&
         (is_self_signed_leaf || add_key_identifier(certificate)) &&
         (issuer == nullptr || add_authority_identifier(certificate, issuer));
}

}  // namespace

std::vector<std::string> distinct_hosts(const std::vector<std::string>& hosts) {
  std::set<std::pair<bool, std::string>> seen;
  std::vector<std::string> distinct;
  for (const std::string& host : hosts) {
    const auto address = NumericAddress::parse(host);
    std::string key(address ? as_text(address->bytes()) : without_root_dot(host));
    if (!address) {
      std::transform(key.begin(), key.end(), key.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
    }
    if (seen.emplace(address.has_value(), std::move(key)).second) distinct.push_back(host);
  }
  return distinct;
}

bool is_certificate_host(std::string_view text) {
  return NumericAddress::parse(text).has_value() ||
         is_host_name(text.starts_with("*.") ? text.substr(2) : text);
}

Result<Identity> issue_certificate(const CertificateRequest& request, const Identity* issuer) {
  if (Status status = check_request(request); !status.is_ok()) return status;
  bssl::UniquePtr<X509> authority;
  if (issuer != nullptr) {
    auto found = authority_of(*issuer);
    if (!found) return found.error();
    authority = *std::move(found);
  }
  bssl::UniquePtr<EVP_PKEY> key = make_p256_key();
  const bssl::UniquePtr<X509> certificate(X509_new());
  if (!key || !certificate) return cannot_build();
  if (!set_names(certificate.get(), request.common_name, authority.get())) {
    return Status(StatusCode::kInvalidArgument, "no certificate can be made for this name (" +
                                                    take_tls_error() + "): is it UTF-8?");
  }
  EVP_PKEY* signer = issuer != nullptr ? issuer->impl().private_key.get() : key.get();
  if (!fill(certificate.get(), key.get(), request, authority.get()) ||
      !sign_steadily(certificate.get(), signer)) {
    return cannot_build();
  }
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  chain.push_back(to_buffer(certificate.get()));
  if (!chain.front()) return cannot_build();
  if (issuer != nullptr) {
    for (const auto& above : issuer->impl().chain) {
      if (!is_root(above.get())) chain.push_back(bssl::UpRef(above));
    }
  }
  const Fingerprint fingerprint = fingerprint_of(chain.front().get());
  return Identity(std::make_shared<const Identity::Impl>(
      Identity::Impl{std::move(chain), std::move(key), fingerprint}));
}

}  // namespace echostream::transport
