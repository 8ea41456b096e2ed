#include "runtime/transport/peer_check.h"

#include <openssl/err.h>

#include "runtime/transport/certificate.h"
#include "runtime/transport/certificate_check.h"
#include "runtime/transport/certificate_names.h"
#include "runtime/transport/host_name.h"
#include "runtime/transport/known_peer_check.h"
#include "runtime/transport/tls_context_impl.h"

namespace echostream::transport {
namespace {

int peer_check_index() {
  static const int kIndex = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

PeerCheck* peer_check_of(const SSL* ssl) {
  return static_cast<PeerCheck*>(SSL_get_ex_data(ssl, peer_check_index()));
}

std::vector<CRYPTO_BUFFER*> to_chain(const STACK_OF(CRYPTO_BUFFER) * certificates) {
  std::vector<CRYPTO_BUFFER*> chain;
  for (std::size_t i = 0; certificates && i < sk_CRYPTO_BUFFER_num(certificates); ++i) {
    chain.push_back(sk_CRYPTO_BUFFER_value(certificates, i));
  }
  return chain;
}

Verdict judge(const TlsPolicy& policy, const PeerCheck& check, std::vector<CRYPTO_BUFFER*> chain) {
  // Only reached in a context with trust: others ask for no certificate.
  ECHOSTREAM_CHECK(policy.trust.has_value(), "a certificate nobody asked for");
  switch (policy.trust->mode()) {
    case Trust::Mode::kInsecure:
      return {};
    case Trust::Mode::kPinned:
      return check_pinned(*check.peer_fingerprint, policy.trust->fingerprints());
    case Trust::Mode::kKnownPeers:
      return policy.is_server
                 ? check_known_client(*policy.trust, *check.peer_fingerprint)
                 : check_known_server(*policy.trust, check.peer_name, *check.peer_fingerprint);
    case Trust::Mode::kAuthorities:
      break;
  }
  ChainQuery query;
  query.chain = std::move(chain);
  query.peer_is_server = !policy.is_server;
  query.server_name = check.server_name;
  query.now = check.now;
  return policy.authorities->check(query);
}

Verdict judge_peer(const SSL* ssl, PeerCheck& check) {
  std::vector<CRYPTO_BUFFER*> chain = to_chain(SSL_get0_peer_certificates(ssl));
  if (chain.empty()) {
    return {Status(StatusCode::kUnauthenticated, "the peer showed no certificate"),
            SSL_AD_CERTIFICATE_REQUIRED};
  }
  CRYPTO_BUFFER* leaf = chain.front();
  check.peer_fingerprint = fingerprint_of(leaf);
  const TlsPolicy& policy = policy_of(ssl);
  Verdict verdict = judge(policy, check, std::move(chain));
  if (verdict.status.is_ok()) check.identity = describe_peer(leaf, policy.trust->mode());
  return verdict;
}

bool set_role(SSL* ssl, const TlsPolicy& policy, const PeerCheck& check) {
  if (policy.is_server) {
    SSL_set_accept_state(ssl);
    return true;
  }
  SSL_set_connect_state(ssl);
  // RFC 6066 3: no literal addresses, no dot at the end.
  if (!is_host_name(check.server_name)) return true;
  const std::string host(without_root_dot(check.server_name));
  return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

ssl_verify_result_t on_verify(SSL* ssl, std::uint8_t* alert) {
  PeerCheck* check = peer_check_of(ssl);
  if (check == nullptr) return ssl_verify_invalid;
  Verdict verdict = judge_peer(ssl, *check);
  if (verdict.status.is_ok()) return ssl_verify_ok;
  check->verdict = std::move(verdict.status);
  *alert = verdict.alert;
  return ssl_verify_invalid;
}

int on_server_resumption(const SSL_CLIENT_HELLO* hello) {
  if (SSL_session_reused(hello->ssl) != 1) return 1;
  PeerCheck* check = peer_check_of(hello->ssl);
  if (check == nullptr) return 0;
  Verdict verdict = judge_peer(hello->ssl, *check);
  if (verdict.status.is_ok()) return 1;
  check->verdict = std::move(verdict.status);
  return 0;
}

void on_handshake_info(const SSL* ssl, int type, int value) {
  constexpr int kDescriptionMask = 0xff;  // The level stands above it.
  if (type != SSL_CB_WRITE_ALERT || (value & kDescriptionMask) != SSL_AD_CERTIFICATE_REQUIRED) {
    return;
  }
  PeerCheck* check = peer_check_of(ssl);
  if (check == nullptr || !check->verdict.is_ok()) return;
  check->verdict = Status(StatusCode::kUnauthenticated,
                          "the client showed no certificate, which this server demands");
}

Status judge_session(const TlsContext& context, const PeerCheck& check,
                     const SSL_SESSION& session) {
  std::vector<CRYPTO_BUFFER*> chain = to_chain(SSL_SESSION_get0_peer_certificates(&session));
  if (chain.empty()) return {StatusCode::kUnauthenticated, "a session without a certificate"};
  PeerCheck at_that_time = check;
  at_that_time.peer_fingerprint = fingerprint_of(chain.front());
  return judge(policy_of(context.impl().ssl_context.get()), at_that_time, std::move(chain)).status;
}

bssl::UniquePtr<SSL> make_ssl(TlsContext& context, PeerCheck& check) {
  bssl::UniquePtr<SSL> ssl(SSL_new(context.impl().ssl_context.get()));
  if (!ssl || SSL_set_ex_data(ssl.get(), peer_check_index(), &check) != 1 ||
      !set_role(ssl.get(), policy_of(ssl.get()), check)) {
    ERR_clear_error();
    return nullptr;
  }
  // What only the handshake needs goes when it is over.
  SSL_set_shed_handshake_config(ssl.get(), 1);
  return ssl;
}

}  // namespace echostream::transport
