// Percent-encoding: of a URL's query, and of gRPC's status message.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace echostream::gateway {

/// One name or value of a query; '+' is a space, as forms have it. None where a '%' has no two
/// hexadecimal digits behind it.
std::optional<std::string> decode_query_text(std::string_view text);

/// A status message as "grpc-message" carries it: visible ASCII and spaces, everything else and '%'
/// encoded.
std::string encode_grpc_message(std::string_view message);
/// The other way. What is no encoding stays as it is.
std::string decode_grpc_message(std::string_view value);

}  // namespace echostream::gateway
