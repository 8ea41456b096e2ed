// ECDSA signatures of one length. Their DER form has 70 to 72 bytes by chance, which would change
// the sizes of packets, and with them the times at which they arrive, from run to run: a simulation
// could not be repeated. Signing again until the usual length comes costs one signature more on
// average.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace echostream::transport {

/// P-256, the curve of our own identities. Keys of other kinds are signed with as they are.
bool has_steady_signatures(const EVP_PKEY* key);

/// Signs with the private key of the identity that the connection shows.
extern const SSL_PRIVATE_KEY_METHOD kSteadySignatureMethod;

/// X509_sign() with SHA-256 and such a key.
bool sign_steadily(X509* certificate, EVP_PKEY* key);

}  // namespace echostream::transport
