#include "runtime/transport/tls_context.h"

#include <openssl/err.h>
#include <openssl/ex_data.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <array>
#include <span>
#include <utility>

#include "echostream/base/bytes.h"

#include "runtime/transport/identity_impl.h"
#include "runtime/transport/steady_signature.h"
#include "runtime/transport/tls_context_impl.h"
#include "runtime/transport/tls_error.h"

namespace echostream::transport {
namespace {

constexpr char kGroups[] = "X25519:P-256";

// What we sign with and accept. PKCS#1 is for the signatures in the peer's chain; TLS 1.3 itself
// signs with PSS.
constexpr std::uint16_t kSignatures[] = {
    SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384,
    SSL_SIGN_ECDSA_SECP521R1_SHA512, SSL_SIGN_RSA_PSS_RSAE_SHA256,
    SSL_SIGN_RSA_PSS_RSAE_SHA384,    SSL_SIGN_RSA_PSS_RSAE_SHA512,
    SSL_SIGN_RSA_PKCS1_SHA256,       SSL_SIGN_RSA_PKCS1_SHA384,
    SSL_SIGN_RSA_PKCS1_SHA512,
};

constexpr std::string_view kAes128 = "TLS_AES_128_GCM_SHA256";
constexpr std::string_view kAes256 = "TLS_AES_256_GCM_SHA384";
constexpr std::string_view kChaCha20 = "TLS_CHACHA20_POLY1305_SHA256";

// Sessions of another program or protocol must not be resumed here.
constexpr std::uint8_t kSessionIdContext[] = {'e', 'c', 'h', 'o', 's', 't', 'r', 'e', 'a', 'm'};

void free_policy(void*, void* policy, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<TlsPolicy*>(policy);
}

int policy_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_policy);
  return kIndex;
}

// Of an SSL object whose client asked for another identity than the first.
int chosen_identity_index() {
  static const int kIndex = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

Status tls_failure(const char* what) {
  return {StatusCode::kInternal, std::string(what) + ": " + take_tls_error()};
}

Result<std::string> encode_alpn(const std::vector<std::string>& protocols) {
  if (protocols.empty()) {
    return Status(StatusCode::kInvalidArgument, "QUIC needs at least one ALPN protocol");
  }
  std::string encoded;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) {
      return Status(StatusCode::kInvalidArgument,
                    "an ALPN protocol has 1 to 255 bytes, not " + std::to_string(protocol.size()));
    }
    encoded += static_cast<char>(protocol.size());
    encoded += protocol;
  }
  return encoded;
}

// The first of our protocols that the client offers too. BoringSSL ends a QUIC handshake without
// ALPN by itself.
int on_select_alpn(SSL* ssl, const std::uint8_t** out, std::uint8_t* out_size,
                   const std::uint8_t* offered, unsigned offered_size, void*) {
  const BytesView ours = as_bytes(policy_of(ssl).alpn);
  std::uint8_t* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, ours.data(), static_cast<unsigned>(ours.size()),
                            offered, offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // Sent as no_application_protocol.
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

void on_key_log(const SSL* ssl, const char* line) { policy_of(ssl).key_log->on_key_log(line); }

// BoringSSL has no list of TLS 1.3 cipher suites. By itself a client offers all three, and AES
// comes before ChaCha20 only on a processor with AES instructions; a server takes the first that
// its own processor likes. Four lists can be had through other switches. Comes before groups and
// signatures, for the policies change those too.
Status set_ciphers(SSL_CTX* context, const std::vector<std::string>& ciphers) {
  const std::vector<std::string_view> wanted(ciphers.begin(), ciphers.end());
  using List = std::vector<std::string_view>;
  if (wanted.empty()) return Status::ok();
  if (wanted == List{kAes128, kAes256, kChaCha20}) {
    bssl::SSL_CTX_set_aes_hw_override_for_testing(context, true);
    return Status::ok();
  }
  if (wanted == List{kChaCha20, kAes128, kAes256}) {
    bssl::SSL_CTX_set_aes_hw_override_for_testing(context, false);
    return Status::ok();
  }
  int done = 0;
  if (wanted == List{kAes128, kAes256}) {
    done = SSL_CTX_set_compliance_policy(context, ssl_compliance_policy_fips_202205);
  } else if (wanted == List{kAes256}) {
    done = SSL_CTX_set_compliance_policy(context, ssl_compliance_policy_wpa3_192_202304);
  } else {
    return {StatusCode::kUnimplemented,
            "BoringSSL cannot be given this list of cipher suites; it can have AES_128 AES_256 "
            "CHACHA20, CHACHA20 AES_128 AES_256, AES_128 AES_256, or AES_256 alone"};
  }
  return done == 1 ? Status::ok() : tls_failure("cannot choose the cipher suites");
}

Status set_protocol(SSL_CTX* context, const std::vector<std::string>& ciphers) {
  if (Status status = set_ciphers(context, ciphers); !status.is_ok()) return status;
  if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1 ||
      SSL_CTX_set_signing_algorithm_prefs(context, kSignatures, std::size(kSignatures)) != 1 ||
      SSL_CTX_set_verify_algorithm_prefs(context, kSignatures, std::size(kSignatures)) != 1 ||
      SSL_CTX_set_session_id_context(context, kSessionIdContext, sizeof kSessionIdContext) != 1) {
    return tls_failure("cannot set up TLS 1.3");
  }
  return Status::ok();
}

struct Shown {
  std::vector<CRYPTO_BUFFER*> chain;
  EVP_PKEY* key;
  const SSL_PRIVATE_KEY_METHOD* method;
};

// In the form that BoringSSL takes: either the key, or a method that signs with it.
Shown shown(const Identity& identity) {
  Shown result{{}, identity.impl().private_key.get(), nullptr};
  for (const auto& certificate : identity.impl().chain) result.chain.push_back(certificate.get());
  if (has_steady_signatures(result.key)) {
    result.key = nullptr;
    result.method = &kSteadySignatureMethod;
  }
  return result;
}

// Runs before anything is taken from the ClientHello: the host name decides what the client is
// shown.
ssl_select_cert_result_t on_client_hello(const SSL_CLIENT_HELLO* hello) {
  SSL* ssl = hello->ssl;
  const char* host_name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const IdentityChooser& identities = *policy_of(ssl).identities;
  const Identity& chosen = identities.choose(host_name == nullptr ? "" : host_name);
  if (&chosen == &identities.all().front()) return ssl_select_cert_success;  // as it is set up
  const Shown what = shown(chosen);
  const bool done =
      SSL_set_ex_data(ssl, chosen_identity_index(), const_cast<Identity*>(&chosen)) == 1 &&
      SSL_set_chain_and_key(ssl, what.chain.data(), what.chain.size(), what.key, what.method) == 1;
  return done ? ssl_select_cert_success : ssl_select_cert_error;
}

Status set_identities(SSL_CTX* context, TlsPolicy& policy, TlsContext::Options& options) {
  std::vector<Identity> all = std::move(options.more_identities);
  all.insert(all.begin(), *std::move(options.identity));
  policy.identities.emplace(std::move(all));
  // Each is tried, so that a bad one is noticed now; the first comes last, and stays.
  const std::vector<Identity>& identities = policy.identities->all();
  for (auto identity = identities.rbegin(); identity != identities.rend(); ++identity) {
    const Shown what = shown(*identity);
    if (SSL_CTX_set_chain_and_key(context, what.chain.data(), what.chain.size(), what.key,
                                  what.method) == 1) {
      continue;
    }
    return {StatusCode::kInvalidArgument, "the identity with fingerprint " +
                                              identity->fingerprint().to_string() +
                                              " cannot be used for TLS: " + take_tls_error()};
  }
  if (policy.is_server && policy.identities->all().size() > 1) {
    SSL_CTX_set_select_certificate_cb(context, on_client_hello);
  }
  return Status::ok();
}

Status set_trust(TlsPolicy& policy, Trust trust) {
  if (trust.mode() == Trust::Mode::kPinned && trust.fingerprints().empty()) {
    return {StatusCode::kInvalidArgument,
            "Trust::pinned() was given no fingerprint, so that every peer would be refused"};
  }
  if (trust.mode() == Trust::Mode::kKnownPeers && !trust.peers()) {
    return {StatusCode::kInvalidArgument, "Trust::known_peers() was given no list"};
  }
  if (trust.mode() == Trust::Mode::kAuthorities) {
    auto authorities = CertificateAuthorities::make(trust.authorities_pem());
    if (!authorities) return std::move(authorities).error();
    policy.authorities = *std::move(authorities);
  }
  policy.trust = std::move(trust);
  return Status::ok();
}

// A digest of all that decides whom a client believes and as whom it speaks.
std::string ticket_scope_of(const TlsContext::Options& options) {
  std::string text;
  for (const std::string& protocol : options.alpn) text += protocol + '\0';
  text += static_cast<char>(options.trust->mode());
  if (options.trust->mode() == Trust::Mode::kAuthorities) text += options.trust->authorities_pem();
  for (const Fingerprint& pinned : options.trust->fingerprints()) text += as_text(pinned.digest());
  text += '\0';
  if (options.identity) text += as_text(options.identity->fingerprint().digest());
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(as_bytes(text).data(), text.size(), digest.data());
  constexpr std::size_t kScopeBytes = 16;
  std::string scope;
  for (const std::uint8_t byte : std::span(digest).first(kScopeBytes)) {
    constexpr char kDigits[] = "0123456789abcdef";
    scope += kDigits[byte >> 4];
    scope += kDigits[byte & 15];
  }
  return scope;
}

thread_local WallTime current_time;

void on_current_time(const SSL*, timeval* out) {
  const auto since_epoch = handshake_time().time_since_epoch();
  out->tv_sec = std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
  out->tv_usec = 0;
}

// Tickets are dated and judged by the time of the handshake, as certificates are.
void set_tickets(SSL_CTX* context, TlsPolicy& policy, const TlsContext::Options& options) {
  SSL_CTX_set_current_time_cb(context, on_current_time);
  if (!options.resumption) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return;
  }
  SSL_CTX_set_session_psk_dhe_timeout(context, TicketKeys::kLifetimeSeconds);
  if (policy.is_server) {
    policy.ticket_keys = std::make_unique<TicketKeys>();
    SSL_CTX_set_ticket_aead_method(context, &kTicketMethod);
    SSL_CTX_set_early_data_enabled(context, options.early_data ? 1 : 0);
    return;
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
}

void set_callbacks(SSL_CTX* context, const TlsPolicy& policy) {
  if (policy.is_server) SSL_CTX_set_alpn_select_cb(context, on_select_alpn, nullptr);
  if (policy.key_log != nullptr) SSL_CTX_set_keylog_callback(context, on_key_log);
  SSL_CTX_set_info_callback(context, on_handshake_info);
  if (!policy.trust) {
    SSL_CTX_set_custom_verify(context, SSL_VERIFY_NONE, on_verify);
    return;
  }
  SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
  // Trust is judged anew on every connection: a certificate may have expired since the first one.
  if (policy.is_server) {
    SSL_CTX_set_dos_protection_cb(context, on_server_resumption);
  } else {
    SSL_CTX_set_reverify_on_resume(context, 1);
  }
}

Result<bssl::UniquePtr<SSL_CTX>> make_ssl_context(bool is_server, TlsContext::Options options) {
  auto alpn = encode_alpn(options.alpn);
  if (!alpn) return std::move(alpn).error();
  // Certificates stay DER buffers; we parse and judge them ourselves.
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_with_buffers_method()));
  if (!context) return tls_failure("cannot set up TLS");
  auto policy = std::make_unique<TlsPolicy>();
  policy->is_server = is_server;
  policy->alpn = *std::move(alpn);
  policy->key_log = std::move(options.key_log);
  if (options.trust) {
    if (Status status = set_trust(*policy, *std::move(options.trust)); !status.is_ok()) {
      return status;
    }
  }
  if (Status status = set_protocol(context.get(), options.ciphers); !status.is_ok()) return status;
  if (options.identity) {
    if (Status status = set_identities(context.get(), *policy, options); !status.is_ok()) {
      return status;
    }
  }
  const BytesView protocols = as_bytes(policy->alpn);
  // Returns 0 for success, unlike its neighbours.
  if (!is_server && SSL_CTX_set_alpn_protos(context.get(), protocols.data(),
                                            static_cast<unsigned>(protocols.size())) != 0) {
    return tls_failure("cannot set the ALPN protocols");
  }
  set_callbacks(context.get(), *policy);
  set_tickets(context.get(), *policy, options);
  if (SSL_CTX_set_ex_data(context.get(), policy_index(), policy.get()) != 1) {
    return tls_failure("cannot set up TLS");
  }
  static_cast<void>(policy.release());  // The SSL_CTX's now, see free_policy().
  return context;
}

}  // namespace

const TlsPolicy& policy_of(const SSL* ssl) { return policy_of(SSL_get_SSL_CTX(ssl)); }

const TlsPolicy& policy_of(const SSL_CTX* context) {
  const void* policy = SSL_CTX_get_ex_data(context, policy_index());
  ECHOSTREAM_CHECK(policy != nullptr, "an SSL object that is of no TlsContext");
  return *static_cast<const TlsPolicy*>(policy);
}

HandshakeTime::HandshakeTime(WallTime now) noexcept : before_(std::exchange(current_time, now)) {}
HandshakeTime::~HandshakeTime() { current_time = before_; }
WallTime handshake_time() noexcept { return current_time; }
EVP_PKEY* signing_key_of(const SSL* ssl) {
  const auto* chosen = static_cast<const Identity*>(SSL_get_ex_data(ssl, chosen_identity_index()));
  const Identity& identity = chosen != nullptr ? *chosen : policy_of(ssl).identities->all().front();
  return identity.impl().private_key.get();
}

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;
std::string TlsContext::ticket_scope() const { return impl_->ticket_scope; }

Result<std::shared_ptr<TlsContext>> TlsContext::make_client(Options options) {
  if (!options.trust) {
    return Status(StatusCode::kInvalidArgument,
                  "a client needs a Trust: whom should it believe to be the server?");
  }
  std::string scope = ticket_scope_of(options);
  auto context = make_ssl_context(false, std::move(options));
  if (!context) return std::move(context).error();
  return std::shared_ptr<TlsContext>(
      new TlsContext(std::make_unique<Impl>(Impl{*std::move(context), std::move(scope)})));
}

Result<std::shared_ptr<TlsContext>> TlsContext::make_server(Options options) {
  if (!options.identity) {
    return Status(StatusCode::kInvalidArgument,
                  "a server needs an Identity; make one with Identity::self_signed()");
  }
  auto context = make_ssl_context(true, std::move(options));
  if (!context) return std::move(context).error();
  return std::shared_ptr<TlsContext>(
      new TlsContext(std::make_unique<Impl>(Impl{*std::move(context), std::string()})));
}

}  // namespace echostream::transport
