#include <openssl/pem.h>

#include <cstdlib>

#include "echostream/security.h"

#include "runtime/transport/pem.h"

namespace echostream {
namespace {

const char kAuthoritiesName[] = "the list of CA certificates";

// Where systems keep their bundle, most common first.
constexpr const char* kSystemBundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // CentOS, RHEL
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",                                  // Alpine, macOS, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD
};

// Only the certificates of the text: what else stands in the file must not travel with a Trust.
std::string certificates_only(const std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>& certificates) {
  std::string text;
  for (const auto& certificate : certificates) {
    text += transport::write_pem(PEM_STRING_X509, {CRYPTO_BUFFER_data(certificate.get()),
                                                   CRYPTO_BUFFER_len(certificate.get())});
  }
  return text;
}

}  // namespace

Trust Trust::pinned(std::vector<Fingerprint> fingerprints) {
  Trust trust(Mode::kPinned);
  trust.fingerprints_ = std::move(fingerprints);
  return trust;
}

Result<Trust> Trust::certificate_authorities(std::string_view pem) {
  auto certificates =
      transport::read_pem_certificates(pem, kAuthoritiesName, transport::kMaxAuthoritiesPemBytes);
  if (!certificates) return std::move(certificates).error();
  Trust trust(Mode::kAuthorities);
  trust.authorities_pem_ = std::make_shared<const std::string>(certificates_only(*certificates));
  return trust;
}

Result<Trust> Trust::certificate_authorities_file(const std::string& path) {
  auto text = transport::read_small_file(path, transport::kMaxAuthoritiesPemBytes);
  if (!text) return text.error().with_context(kAuthoritiesName);
  auto trust = certificate_authorities(*text);
  if (trust) return trust;
  return trust.error().with_context("'" + path + "'");
}

Result<Trust> Trust::system() {
  // The variable that OpenSSL and most other libraries follow.
  const char* chosen = std::getenv("SSL_CERT_FILE");
  if (chosen != nullptr && *chosen != '\0') {
    auto trust = certificate_authorities_file(chosen);
    if (trust) return trust;
    return Status(StatusCode::kUnavailable,
                  "SSL_CERT_FILE: " + std::string(trust.error().message()));
  }
  std::string tried;
  for (const char* path : kSystemBundles) {
    auto trust = certificate_authorities_file(path);
    if (trust) return trust;
    if (trust.error().code() != StatusCode::kNotFound) {
      tried += "; " + std::string(trust.error().message());
    }
  }
  return Status(StatusCode::kUnavailable,
                "this system has no CA certificates where they usually are; install "
                "ca-certificates or set SSL_CERT_FILE" +
                    tried);
}

Trust Trust::known_peers(std::shared_ptr<KnownPeers> peers, FirstUse first_use) {
  Trust trust(Mode::kKnownPeers);
  trust.peers_ = std::move(peers);
  trust.first_use_ = first_use;
  return trust;
}

Trust Trust::insecure_accept_any() { return Trust(Mode::kInsecure); }

const std::string& Trust::authorities_pem() const noexcept {
  static const std::string kNone;
  return authorities_pem_ ? *authorities_pem_ : kNone;
}

}  // namespace echostream
