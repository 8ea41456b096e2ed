// The judgement of the peer's certificate in one connection's handshake, and the SSL object that
// asks for it.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

#include "echostream/base/status.h"
#include "echostream/base/time.h"
#include "echostream/peer_identity.h"
#include "echostream/security.h"

#include "runtime/transport/peer_name.h"
#include "runtime/transport/tls_context.h"

namespace echostream::transport {

/// Filled by the handshake. Must outlive the SSL object.
struct PeerCheck {
  /// Client: the name that was dialled, a host name or a numeric address without port. Empty on a
  /// server.
  std::string server_name;
  /// Client: as whom the peer is or will be known, for Trust::known_peers().
  PeerName peer_name{};
  /// The time of day that certificates are judged by.
  WallTime now{};
  /// Why the peer's certificate was refused (kUnauthenticated, for a person to read); OK until
  /// then.
  Status verdict;
  /// Of the peer's leaf certificate, once it has shown one.
  std::optional<Fingerprint> peer_fingerprint;
  /// Who it is, once it was accepted.
  std::optional<PeerIdentity> identity;
};

/// An SSL object of this context with ALPN, SNI (client, host names only) and the certificate check
/// set up: the handshake calls back into `check`. The caller adds the QUIC method and parameters.
bssl::UniquePtr<SSL> make_ssl(TlsContext& context, PeerCheck& check);

/// What the certificates that the peer showed in that session are worth now. Asked before a client
/// offers to resume it: the handshake would fail where a full one may succeed.
Status judge_session(const TlsContext& context, const PeerCheck& check, const SSL_SESSION& session);

}  // namespace echostream::transport
