// The query of a Connect GET: the message, and how it is written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

namespace echostream::gateway {

/// Decoded; the first of each name, others are nobody's business. None: it is not there.
struct GetQuery {
  std::optional<std::string> message;
  std::optional<std::string> encoding;
  std::optional<std::string> compression;
  std::optional<std::string> base64;
  std::optional<std::string> connect;
};

/// INVALID_ARGUMENT: a broken percent-encoding in what we read.
Result<GetQuery> parse_query(std::string_view query);

/// The message, unpacked. INVALID_ARGUMENT: there is none, it is no base64, or broken gzip;
/// UNIMPLEMENTED: packed in a way that we do not know; RESOURCE_EXHAUSTED: over the limit.
Result<Buffer> message_of_query(const GetQuery& query, std::size_t max_bytes);

}  // namespace echostream::gateway
