// Makes a key and a certificate for it that nobody else signed: peers trust it by its fingerprint.
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "echostream/security.h"

#include "runtime/transport/certificate.h"
#include "runtime/transport/host_name.h"
#include "runtime/transport/identity_impl.h"
#include "runtime/transport/steady_signature.h"
#include "runtime/transport/tls_error.h"

namespace echostream {
namespace {

using transport::NumericAddress;

// RFC 5280 appendix A: ub-common-name.
constexpr std::size_t kMaxCommonName = 64;
// RFC 5280 4.1.2.2 allows 20 octets; 64 random bits are asked for.
constexpr std::size_t kSerialBytes = 16;
// Clocks of peers differ, and devices without a battery start in the past.
constexpr std::int64_t kBackdateSeconds = 86'400;

// Only without memory.
Status cannot_build() {
  return {StatusCode::kInternal,
          "BoringSSL cannot build a certificate (" + transport::take_tls_error() + ")"};
}

Status check_name(std::string_view name) {
  const auto bad = [](const std::string& why) {
    return Status(StatusCode::kInvalidArgument, "no certificate can be made for this name: " + why);
  };
  if (name.empty()) return bad("it is empty");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return bad("it has control characters");
  }
  if (!transport::is_host_name(name) && name.size() > kMaxCommonName) {
    return bad("it is no host name, and as a label it is longer than " +
               std::to_string(kMaxCommonName) + " bytes");
  }
  return Status::ok();
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

// A common name is short; that of a long host name is only its first label, for the whole name
// stands in the subjectAltName.
bool set_names(X509* certificate, std::string_view name) {
  const std::string_view common_name =
      name.size() <= kMaxCommonName ? name : name.substr(0, name.find('.'));
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const std::uint8_t*>(common_name.data()),
                                    static_cast<ossl_ssize_t>(common_name.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

bool set_validity(X509* certificate, WallTime now, Duration validity) {
  const std::int64_t start = transport::unix_seconds(now);
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

bool add_subject_alt_names(X509* certificate, std::string_view name) {
  const bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  if (!names) return false;
  if (const auto address = NumericAddress::parse(name)) {
    if (!add_host(names.get(), GEN_IPADD, address->bytes())) return false;
  } else if (transport::is_host_name(name)) {
    const std::string_view host = transport::without_root_dot(name);
    if (!add_host(names.get(), GEN_DNS, as_bytes(host))) return false;
    if (host == "localhost") {
      for (const char* loopback : {"127.0.0.1", "::1"}) {
        const auto bytes = NumericAddress::parse(loopback);
        if (!bytes || !add_host(names.get(), GEN_IPADD, bytes->bytes())) return false;
      }
    }
  } else {
    return true;  // A label for people only.
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

bool add_usage(X509* certificate) {
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  const bssl::UniquePtr<ASN1_BIT_STRING> key_usage(ASN1_BIT_STRING_new());
  const bssl::UniquePtr<EXTENDED_KEY_USAGE> extended(EXTENDED_KEY_USAGE_new());
  if (!constraints || !key_usage || !extended) return false;
  constraints->ca = ASN1_BOOLEAN_FALSE;
  constexpr int kDigitalSignatureBit = 0;  // RFC 5280 4.2.1.3
  if (ASN1_BIT_STRING_set_bit(key_usage.get(), kDigitalSignatureBit, 1) != 1) return false;
  for (const int usage : {NID_server_auth, NID_client_auth}) {
    // Objects of the built-in table are not freed with the stack.
    if (sk_ASN1_OBJECT_push(extended.get(), OBJ_nid2obj(usage)) == 0) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints.get(), 1, 0) == 1 &&
         X509_add1_ext_i2d(certificate, NID_key_usage, key_usage.get(), 1, 0) == 1 &&
         X509_add1_ext_i2d(certificate, NID_ext_key_usage, extended.get(), 0, 0) == 1;
}

bssl::UniquePtr<CRYPTO_BUFFER> to_buffer(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  const bssl::UniquePtr<std::uint8_t> owned(der);
  if (size <= 0) return nullptr;
  return bssl::UniquePtr<CRYPTO_BUFFER>(
      CRYPTO_BUFFER_new(der, static_cast<std::size_t>(size), nullptr));
}

}  // namespace

Result<Identity> Identity::self_signed(std::string_view name, WallTime now, Duration validity) {
  if (Status status = check_name(name); !status.is_ok()) return status;
  if (validity <= Duration::zero()) {
    return Status(StatusCode::kInvalidArgument, "a certificate's validity must be positive");
  }
  bssl::UniquePtr<EVP_PKEY> key = make_p256_key();
  const bssl::UniquePtr<X509> certificate(X509_new());
  if (!key || !certificate) return cannot_build();
  if (!set_names(certificate.get(), name)) {
    return Status(StatusCode::kInvalidArgument, "no certificate can be made for this name (" +
                                                    transport::take_tls_error() +
                                                    "): is it UTF-8?");
  }
  if (X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !set_random_serial(certificate.get()) || !set_validity(certificate.get(), now, validity) ||
      X509_set_pubkey(certificate.get(), key.get()) != 1 || !add_usage(certificate.get()) ||
      !add_subject_alt_names(certificate.get(), name) ||
      !transport::sign_steadily(certificate.get(), key.get())) {
    return cannot_build();
  }
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  chain.push_back(to_buffer(certificate.get()));
  if (!chain.front()) return cannot_build();
  const Fingerprint fingerprint = transport::fingerprint_of(chain.front().get());
  return Identity(
      std::make_shared<const Impl>(Impl{std::move(chain), std::move(key), fingerprint}));
}

}  // namespace echostream
