// The names in an X.509 certificate, as data to decide by: each whole and well-formed, or left out.
#pragma once

#include <openssl/base.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include <string>
#include <vector>

#include "echostream/peer_identity.h"

namespace echostream::transport {

/// Of the subject's alternative names, in lower case; "*.example.com" is one.
std::vector<std::string> dns_names_of(const X509* certificate);

/// Without any names when the bytes are not a certificate, which a pinned peer's need not be.
PeerIdentity describe_peer(CRYPTO_BUFFER* leaf, Trust::Mode verified_by);

}  // namespace echostream::transport
