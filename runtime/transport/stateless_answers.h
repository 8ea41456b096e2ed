// What an endpoint says to packets that belong to no connection: version negotiation, Retry,
// stateless reset, refusal. Rate limited, so that nobody can make it shout.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/socket_address.h"

#include "runtime/transport/connection_id.h"
#include "runtime/transport/crypto/address_tokens.h"

namespace echostream::transport {

struct StatelessAnswer {
  SocketAddress local;
  SocketAddress remote;
  std::vector<std::uint8_t> packet;
};

/// RFC 9000 section 17.2.1; `ids` are those of the packet it answers. Lists version 1 and a version
/// that nobody has.
std::vector<std::uint8_t> make_version_negotiation(BytesView destination_id, BytesView source_id,
                                                   std::uint8_t random);
/// RFC 9000 section 17.2.5.
std::vector<std::uint8_t> make_retry(std::uint32_t version, const ConnectionId& client_id,
                                     const ConnectionId& retry_id, const ConnectionId& original_id,
                                     BytesView token);
/// RFC 9000 section 10.3: smaller than what it answers, so that two endpoints cannot answer each
/// other for ever. Empty when that is too small for one.
std::vector<std::uint8_t> make_stateless_reset(const ResetToken& token, std::size_t answered_bytes,
                                               BytesView random);
/// CONNECTION_CLOSE in an Initial packet, without making a connection.
std::vector<std::uint8_t> make_refusal(std::uint32_t version, const ConnectionId& client_id,
                                       const ConnectionId& destination_id, std::uint64_t error);

}  // namespace echostream::transport
