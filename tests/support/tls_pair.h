// TLS handshakes between two of our contexts, joined by a BIO pair: plain TLS instead of QUIC, with
// the same contexts and the same check of the peer's certificate.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/check.h"
#include "echostream/security.h"

#include "runtime/transport/peer_check.h"
#include "runtime/transport/tls_context.h"
#include "tests/support/test_certificates.h"

namespace echostream::testing {

using transport::PeerCheck;
using transport::TlsContext;

inline constexpr char kAlpn[] = "echostream/1";
inline constexpr char kHost[] = "robot.local";

inline CertificateSpec named(const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.dns_names = {name};
  return spec;
}

inline CertificateSpec authority(const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.is_ca = true;
  spec.not_after = kCertificateTestTime + std::chrono::hours(24 * 3650);
  return spec;
}

inline Trust trust_in(const std::vector<TestCertificate>& authorities) {
  std::string pem;
  for (const TestCertificate& certificate : authorities) pem += certificate.certificate_pem();
  return Trust::certificate_authorities(pem).value();
}

inline TlsContext::Options client_options(Trust trust) {
  TlsContext::Options options;
  options.alpn = {kAlpn};
  options.trust = std::move(trust);
  return options;
}

inline TlsContext::Options server_options(Identity identity) {
  TlsContext::Options options;
  options.alpn = {kAlpn};
  options.identity = std::move(identity);
  return options;
}

inline std::shared_ptr<TlsContext> client_trusting(Trust trust) {
  return TlsContext::make_client(client_options(std::move(trust))).value();
}

inline std::shared_ptr<TlsContext> server_with(Identity identity) {
  return TlsContext::make_server(server_options(std::move(identity))).value();
}

inline Identity self_signed(std::string_view name) {
  return Identity::self_signed(name, kCertificateTestTime).value();
}

// One end of a connection.
struct TlsEnd {
  PeerCheck check;
  bssl::UniquePtr<SSL> ssl;
  bool is_done = false;
  bool has_sent = false;
  bool has_received = false;
  bool has_failed = false;
  // What the other end sent, as SSL_AD_*.
  std::optional<int> alert_received;

  // One turn: goes on with the handshake; then sends one byte, which carries a server's tickets
  // along, and reads what comes: late alerts, tickets, the other end's byte.
  void step() {
    if (has_failed) return;
    ERR_clear_error();
    std::uint8_t byte = 0;
    int result = 0;
    if (!is_done) {
      result = SSL_do_handshake(ssl.get());
      is_done = result == 1;
    } else if (!has_sent) {
      result = SSL_write(ssl.get(), &byte, 1);
      has_sent = result == 1;
    } else {
      result = SSL_read(ssl.get(), &byte, 1);
      has_received = has_received || result == 1;
    }
    if (result == 1) return;
    const int error = SSL_get_error(ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    has_failed = true;
    const int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason >= SSL_AD_REASON_OFFSET) alert_received = reason - SSL_AD_REASON_OFFSET;
    ERR_clear_error();
  }

  bool is_open() const { return is_done && has_received && !has_failed; }

  std::string message() const { return std::string(check.verdict.message()); }
};

// A connection between two contexts, brought to its end by run().
struct TlsPair {
  TlsPair(TlsContext& client_context, TlsContext& server_context, const std::string& name = kHost,
          WallTime now = kCertificateTestTime) {
    client.check.server_name = name;
    client.check.now = now;
    server.check.now = now;
    client.ssl = transport::make_ssl(client_context, client.check);
    server.ssl = transport::make_ssl(server_context, server.check);
    BIO* client_bio = nullptr;
    BIO* server_bio = nullptr;
    ECHOSTREAM_CHECK(client.ssl && server.ssl && BIO_new_bio_pair(&client_bio, 0, &server_bio, 0),
                     "setting up a connection");
    SSL_set_bio(client.ssl.get(), client_bio, client_bio);
    SSL_set_bio(server.ssl.get(), server_bio, server_bio);
  }

  // True when both ends accepted each other and got a byte from the other. In TLS 1.3 the client is
  // done before the server has judged it, so both ends read on for a while.
  bool run() {
    for (int turn = 0; turn < 20; ++turn) {
      client.step();
      server.step();
    }
    return client.is_open() && server.is_open();
  }

  TlsEnd client;
  TlsEnd server;
};

inline const SSL* ssl_of(const TlsEnd& end) { return end.ssl.get(); }

}  // namespace echostream::testing
