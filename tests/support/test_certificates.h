// Certificates for tests, made on the spot: CAs, intermediates and leaves with any names, dates and
// mistakes. Nothing here is fit for real use.
#pragma once

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/security.h"

namespace echostream::testing {

/// 2024-06-01 12:00:00 UTC: "now" in tests of certificates.
inline constexpr WallTime kCertificateTestTime{std::chrono::seconds(1'717'243'200)};

enum class KeyKind : std::uint8_t { kP256, kP384, kP521, kRsa1024, kRsa2048, kEd25519 };

struct CertificateSpec {
  std::string common_name;
  std::vector<std::string> dns_names;
  /// Numeric addresses.
  std::vector<std::string> ip_addresses;
  std::vector<std::string> uris;
  std::vector<std::string> email_addresses;
  WallTime not_before = kCertificateTestTime - std::chrono::hours(24);
  WallTime not_after = kCertificateTestTime + std::chrono::hours(24 * 30);
  bool is_ca = false;
  /// How many CAs may stand below this one.
  std::optional<int> path_length;
  /// Handshakes, by its key usage.
  bool may_sign = true;
  bool for_server = true;
  bool for_client = true;
  KeyKind key = KeyKind::kP256;
};

/// A certificate and its private key. A cheap value.
class TestCertificate {
 public:
  /// Aborts when BoringSSL refuses the spec.
  static TestCertificate self_signed(const CertificateSpec& spec);
  /// Issued by this one, whether it is a CA or not.
  TestCertificate issue(const CertificateSpec& spec) const;

  std::string certificate_pem() const;
  /// PKCS#8.
  std::string private_key_pem() const;
  /// "EC PRIVATE KEY" or "RSA PRIVATE KEY".
  std::string traditional_private_key_pem() const;
  std::string encrypted_private_key_pem(std::string passphrase) const;
  /// With this certificate as leaf, followed by `intermediates`. Aborts when it is not usable.
  Identity identity(const std::vector<TestCertificate>& intermediates = {}) const;

  X509* x509() const { return certificate_.get(); }

 private:
  TestCertificate(std::shared_ptr<X509> certificate, std::shared_ptr<EVP_PKEY> key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  static TestCertificate make(const CertificateSpec& spec, const TestCertificate* issuer);

  std::shared_ptr<X509> certificate_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace echostream::testing
