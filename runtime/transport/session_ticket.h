// What a client keeps to resume a session later: BoringSSL's session, and the server's transport
// parameters that limit early data (RFC 9001 section 4.5, RFC 9000 section 7.4.1), as one string.
// Secret: whoever holds it can read early data sent with it.
#pragma once

#include <optional>
#include <string>

#include "echostream/base/bytes.h"

namespace echostream::transport {

struct SessionTicket {
  /// As ngtcp2 encodes them.
  BytesView transport_parameters;
  /// As BoringSSL encodes it; never empty.
  BytesView session;
};

/// Larger ones are not kept: what a server can make us hold.
inline constexpr std::size_t kMostTicketBytes = 16 * 1024;

/// Empty when the parts are too large.
std::string encode_ticket(const SessionTicket& ticket);
/// Nothing for other formats, and for damaged ones. The views point into `bytes`.
std::optional<SessionTicket> parse_ticket(BytesView bytes);

}  // namespace echostream::transport
