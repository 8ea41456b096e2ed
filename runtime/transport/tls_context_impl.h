// Inside a TlsContext: the SSL_CTX and what its callbacks need to know. Immutable once made, but
// for the ticket keys, which have a lock: connections on several threads can share it.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "echostream/security.h"

#include "runtime/transport/certificate_check.h"
#include "runtime/transport/identity_chooser.h"
#include "runtime/transport/ticket_keys.h"
#include "runtime/transport/tls_context.h"

namespace echostream::transport {

/// Owned by the SSL_CTX, and so by the connections on it: they may outlive the TlsContext.
struct TlsPolicy {
  bool is_server = false;
  std::optional<Trust> trust;
  /// In mode kAuthorities.
  std::optional<CertificateAuthorities> authorities;
  /// Length-prefixed names as in RFC 7301 3.1, most wanted first.
  std::string alpn;
  std::shared_ptr<KeyLogSink> key_log;
  /// What this side shows, if anything.
  std::optional<IdentityChooser> identities;
  /// Of a server that gives tickets out.
  std::unique_ptr<TicketKeys> ticket_keys;
};

/// The time of day that BoringSSL is to go by while one of these lives on its thread: its callback
/// for the time does not say for which connection it is asked.
class HandshakeTime {
 public:
  explicit HandshakeTime(WallTime now) noexcept;
  ~HandshakeTime();
  HandshakeTime(const HandshakeTime&) = delete;
  HandshakeTime& operator=(const HandshakeTime&) = delete;

 private:
  WallTime before_;
};
/// The epoch when there is none.
WallTime handshake_time() noexcept;

const TlsPolicy& policy_of(const SSL* ssl);
const TlsPolicy& policy_of(const SSL_CTX* context);
/// The key of the identity that this connection shows: signs through kSteadySignatureMethod.
EVP_PKEY* signing_key_of(const SSL* ssl);

struct TlsContext::Impl {
  bssl::UniquePtr<SSL_CTX> ssl_context;
  std::string ticket_scope;
};

/// The callbacks of the certificate check, in peer_check.cc.
/// Judges the peer's certificate, also when the client resumes a session.
ssl_verify_result_t on_verify(SSL* ssl, std::uint8_t* alert);
/// BoringSSL does not call on_verify() when a server resumes a session: judges the certificate that
/// the client showed in the first one. 0 ends the handshake.
int on_server_resumption(const SSL_CLIENT_HELLO* hello);
/// Notices that a client showed no certificate, which never reaches on_verify().
void on_handshake_info(const SSL* ssl, int type, int value);

/// A client's new ticket: goes to the connection's TlsHandshake. In crypto/tls_handshake.cc.
int on_new_session(SSL* ssl, SSL_SESSION* session);

}  // namespace echostream::transport
