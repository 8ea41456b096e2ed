// Content codings: what messages are packed with, and what a client takes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {

/// "gzip", "identity" or nothing; none for others.
std::optional<Compression> parse_encoding(std::string_view value);
/// What a client should be told that we take.
inline constexpr std::string_view kEncodings = "gzip, identity";

/// The first of a list that we have, in the client's order; what has "q=0" is none of it.
Compression preferred_encoding(std::string_view accepted);
/// gzip if it is anywhere in the list: gRPC's clients give no order.
Compression best_encoding(std::string_view accepted);

/// What a message holds; nothing is nothing in every packing. Errors as gunzip() has them.
Result<Buffer> unpack(Buffer message, Compression compression, std::size_t max_bytes);

/// The fields that name the packing of messages, and what the sender takes.
std::string_view encoding_field(Protocol protocol);
std::string_view accept_field(Protocol protocol);

}  // namespace echostream::gateway
