// A server of whatever make, reached over HTTP/3 in Connect (connectrpc.com/docs/protocol), gRPC or
// gRPC-Web.
#pragma once

#include <memory>
#include <string>

#include "tools/echostream/remote/dial_options.h"
#include "tools/echostream/remote/http_protocol.h"
#include "tools/echostream/remote/remote.h"

namespace echostream::tool {

/// `target`: "https://host[:port]". Errors: those of the handshake. `loop` outlives the result.
Task<Result<std::unique_ptr<Remote>>> dial_http(Loop& loop, std::string target, NodeOptions options,
                                                HttpProtocol protocol = HttpProtocol::kConnect);

}  // namespace echostream::tool
