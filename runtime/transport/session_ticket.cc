#include "runtime/transport/session_ticket.h"

#include <openssl/sha.h>

#include <array>
#include <string_view>

namespace echostream::transport {
namespace {

// Layout: format (1), digest of what follows (8), length of the transport parameters (2, most
// significant first), transport parameters, session. The digest is against damage: a server ends
// the handshake of a client that offers a session with another secret than its own.
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kDigestBytes = 8;
constexpr std::size_t kHeaderBytes = 1 + kDigestBytes + 2;

std::string digest_of(std::string_view text) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(as_bytes(text).data(), text.size(), digest.data());
  return std::string(as_text(BytesView(digest).first(kDigestBytes)));
}

}  // namespace

std::string encode_ticket(const SessionTicket& ticket) {
  const std::size_t size = ticket.transport_parameters.size();
  if (kHeaderBytes + size + ticket.session.size() > kMostTicketBytes) return {};
  std::string body;
  body += static_cast<char>(size >> 8);
  body += static_cast<char>(size);
  body += as_text(ticket.transport_parameters);
  body += as_text(ticket.session);
  return static_cast<char>(kFormat) + digest_of(body) + body;
}

std::optional<SessionTicket> parse_ticket(BytesView bytes) {
  if (bytes.size() <= kHeaderBytes || bytes.size() > kMostTicketBytes || bytes[0] != kFormat) {
    return std::nullopt;
  }
  const BytesView body = bytes.subspan(1 + kDigestBytes);
  if (as_text(bytes.subspan(1, kDigestBytes)) != digest_of(as_text(body))) return std::nullopt;
  const std::size_t size = static_cast<std::size_t>(body[0]) << 8 | body[1];
  const BytesView rest = body.subspan(2);
  if (size >= rest.size()) return std::nullopt;
  return SessionTicket{rest.first(size), rest.subspan(size)};
}

}  // namespace echostream::transport
