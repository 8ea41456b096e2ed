// What stands behind "echostream+mdns:".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "echostream/base/result.h"

namespace echostream::discovery {

struct MdnsTarget {
  enum class Kind : std::uint8_t { kService, kName };
  Kind kind = Kind::kService;
  /// Of a service its full name, without a dot before it; of a node its name, without quotes.
  std::string text;

  friend bool operator==(const MdnsTarget&, const MdnsTarget&) = default;
};

/// INVALID_ARGUMENT says what is allowed.
Result<MdnsTarget> parse_mdns_target(std::string_view text);

/// Whether a certificate can be for it (RFC 1123 2.1): "camera.local", but no numeric address.
bool is_host_name(std::string_view text);

}  // namespace echostream::discovery
