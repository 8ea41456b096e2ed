// Makes keys, and certificates for them: signed by themselves, or by an authority whose key is
// here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/security.h"

namespace echostream::transport {

struct CertificateRequest {
  /// UTF-8, at most 64 bytes; for people.
  std::string common_name;
  /// Host names (also "*.example.com") and numeric addresses that it is for; none is fine.
  std::vector<std::string> hosts;
  /// One that signs others (CA:TRUE) and is shown by nobody.
  bool is_authority = false;
  WallTime now{};
  /// From `now`; certificates begin a day earlier.
  Duration validity{};
};

/// What CertificateRequest::hosts may hold: a host name, "*." before one, a numeric address.
bool is_certificate_host(std::string_view text);

/// Each of such hosts once, however it is spelt: "::1" is "0:0:0:0:0:0:0:1", and letters' case is
/// none. What is no such host stays.
std::vector<std::string> distinct_hosts(const std::vector<std::string>& hosts);

/// A new ECDSA P-256 key with a certificate. Without an `issuer` it is self-signed; otherwise its
/// chain has the issuer's certificates behind it, up to the root, which peers have themselves.
/// INVALID_ARGUMENT: a name or the validity cannot be, or the issuer is no authority.
Result<Identity> issue_certificate(const CertificateRequest& request,
                                   const Identity* issuer = nullptr);

}  // namespace echostream::transport
