// gzip (RFC 1952), one message at a time.
#pragma once

#include <cstddef>
#include <optional>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

namespace echostream::gateway {

/// What `packed` holds: one member, or several one after the other. RESOURCE_EXHAUSTED as soon as
/// it would be more than `max_bytes`, of which no more is unpacked; INVALID_ARGUMENT for what is no
/// gzip, is cut off, or has something else behind it.
Result<Buffer> gunzip(BytesView packed, std::size_t max_bytes);

/// None when it would not become smaller (or there is no memory for it).
std::optional<Buffer> gzip(BytesView bytes);

}  // namespace echostream::gateway
