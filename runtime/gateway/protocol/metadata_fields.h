// Metadata as header and trailer fields, both ways. Keys that end in "-bin" carry base64.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "echostream/base/status.h"
#include "echostream/metadata.h"

#include "runtime/http3/fields.h"

namespace echostream::gateway {

/// Whether a field belongs to HTTP, to a browser or to one of the protocols, and so is no metadata:
/// pseudo-headers, "content-type", "te", "grpc-...", "connect-..." and their like, and what the
/// native protocol keeps for itself ("echostream-...").
bool is_protocol_field(std::string_view name);

/// Adds one field; those that are none are passed over. Of a "-bin" key each part of a list is a
/// value. INVALID_ARGUMENT: a value that is no base64, or has control characters.
Status add_metadata_field(std::string_view name, std::string_view value, Metadata& metadata);

/// Adds all fields that are metadata. RESOURCE_EXHAUSTED as soon as it is more than `max_bytes`,
/// as Metadata::byte_size() counts.
Status read_metadata(const http3::Fields& fields, std::size_t max_bytes, Metadata& metadata);

/// Whether an entry can be said in fields: a good key that is no protocol's, and for keys without
/// "-bin" a value of visible ASCII and spaces.
bool is_sendable(std::string_view key, std::string_view value);
/// How a value is written: base64 (without padding) for "-bin" keys; others without the spaces at
/// both ends, which HTTP does not keep.
std::string encoded_metadata_value(std::string_view key, std::string_view value);
/// Adds each entry that can be said, with `prefix` in front of its key; leaves out others.
void write_metadata(const Metadata& metadata, std::string_view prefix, http3::Fields& fields);

}  // namespace echostream::gateway
