// Status codes as Connect and HTTP spell them (connectrpc.com/docs/protocol, "Error Codes").
#pragma once

#include <optional>
#include <string_view>

#include "echostream/base/status.h"

namespace echostream::gateway {

/// "canceled", "unknown", ...; empty for kOk, which is no error.
std::string_view connect_code_name(StatusCode code);
std::optional<StatusCode> status_code_from_connect(std::string_view name);
/// The HTTP status of a unary answer of that code.
int http_status_of(StatusCode code);
/// What a client makes of an HTTP status when the answer says nothing else.
StatusCode status_code_from_http(int http_status);

}  // namespace echostream::gateway
