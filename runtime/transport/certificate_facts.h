// What a person who looks at a PEM file wants to know of the certificates in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/peer_identity.h"
#include "echostream/security.h"

namespace echostream::transport {

struct CertificateFacts {
  /// The fingerprint, the names and the validity.
  PeerIdentity identity;
  /// The common names, or the whole names where there are none; made printable.
  std::string subject;
  std::string issuer;
  /// "ECDSA P-256", "RSA 2048 bits".
  std::string key;
  /// It names itself as its issuer.
  bool is_self_issued = false;
  /// It signs others (CA:TRUE).
  bool is_authority = false;
  /// By its extended key usage, or because it has none.
  bool may_serve = false;
  bool may_dial = false;
};

/// In the order of the text. INVALID_ARGUMENT says what is wrong with it; `what` names the text.
Result<std::vector<CertificateFacts>> describe_certificates(std::string_view pem,
                                                            const std::string& what);

/// The text of a file that the user names; the error names it.
Result<std::string> read_certificate_file(const std::string& path);

}  // namespace echostream::transport
