// The TLS side of one connection: carries handshake bytes between BoringSSL and ngtcp2, installs
// the keys that come out, and updates them (RFC 9001 sections 4 to 6).
#pragma once

#include <ngtcp2/ngtcp2.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/status.h"

#include "runtime/transport/crypto/key_schedule.h"
#include "runtime/transport/crypto/received_numbers.h"
#include "runtime/transport/peer_check.h"
#include "runtime/transport/peer_parameters.h"

namespace echostream::transport {

/// ngtcp2's crypto callbacks forward to it. Lives at least as long as the ngtcp2_conn.
class TlsHandshake {
 public:
  /// The names are a client's.
  TlsHandshake(TlsContext& context, bool is_server, std::string server_name, PeerName peer_name,
               WallTime now);
  ~TlsHandshake();
  TlsHandshake(const TlsHandshake&) = delete;
  TlsHandshake& operator=(const TlsHandshake&) = delete;

  /// Server, before attach(): asks the client to wait for the application (kAdmissionParameter).
  void ask_to_wait() noexcept { asks_to_wait_ = true; }
  /// Client, once the handshake is complete: the server asked for that.
  bool is_asked_to_wait() const noexcept { return is_asked_to_wait_; }

  /// After the connection was made, before any other call.
  void attach(ngtcp2_conn& connection, const OfferFilter& filter);

  const PeerCheck& peer() const noexcept { return check_; }
  std::string alpn() const;
  /// The keys come from an earlier session.
  bool is_resumed() const;
  /// Client: packets of early data can be written. Server: they can be read. Until the handshake is
  /// complete.
  bool is_early() const;
  bool early_data_accepted() const;
  /// Tickets that came since the last call, as encode_ticket() makes them.
  std::vector<std::string> take_tickets() { return std::exchange(tickets_, {}); }
  /// 1-RTT packets of the peer.
  const ReceivedNumbers& received_numbers() const noexcept { return received_numbers_; }
  bool export_keying_material(std::string_view label, BytesView context, MutableBytes out) const;

  /// Client, after attach(): offers to resume the session of `ticket`, if it is still worth
  /// something, and to send early data in it.
  void resume(BytesView ticket, bool with_early_data);
  /// Client: makes the ClientHello. False: TLS cannot.
  bool start();

  // ngtcp2's callbacks; 0 or an NGTCP2_ERR code.
  int install_client_keys();
  int install_initial_keys(const ngtcp2_cid& destination);
  int handle_crypto_data(ngtcp2_encryption_level level, BytesView data);
  int update_keys(std::uint8_t* rx_secret, std::uint8_t* tx_secret, ngtcp2_crypto_aead_ctx* rx_key,
                  std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx_key, std::uint8_t* tx_iv,
                  BytesView current_rx_secret, BytesView current_tx_secret);

 private:
  static const SSL_QUIC_METHOD& quic_method();
  static TlsHandshake& of(const SSL* ssl);
  friend int on_new_session(SSL* ssl, SSL_SESSION* session);

  int reject_early_data();
  void keep_ticket(const SSL_SESSION& session);
  bool install_early(bool is_read, const CipherSuite& suite, BytesView secret);
  int advance();
  int offer_transport_parameters();
  bool take_peer_transport_parameters();
  bool install(ssl_encryption_level_t level, bool is_read, const CipherSuite& suite,
               BytesView secret);

  bool is_server_;
  OfferFilter filter_;
  PeerCheck check_;
  TlsContext& context_;
  bssl::UniquePtr<SSL> ssl_;
  ngtcp2_conn* connection_ = nullptr;
  CipherSuite suite_ = CipherSuite::initial();
  bool parameters_taken_ = false;
  bool asks_to_wait_ = false;
  bool is_asked_to_wait_ = false;
  ReceivedNumbers received_numbers_;
  bool complete_ = false;
  bool early_keys_ = false;
  std::size_t tickets_seen_ = 0;
  std::vector<std::string> tickets_;
};

}  // namespace echostream::transport
