// How a call of gRPC ends: "grpc-status" and its companions, as HTTP trailers or, of gRPC-Web, as
// a block of text in the body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/metadata.h"

#include "runtime/http3/fields.h"

namespace echostream::gateway {

/// Adds the status, then the metadata that can be said.
void write_grpc_trailers(const Status& status, const Metadata& metadata, http3::Fields& fields);

/// What "grpc-status", "grpc-message" and "grpc-status-details-bin" say; UNKNOWN when the first is
/// missing or no number, and for numbers that have no name.
Status read_grpc_status(const http3::Fields& fields);

/// "name: value\r\n" of each field, and back: names in lower case. INTERNAL for lines that are no
/// fields.
std::string to_trailer_block(const http3::Fields& fields);
Result<http3::Fields> parse_trailer_block(std::string_view block);

}  // namespace echostream::gateway
