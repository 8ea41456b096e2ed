// Judges a peer's certificate chain, against CAs or against pinned fingerprints, and says in a
// person's words why it was refused. Knows no connection.
#pragma once

#include <openssl/base.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/security.h"

namespace echostream::transport {

/// What came of a check.
struct Verdict {
  /// kUnauthenticated when the peer is refused.
  Status status;
  /// The TLS alert to send then (SSL_AD_*).
  std::uint8_t alert = 0;
};

struct ChainQuery {
  /// DER, the leaf first; never empty.
  std::vector<CRYPTO_BUFFER*> chain;
  bool peer_is_server = false;
  /// The host name or numeric address that the peer's certificate must be for; used for servers.
  std::string server_name;
  WallTime now{};
};

/// CA certificates, indexed once for all connections that trust them.
class CertificateAuthorities {
 public:
  static Result<CertificateAuthorities> make(std::string_view pem);
  /// The chain leads to one of the CAs, every certificate in it is valid now and used as it may be,
  /// and a server's is for the name that was dialled.
  Verdict check(const ChainQuery& query) const;

 private:
  CertificateAuthorities() = default;
  bssl::UniquePtr<X509_STORE> store_;
  std::size_t count_ = 0;
};

Verdict check_pinned(const Fingerprint& peer, const std::vector<Fingerprint>& pinned);

}  // namespace echostream::transport
