// Of the protocol that is spoken: docs/protocol.md.
#pragma once

#include <cstdint>

namespace echostream::discovery {

/// What announcements say, as "v". Nodes of a higher one do not understand us, nor we them: QUIC's
/// handshake ends without a common ALPN name.
inline constexpr std::uint32_t kProtocolVersion = 1;

}  // namespace echostream::discovery
