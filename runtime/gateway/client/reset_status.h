// What the error codes of HTTP/3 mean to whoever asked.
#pragma once

#include <cstdint>
#include <string>

#include "echostream/base/status.h"

#include "runtime/transport/quic_connection.h"

namespace echostream::gateway {

/// "H3_REQUEST_CANCELLED"; "error code 0x1234" for one that has no name.
std::string http3_error_name(std::uint64_t code);

/// Of a request whose response was reset with that code. The codes of gRPC that gRPC gives the
/// corresponding ones of HTTP/2.
Status reset_status(std::uint64_t code);

/// Of the requests that were under way when the connection ended: UNAVAILABLE, and why.
Status lost_status(const transport::CloseInfo& info);

}  // namespace echostream::gateway
