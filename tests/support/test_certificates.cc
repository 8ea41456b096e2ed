#include "tests/support/test_certificates.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <array>

#include "echostream/base/check.h"

namespace echostream::testing {
namespace {

void require(bool condition) { ECHOSTREAM_CHECK(condition, "making a certificate for a test"); }

std::shared_ptr<EVP_PKEY> generate(int type, int rsa_bits, int curve) {
  EVP_PKEY* key = nullptr;
  const bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(type, nullptr));
  require(context && EVP_PKEY_keygen_init(context.get()) == 1);
  if (type == EVP_PKEY_RSA) require(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), rsa_bits) == 1);
  if (type == EVP_PKEY_EC) {
    require(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), curve) == 1);
  }
  require(EVP_PKEY_keygen(context.get(), &key) == 1);
  return {key, EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> generate(KeyKind kind) {
  switch (kind) {
    case KeyKind::kP256:
      return generate(EVP_PKEY_EC, 0, NID_X9_62_prime256v1);
    case KeyKind::kP384:
      return generate(EVP_PKEY_EC, 0, NID_secp384r1);
    case KeyKind::kP521:
      return generate(EVP_PKEY_EC, 0, NID_secp521r1);
    case KeyKind::kRsa1024:
      return generate(EVP_PKEY_RSA, 1024, 0);
    case KeyKind::kRsa2048:
      return generate(EVP_PKEY_RSA, 2048, 0);
    case KeyKind::kEd25519:
      return generate(EVP_PKEY_ED25519, 0, 0);
  }
  return nullptr;
}

std::int64_t seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

void set_subject(X509* certificate, const std::string& common_name) {
  require(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                     MBSTRING_UTF8,
                                     reinterpret_cast<const std::uint8_t*>(common_name.data()),
                                     static_cast<ossl_ssize_t>(common_name.size()), -1, 0) == 1);
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_extensions(X509* certificate, const CertificateSpec& spec) {
  std::string constraints = spec.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
  if (spec.path_length) constraints += ",pathlen:" + std::to_string(*spec.path_length);
  add_extension(certificate, NID_basic_constraints, constraints);
  const std::string issuing = spec.is_ca ? ",keyCertSign,cRLSign" : "";
  add_extension(certificate, NID_key_usage,
                "critical" + issuing + (spec.may_sign ? ",digitalSignature" : ""));
  if (!spec.is_ca) {
    std::string usage = spec.for_server ? "serverAuth" : "";
    if (spec.for_client) usage += usage.empty() ? "clientAuth" : ",clientAuth";
    add_extension(certificate, NID_ext_key_usage, usage.empty() ? "emailProtection" : usage);
  }
  std::string names;
  const auto add_names = [&names](const std::string& kind, const std::vector<std::string>& list) {
    for (const std::string& name : list) names += (names.empty() ? "" : ",") + kind + ":" + name;
  };
  add_names("DNS", spec.dns_names);
  add_names("IP", spec.ip_addresses);
  add_names("URI", spec.uris);
  add_names("email", spec.email_addresses);
  if (!names.empty()) add_extension(certificate, NID_subject_alt_name, names);
}

void set_serial(X509* certificate) {
  std::array<std::uint8_t, 8> bytes{};
  RAND_bytes(bytes.data(), bytes.size());
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x3f) | 0x40);
  const bssl::UniquePtr<BIGNUM> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

template <class Write>
std::string to_text(Write write) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  require(bio && write(bio.get()) == 1);
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  require(BIO_mem_contents(bio.get(), &data, &size) == 1);
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

TestCertificate TestCertificate::make(const CertificateSpec& spec, const TestCertificate* issuer) {
  std::shared_ptr<EVP_PKEY> key = generate(spec.key);
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509* raw = certificate.get();
  require(X509_set_version(raw, X509_VERSION_3) == 1);
  set_serial(raw);
  set_subject(raw, spec.common_name);
  X509* issuer_certificate = issuer == nullptr ? raw : issuer->certificate_.get();
  EVP_PKEY* issuer_key = issuer == nullptr ? key.get() : issuer->key_.get();
  require(X509_set_issuer_name(raw, X509_get_subject_name(issuer_certificate)) == 1);
  require(ASN1_TIME_set_posix(X509_getm_notBefore(raw), seconds(spec.not_before)) != nullptr);
  require(ASN1_TIME_set_posix(X509_getm_notAfter(raw), seconds(spec.not_after)) != nullptr);
  require(X509_set_pubkey(raw, key.get()) == 1);
  add_extensions(raw, spec);
  // Ed25519 hashes by itself.
  const EVP_MD* digest = EVP_PKEY_id(issuer_key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  require(X509_sign(raw, issuer_key, digest) != 0);
  return TestCertificate(std::move(certificate), std::move(key));
}

TestCertificate TestCertificate::self_signed(const CertificateSpec& spec) {
  return make(spec, nullptr);
}

TestCertificate TestCertificate::issue(const CertificateSpec& spec) const {
  return make(spec, this);
}

std::string TestCertificate::certificate_pem() const {
  return to_text([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate_.get()); });
}

std::string TestCertificate::private_key_pem() const {
  return to_text([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string TestCertificate::traditional_private_key_pem() const {
  return to_text([&](BIO* bio) {
    if (EVP_PKEY_id(key_.get()) == EVP_PKEY_RSA) {
      return PEM_write_bio_RSAPrivateKey(bio, EVP_PKEY_get0_RSA(key_.get()), nullptr, nullptr, 0,
                                         nullptr, nullptr);
    }
    return PEM_write_bio_ECPrivateKey(bio, EVP_PKEY_get0_EC_KEY(key_.get()), nullptr, nullptr, 0,
                                      nullptr, nullptr);
  });
}

std::string TestCertificate::encrypted_private_key_pem(std::string passphrase) const {
  return to_text([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), EVP_aes_256_cbc(), passphrase.data(),
                                         static_cast<int>(passphrase.size()), nullptr, nullptr);
  });
}

Identity TestCertificate::identity(const std::vector<TestCertificate>& intermediates) const {
  std::string chain = certificate_pem();
  for (const TestCertificate& intermediate : intermediates) chain += intermediate.certificate_pem();
  return Identity::from_pem(chain, private_key_pem()).value();
}

}  // namespace echostream::testing
