// Whom an HTTP client dials.
#pragma once

#include <string>
#include <string_view>

#include "echostream/base/result.h"

namespace echostream::gateway {

struct HttpTarget {
  /// For a name lookup: the port is always there.
  std::string host_and_port;
  /// For requests: without the port where that is 443.
  std::string authority;
};

/// Reads "host:port", "https://host" and "https://host:port", with or without a '/' behind.
/// INVALID_ARGUMENT says what is wrong.
Result<HttpTarget> parse_http_target(std::string_view text);

}  // namespace echostream::gateway
