#include "runtime/transport/crypto/tls_handshake.h"

#include <openssl/err.h>

#include <array>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/transport/crypto/packet_protection.h"
#include "runtime/transport/session_ticket.h"
#include "runtime/transport/tls_context_impl.h"

namespace echostream::transport {
namespace {

ngtcp2_encryption_level to_ngtcp2(ssl_encryption_level_t level) {
  switch (level) {
    case ssl_encryption_initial:
      return NGTCP2_ENCRYPTION_LEVEL_INITIAL;
    case ssl_encryption_early_data:
      return NGTCP2_ENCRYPTION_LEVEL_0RTT;
    case ssl_encryption_handshake:
      return NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;
    case ssl_encryption_application:
      return NGTCP2_ENCRYPTION_LEVEL_1RTT;
  }
  return NGTCP2_ENCRYPTION_LEVEL_INITIAL;
}

ssl_encryption_level_t to_tls(ngtcp2_encryption_level level) {
  switch (level) {
    case NGTCP2_ENCRYPTION_LEVEL_INITIAL:
      return ssl_encryption_initial;
    case NGTCP2_ENCRYPTION_LEVEL_0RTT:
      return ssl_encryption_early_data;
    case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE:
      return ssl_encryption_handshake;
    case NGTCP2_ENCRYPTION_LEVEL_1RTT:
      return ssl_encryption_application;
  }
  return ssl_encryption_initial;
}

// The keys of one direction in the form that ngtcp2 takes over.
struct Protection {
  Protection(const CipherSuite& suite, BytesView secret)
      : keys(PacketKeys::derive(suite, secret)),
        aead(suite.aead, BytesView(keys.key).first(suite.key_bytes())),
        header(suite.aead, BytesView(keys.header_key).first(suite.key_bytes())) {}
  /// ngtcp2 took both keys when `result` is 0; otherwise they are freed here.
  bool taken(int result) {
    if (result != 0) return false;
    aead.release();
    header.release();
    return true;
  }
  PacketKeys keys;
  AeadKey aead;
  HeaderKey header;
};

}  // namespace

TlsHandshake::TlsHandshake(TlsContext& context, bool is_server, std::string server_name,
                           PeerName peer_name, WallTime now)
    : is_server_(is_server), context_(context) {
  check_.server_name = std::move(server_name);
  check_.peer_name = std::move(peer_name);
  check_.now = now;
  ssl_ = make_ssl(context, check_);
  SSL_set_app_data(ssl_.get(), this);
  ECHOSTREAM_CHECK(SSL_set_quic_method(ssl_.get(), &quic_method()) == 1, "TLS 1.3 is configured");
}

TlsHandshake::~TlsHandshake() = default;

void TlsHandshake::attach(ngtcp2_conn& connection, const OfferFilter& filter) {
  connection_ = &connection;
  filter_ = filter;
  ngtcp2_conn_set_tls_native_handle(&connection, ssl_.get());
  if (!is_server_) return;
  // BoringSSL takes early data only while these limits are what they were when it gave the ticket
  // out: the client goes by the old ones (RFC 9000 section 7.4.1).
  std::array<std::uint8_t, 256> limits;
  const ngtcp2_ssize size =
      ngtcp2_conn_encode_0rtt_transport_params(&connection, limits.data(), limits.size());
  if (size <= 0 || SSL_set_quic_early_data_context(ssl_.get(), limits.data(),
                                                   static_cast<std::size_t>(size)) != 1) {
    ERR_clear_error();  // No early data, then.
  }
}

std::string TlsHandshake::alpn() const {
  const std::uint8_t* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return std::string(as_text({name, size}));
}

bool TlsHandshake::export_keying_material(std::string_view label, BytesView context,
                                          MutableBytes out) const {
  if (SSL_export_keying_material(ssl_.get(), out.data(), out.size(), label.data(), label.size(),
                                 context.data(), context.size(), 1) == 1) {
    return true;
  }
  ERR_clear_error();
  return false;
}

bool TlsHandshake::is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
bool TlsHandshake::is_early() const { return early_keys_ && !complete_; }
bool TlsHandshake::early_data_accepted() const { return SSL_early_data_accepted(ssl_.get()) == 1; }

void TlsHandshake::resume(BytesView ticket, bool with_early_data) {
  const auto parsed = parse_ticket(ticket);
  if (!parsed) return;
  bssl::UniquePtr<SSL_SESSION> session(SSL_SESSION_from_bytes(
      parsed->session.data(), parsed->session.size(), context_.impl().ssl_context.get()));
  if (!session || !judge_session(context_, check_, *session).is_ok() ||
      SSL_set_session(ssl_.get(), session.get()) != 1) {
    ERR_clear_error();
    return;
  }
  if (!with_early_data || SSL_SESSION_early_data_capable(session.get()) != 1 ||
      ngtcp2_conn_decode_and_set_0rtt_transport_params(connection_,
                                                       parsed->transport_parameters.data(),
                                                       parsed->transport_parameters.size()) != 0) {
    return;
  }
  SSL_set_early_data_enabled(ssl_.get(), 1);
}

bool TlsHandshake::start() { return offer_transport_parameters() == 0 && advance() == 0; }

int TlsHandshake::install_client_keys() {
  const ngtcp2_cid* destination = ngtcp2_conn_get_dcid(connection_);
  if (int error = install_initial_keys(*destination); error != 0) return error;
  AeadKey retry_key(AeadKind::kAes128Gcm, kRetryKey);
  const ngtcp2_crypto_aead aead = describe_aead(AeadKind::kAes128Gcm);
  ngtcp2_conn_set_retry_aead(connection_, &aead, retry_key.get());
  retry_key.release();
  return 0;
}

int TlsHandshake::install_initial_keys(const ngtcp2_cid& destination) {
  const CipherSuite suite = CipherSuite::initial();
  const InitialSecrets secrets = InitialSecrets::derive({destination.data, destination.datalen});
  ngtcp2_crypto_ctx context = describe(suite);
  context.max_encryption = 0;  // Initial keys are used for a few packets only.
  context.max_decryption_failure = 0;
  ngtcp2_conn_set_initial_crypto_ctx(connection_, &context);
  Protection rx(suite, is_server_ ? secrets.client : secrets.server);
  Protection tx(suite, is_server_ ? secrets.server : secrets.client);
  const int result = ngtcp2_conn_install_initial_key(connection_, rx.aead.get(), rx.keys.iv.data(),
                                                     rx.header.get(), tx.aead.get(),
                                                     tx.keys.iv.data(), tx.header.get(), kIvBytes);
  return rx.taken(result) && tx.taken(result) ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

int TlsHandshake::handle_crypto_data(ngtcp2_encryption_level level, BytesView data) {
  if (SSL_provide_quic_data(ssl_.get(), to_tls(level), data.data(), data.size()) != 1) {
    ERR_clear_error();
    return NGTCP2_ERR_CRYPTO;
  }
  return advance();
}

int TlsHandshake::advance() {
  const HandshakeTime time(check_.now);
  ERR_clear_error();
  const int result =
      complete_ ? SSL_process_quic_post_handshake(ssl_.get()) : SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const int reason = SSL_get_error(ssl_.get(), result);
    ERR_clear_error();
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return 0;
    if (reason == SSL_ERROR_EARLY_DATA_REJECTED) return reject_early_data();
    const int error = ngtcp2_conn_get_tls_error(connection_);
    return error != 0 ? error : NGTCP2_ERR_CRYPTO;
  }
  // With early data it has returned before the peer's last word: a client after its hello, a server
  // after its own Finished.
  if (!complete_ && SSL_in_early_data(ssl_.get()) != 1) {
    complete_ = true;
    ngtcp2_conn_tls_handshake_completed(connection_);
  }
  return 0;
}

// The handshake goes on without it; ngtcp2 forgets its streams, and tells the connection.
int TlsHandshake::reject_early_data() {
  early_keys_ = false;
  SSL_reset_early_data_reject(ssl_.get());
  if (int error = ngtcp2_conn_tls_early_data_rejected(connection_); error != 0) return error;
  return advance();
}

// A server may send any number; two are usual.
void TlsHandshake::keep_ticket(const SSL_SESSION& session) {
  constexpr std::size_t kMostTickets = 8;
  if (++tickets_seen_ > kMostTickets) return;
  std::array<std::uint8_t, 256> parameters;
  const ngtcp2_ssize parameter_bytes =
      ngtcp2_conn_encode_0rtt_transport_params(connection_, parameters.data(), parameters.size());
  std::uint8_t* encoded = nullptr;
  std::size_t size = 0;
  if (parameter_bytes < 0 || SSL_SESSION_to_bytes(&session, &encoded, &size) != 1) {
    ERR_clear_error();
    return;
  }
  const bssl::UniquePtr<std::uint8_t> owned(encoded);
  std::string ticket = encode_ticket(
      {BytesView(parameters).first(static_cast<std::size_t>(parameter_bytes)), {encoded, size}});
  if (!ticket.empty()) tickets_.push_back(std::move(ticket));
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  // Null in a test's plain TLS connection.
  if (auto* handshake = static_cast<TlsHandshake*>(SSL_get_app_data(ssl))) {
    handshake->keep_ticket(*session);
  }
  return 0;  // The session stays the caller's.
}

int TlsHandshake::offer_transport_parameters() {
  // After some changes of path ngtcp2 1.11 counts ids that it has retired itself, and would close
  // the connection when the peer replaces them (mended later: "Do not retire the fallback DCID if
  // it is still used"). So it is told a higher limit than the peer.
  constexpr std::uint64_t kSpareIds = 2;
  ngtcp2_transport_params offer = *ngtcp2_conn_get_local_transport_params(connection_);
  offer.active_connection_id_limit -= kSpareIds;
  std::array<std::uint8_t, 512> encoded;
  const ngtcp2_ssize result =
      ngtcp2_transport_params_encode(encoded.data(), encoded.size(), &offer);
  if (result < 0) return NGTCP2_ERR_CALLBACK_FAILURE;
  auto size = static_cast<std::size_t>(result);
  if (asks_to_wait_) size += append_admission_parameter(MutableBytes(encoded).subspan(size));
  const bool is_taken = SSL_set_quic_transport_params(ssl_.get(), encoded.data(), size) == 1;
  return is_taken ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

// The peer's parameters must be known before the first key that application data can use.
bool TlsHandshake::take_peer_transport_parameters() {
  if (parameters_taken_) return true;
  const std::uint8_t* encoded = nullptr;
  std::size_t size = 0;
  SSL_get_peer_quic_transport_params(ssl_.get(), &encoded, &size);
  int result = NGTCP2_ERR_MALFORMED_TRANSPORT_PARAM;
  if (are_well_formed_parameters({encoded, size})) {
    const std::vector<std::uint8_t> taken = filter_.apply({encoded, size});
    result =
        ngtcp2_conn_decode_and_set_remote_transport_params(connection_, taken.data(), taken.size());
  }
  if (result != 0) {
    ngtcp2_conn_set_tls_error(connection_, result);
    return false;
  }
  is_asked_to_wait_ = !is_server_ && has_parameter({encoded, size}, kAdmissionParameter);
  parameters_taken_ = true;
  return true;
}

bool TlsHandshake::install(ssl_encryption_level_t level, bool is_read, const CipherSuite& suite,
                           BytesView secret) {
  if (level == ssl_encryption_early_data) return install_early(is_read, suite, secret);
  const bool is_application = level == ssl_encryption_application;
  if ((is_server_ || is_application) && !take_peer_transport_parameters()) return false;
  suite_ = suite;
  const ngtcp2_crypto_ctx context = describe(suite);
  ngtcp2_conn_set_crypto_ctx(connection_, &context);
  Protection made(suite, secret);
  const std::uint8_t* iv = made.keys.iv.data();
  if (is_application) {
    if (is_read) made.aead.note_opened(received_numbers_, made.keys.iv);
    const auto install_key = is_read ? ngtcp2_conn_install_rx_key : ngtcp2_conn_install_tx_key;
    return made.taken(install_key(connection_, secret.data(), secret.size(), made.aead.get(), iv,
                                  kIvBytes, made.header.get()));
  }
  const auto install_key =
      is_read ? ngtcp2_conn_install_rx_handshake_key : ngtcp2_conn_install_tx_handshake_key;
  if (!made.taken(install_key(connection_, made.aead.get(), iv, kIvBytes, made.header.get()))) {
    return false;
  }
  // With that key ngtcp2 has completed a server's parameters; TLS sends them next.
  return !is_server_ || is_read || offer_transport_parameters() == 0;
}

// RFC 9001 section 5.6: one direction only, from the client to the server.
bool TlsHandshake::install_early(bool is_read, const CipherSuite& suite, BytesView secret) {
  if (is_read != is_server_) return true;
  if (is_server_ && !take_peer_transport_parameters()) return false;
  const ngtcp2_crypto_ctx context = describe(suite);
  ngtcp2_conn_set_0rtt_crypto_ctx(connection_, &context);
  Protection made(suite, secret);
  early_keys_ = made.taken(ngtcp2_conn_install_0rtt_key(
      connection_, made.aead.get(), made.keys.iv.data(), kIvBytes, made.header.get()));
  return early_keys_;
}

int TlsHandshake::update_keys(std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                              ngtcp2_crypto_aead_ctx* rx_key, std::uint8_t* rx_iv,
                              ngtcp2_crypto_aead_ctx* tx_key, std::uint8_t* tx_iv,
                              BytesView current_rx_secret, BytesView current_tx_secret) {
  const auto update = [this](BytesView current, std::uint8_t* secret, ngtcp2_crypto_aead_ctx* key,
                             std::uint8_t* iv, bool is_read) {
    next_secret(suite_, current, MutableBytes(secret, current.size()));
    const PacketKeys keys = PacketKeys::derive(suite_, BytesView(secret, current.size()));
    AeadKey aead(suite_.aead, BytesView(keys.key).first(suite_.key_bytes()));
    if (is_read) aead.note_opened(received_numbers_, keys.iv);
    *key = *aead.get();
    aead.release();
    std::copy(keys.iv.begin(), keys.iv.end(), iv);
  };
  update(current_rx_secret, rx_secret, rx_key, rx_iv, true);
  update(current_tx_secret, tx_secret, tx_key, tx_iv, false);
  return 0;
}

TlsHandshake& TlsHandshake::of(const SSL* ssl) {
  return *static_cast<TlsHandshake*>(SSL_get_app_data(ssl));
}

const SSL_QUIC_METHOD& TlsHandshake::quic_method() {
  static constexpr SSL_QUIC_METHOD kMethod = {
      [](SSL* ssl, ssl_encryption_level_t level, const SSL_CIPHER* cipher,
         const std::uint8_t* secret, std::size_t size) -> int {
        return of(ssl).install(level, true, CipherSuite::of(cipher), {secret, size}) ? 1 : 0;
      },
      [](SSL* ssl, ssl_encryption_level_t level, const SSL_CIPHER* cipher,
         const std::uint8_t* secret, std::size_t size) -> int {
        return of(ssl).install(level, false, CipherSuite::of(cipher), {secret, size}) ? 1 : 0;
      },
      [](SSL* ssl, ssl_encryption_level_t level, const std::uint8_t* data,
         std::size_t size) -> int {
        return ngtcp2_conn_submit_crypto_data(of(ssl).connection_, to_ngtcp2(level), data, size) ==
                       0
                   ? 1
                   : 0;
      },
      [](SSL*) -> int { return 1; },
      [](SSL* ssl, ssl_encryption_level_t, std::uint8_t alert) -> int {
        ngtcp2_conn_set_tls_alert(of(ssl).connection_, alert);
        return 1;
      },
  };
  return kMethod;
}

}  // namespace echostream::transport
