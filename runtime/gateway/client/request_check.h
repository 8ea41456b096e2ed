// What may be sent: nothing that a server, or whatever stands behind it, would read as more than
// one field.
#pragma once

#include <string_view>

#include "echostream/base/status.h"

#include "runtime/gateway/client/http_messages.h"

namespace echostream::gateway {

/// INVALID_ARGUMENT when it cannot be a request (RFC 9110 9.1, RFC 9114 4.3.1), and for CONNECT.
Status check_request(const HttpRequest& request);

/// INVALID_ARGUMENT when they cannot be sent as headers or trailers (RFC 9110 5, RFC 9114 4.2).
Status check_fields(const http3::Fields& fields);

}  // namespace echostream::gateway
