// What can be spoken over HTTP/3.
#pragma once

#include <cstdint>

namespace echostream::tool {

/// In the order of --protocol's choices.
enum class HttpProtocol : std::uint8_t { kConnect, kGrpc, kGrpcWeb };

}  // namespace echostream::tool
