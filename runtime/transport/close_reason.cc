#include "runtime/transport/close_reason.h"

#include <algorithm>
#include <cstdio>

#include "runtime/transport/printable.h"

namespace echostream::transport {
namespace {

// RFC 9001 section 4.8: a TLS alert is the error code 0x0100 + alert.
constexpr std::uint64_t kCryptoError = 0x100;
constexpr std::uint8_t kNoApplicationProtocol = 120;

std::string_view alert_name(std::uint8_t alert) {
  switch (alert) {
    case 10:
      return "unexpected message";
    case 20:
      return "bad record";
    case 40:
      return "handshake failure: no parameters in common";
    case 42:
      return "bad certificate";
    case 43:
      return "unsupported certificate";
    case 44:
      return "certificate revoked";
    case 45:
      return "certificate expired";
    case 46:
      return "certificate not accepted";
    case 47:
      return "illegal parameter";
    case 48:
      return "unknown certificate authority";
    case 49:
      return "access denied";
    case 50:
      return "decode error";
    case 51:
      return "decrypt error";
    case 70:
      return "TLS version not supported";
    case 80:
      return "internal error";
    case 109:
      return "missing extension";
    case 112:
      return "unrecognised name";
    case 116:
      return "a client certificate is required";
    case kNoApplicationProtocol:
      return "no application protocol in common (is it an EchoStream peer, of the same version?)";
    default:
      return "TLS alert";
  }
}

bool is_about_certificates(std::uint8_t alert) {
  return (alert >= 42 && alert <= 46) || alert == 48 || alert == 49 || alert == 116;
}

std::string_view transport_error_name(std::uint64_t code) {
  switch (code) {
    case NGTCP2_NO_ERROR:
      return "no error";
    case NGTCP2_INTERNAL_ERROR:
      return "internal error";
    case NGTCP2_CONNECTION_REFUSED:
      return "connection refused";
    case NGTCP2_FLOW_CONTROL_ERROR:
      return "flow control error";
    case NGTCP2_STREAM_LIMIT_ERROR:
      return "stream limit exceeded";
    case NGTCP2_STREAM_STATE_ERROR:
      return "stream state error";
    case NGTCP2_FINAL_SIZE_ERROR:
      return "final size error";
    case NGTCP2_FRAME_ENCODING_ERROR:
      return "frame encoding error";
    case NGTCP2_TRANSPORT_PARAMETER_ERROR:
      return "transport parameter error";
    case NGTCP2_CONNECTION_ID_LIMIT_ERROR:
      return "connection id limit exceeded";
    case NGTCP2_PROTOCOL_VIOLATION:
      return "protocol violation";
    case NGTCP2_INVALID_TOKEN:
      return "invalid token";
    case NGTCP2_CRYPTO_BUFFER_EXCEEDED:
      return "crypto buffer exceeded";
    case NGTCP2_KEY_UPDATE_ERROR:
      return "key update error";
    case NGTCP2_AEAD_LIMIT_REACHED:
      return "AEAD limit reached";
    case NGTCP2_NO_VIABLE_PATH:
      return "no viable path";
    default:
      return "unknown error";
  }
}

std::string hex(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

CloseInfo unavailable(std::string message) {
  return {Status(StatusCode::kUnavailable, std::move(message)), std::nullopt, false};
}

}  // namespace

CloseInfo closed_by_peer(const ngtcp2_ccerr& error) {
  const std::string reason = printable(as_text({error.reason, error.reasonlen}));
  const std::string with_reason = reason.empty() ? reason : ": " + reason;
  CloseInfo info;
  info.by_peer = true;
  if (error.type == NGTCP2_CCERR_TYPE_APPLICATION) {
    info.application_code = error.error_code;
    info.reason = reason;
    info.status = Status(StatusCode::kUnavailable, "the peer closed the session (code " +
                                                       hex(error.error_code) + ")" + with_reason);
    return info;
  }
  if (error.error_code >= kCryptoError && error.error_code <= kCryptoError + 0xff) {
    const auto alert = static_cast<std::uint8_t>(error.error_code - kCryptoError);
    info.status = Status(
        is_about_certificates(alert) ? StatusCode::kUnauthenticated : StatusCode::kUnavailable,
        "the peer refused the handshake: " + std::string(alert_name(alert)) + " (alert " +
            std::to_string(alert) + ")" + with_reason);
    return info;
  }
  info.status = Status(
      StatusCode::kUnavailable,
      "the peer closed the connection: " + std::string(transport_error_name(error.error_code)) +
          " (" + hex(error.error_code) + ")" + with_reason);
  return info;
}

CloseInfo closed_by_error(int error, std::uint8_t tls_alert, const PeerCheck& check, bool is_server,
                          bool was_open) {
  switch (error) {
    case NGTCP2_ERR_IDLE_CLOSE:
      return unavailable(was_open ? "nothing was heard from the peer for the idle timeout"
                                  : "the peer did not answer");
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return unavailable("the handshake took too long");
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return unavailable("the peer speaks no version of QUIC that this side does");
    case NGTCP2_ERR_NOMEM:
      return {Status(StatusCode::kResourceExhausted, "out of memory"), std::nullopt, false};
    case NGTCP2_ERR_AEAD_LIMIT_REACHED:
      return unavailable("the connection's keys are used up");
    case NGTCP2_ERR_CRYPTO:
      break;
    default:
      return unavailable(std::string("the peer broke the rules of QUIC: ") +
                         ngtcp2_strerror(error));
  }
  if (!check.verdict.is_ok()) return {check.verdict, std::nullopt, false};
  return {Status(is_about_certificates(tls_alert) ? StatusCode::kUnauthenticated
                                                  : StatusCode::kUnavailable,
                 std::string("the TLS handshake with the ") + (is_server ? "client" : "server") +
                     " failed: " + std::string(alert_name(tls_alert)) + " (alert " +
                     std::to_string(tls_alert) + ")"),
          std::nullopt, false};
}

CloseInfo closed_by_us(std::uint64_t application_code, std::string_view reason) {
  std::string message = "this side closed the session";
  if (!reason.empty()) message += ": " + std::string(reason);
  return {Status(StatusCode::kUnavailable, std::move(message)), application_code, false};
}

CloseInfo closed_by_stateless_reset() {
  CloseInfo info = unavailable("the peer lost the connection (it may have restarted)");
  info.by_peer = true;
  return info;
}

}  // namespace echostream::transport
