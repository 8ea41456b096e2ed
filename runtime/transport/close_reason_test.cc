#include "runtime/transport/close_reason.h"

#include <gtest/gtest.h>

#include "runtime/transport/printable.h"

namespace echostream::transport {
namespace {

ngtcp2_ccerr peer_error(ngtcp2_ccerr_type type, std::uint64_t code, std::string_view reason = {}) {
  ngtcp2_ccerr error;
  ngtcp2_ccerr_default(&error);
  error.type = type;
  error.error_code = code;
  error.reason = as_bytes(reason).data();
  error.reasonlen = reason.size();
  return error;
}

std::string peer_message(ngtcp2_ccerr_type type, std::uint64_t code, std::string_view reason = {}) {
  return std::string(closed_by_peer(peer_error(type, code, reason)).status.message());
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("plain text, ~ and all"), "plain text, ~ and all");
  EXPECT_EQ(printable(std::string_view("\x1b[31m\n\0\x7f\xff\\", 10)),
            "\\x1b[31m\\x0a\\x00\\x7f\\xff\\x5c");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, IsCutAt200Bytes) {
  EXPECT_EQ(printable(std::string(200, 'a')), std::string(200, 'a'));
  EXPECT_EQ(printable(std::string(201, 'a')), std::string(200, 'a') + "...");
}

TEST(CloseReason, ApplicationsCodeAndWordsArrive) {
  const CloseInfo info = closed_by_peer(peer_error(NGTCP2_CCERR_TYPE_APPLICATION, 0x2a, "done"));
  EXPECT_EQ(info.application_code, 0x2au);
  EXPECT_TRUE(info.by_peer);
  EXPECT_EQ(info.status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(info.status.message(), "the peer closed the session (code 0x2a): done");
  EXPECT_EQ(peer_message(NGTCP2_CCERR_TYPE_APPLICATION, 0),
            "the peer closed the session (code 0x0)");
}

// P08: a reason of a kilobyte of binary.
TEST(CloseReason, P08_PeersWordsAreEscapedAndCut) {
  const std::string message =
      peer_message(NGTCP2_CCERR_TYPE_APPLICATION, 1, std::string(1000, '\x1b'));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 1000u);
}

TEST(CloseReason, NamesTransportErrors) {
  EXPECT_EQ(peer_message(NGTCP2_CCERR_TYPE_TRANSPORT, NGTCP2_CONNECTION_REFUSED),
            "the peer closed the connection: connection refused (0x2)");
  EXPECT_EQ(peer_message(NGTCP2_CCERR_TYPE_TRANSPORT, 0x3fff, "x"),
            "the peer closed the connection: unknown error (0x3fff): x");
}

TEST(CloseReason, CertificateAlertsAreUnauthenticatedOthersUnavailable) {
  for (const std::uint64_t alert : {42, 43, 44, 45, 46, 48, 49, 116}) {
    const CloseInfo info = closed_by_peer(peer_error(NGTCP2_CCERR_TYPE_TRANSPORT, 0x100 + alert));
    EXPECT_EQ(info.status.code(), StatusCode::kUnauthenticated) << alert;
  }
  for (const std::uint64_t alert : {10, 40, 47, 80, 120, 255}) {
    const CloseInfo info = closed_by_peer(peer_error(NGTCP2_CCERR_TYPE_TRANSPORT, 0x100 + alert));
    EXPECT_EQ(info.status.code(), StatusCode::kUnavailable) << alert;
  }
  EXPECT_EQ(peer_message(NGTCP2_CCERR_TYPE_TRANSPORT, 0x100 + 45),
            "the peer refused the handshake: certificate expired (alert 45)");
}

TEST(CloseReason, OurErrorsSayWhatHappened) {
  const PeerCheck check;
  const auto message = [&](int error, bool was_open) {
    return std::string(closed_by_error(error, 0, check, false, was_open).status.message());
  };
  EXPECT_EQ(message(NGTCP2_ERR_IDLE_CLOSE, true),
            "nothing was heard from the peer for the idle timeout");
  EXPECT_EQ(message(NGTCP2_ERR_IDLE_CLOSE, false), "the peer did not answer");
  EXPECT_EQ(message(NGTCP2_ERR_HANDSHAKE_TIMEOUT, false), "the handshake took too long");
  EXPECT_EQ(closed_by_error(NGTCP2_ERR_NOMEM, 0, check, false, true).status.code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(message(NGTCP2_ERR_PROTO, true), "the peer broke the rules of QUIC: ERR_PROTO");
}

TEST(CloseReason, OurVerdictOnACertificateComesBeforeTheAlert) {
  PeerCheck check;
  check.verdict = Status(StatusCode::kUnauthenticated, "expired yesterday");
  const CloseInfo info = closed_by_error(NGTCP2_ERR_CRYPTO, 45, check, false, false);
  EXPECT_EQ(info.status.message(), "expired yesterday");
  check.verdict = Status::ok();
  const CloseInfo plain = closed_by_error(NGTCP2_ERR_CRYPTO, 40, check, false, false);
  EXPECT_EQ(plain.status.message(),
            "the TLS handshake with the server failed: handshake failure: no parameters in common "
            "(alert 40)");
}

TEST(CloseReason, OurOwnCloseKeepsCodeAndReason) {
  const CloseInfo info = closed_by_us(7, "bye");
  EXPECT_EQ(info.application_code, 7u);
  EXPECT_FALSE(info.by_peer);
  EXPECT_EQ(info.status.message(), "this side closed the session: bye");
  EXPECT_EQ(closed_by_us(7, "").status.message(), "this side closed the session");
  EXPECT_TRUE(closed_by_stateless_reset().by_peer);
}

}  // namespace
}  // namespace echostream::transport
