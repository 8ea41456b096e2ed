// Dialling an HTTP server by name: tries the addresses side by side as they are found, each a
// little after the one before (RFC 8305), and keeps the first that completes its handshake.
#pragma once

#include <memory>
#include <string>

#include "echostream/base/task.h"
#include "echostream/loop.h"

#include "runtime/gateway/client/client_connection.h"
#include "runtime/gateway/client/http_client.h"

namespace echostream::gateway {

/// Gives up at `deadline`. `loop` outlives the connection.
Task<Result<std::unique_ptr<ClientConnection>>> dial_http(Loop& loop, std::string host_and_port,
                                                          HttpClientOptions options,
                                                          LocalTime deadline);

}  // namespace echostream::gateway
