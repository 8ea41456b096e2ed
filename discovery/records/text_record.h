// What a node says of itself in its TXT record (RFC 6763 section 6), and how it is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/security.h"

namespace echostream::discovery {

struct TextRecord {
  std::uint32_t protocol_version = 0;      // "v"
  bool is_leaving = false;                 // "bye", without a value
  std::string node_id;                     // "id"
  std::optional<Fingerprint> fingerprint;  // "fp", 64 hexadecimal digits
  /// "svc", "svc2", ...: full names with commas between them, as many strings as they need.
  std::vector<std::string> services;
  std::vector<std::pair<std::string, std::string>> properties;

  friend bool operator==(const TextRecord&, const TextRecord&) = default;
};

/// "key=value" strings, "v" first (RFC 6763 6.7). INVALID_ARGUMENT says which property, or the
/// whole of it, does not fit, what the limit is, and what to do.
Result<std::vector<std::string>> write_text_record(const TextRecord& record);

/// Reads what anybody may have sent: never fails, leaves out what makes no sense, and looks at the
/// first 64 strings only. Of several strings with one key the first counts (RFC 6763 6.4); keys
/// compare without regard to case.
TextRecord parse_text_record(const std::vector<std::string>& strings);

/// What a node that goes says last: what it said, and "bye". Others see a text that changes at once
/// (RFC 6762 10.2), but a goodbye only after a second (10.1).
std::vector<std::string> leaving_text(std::vector<std::string> strings);

/// How long it says that before its records are withdrawn: avahi-daemon holds back what has changed
/// for up to 250 ms.
inline constexpr Duration kLeavingTime = std::chrono::milliseconds(260);

}  // namespace echostream::discovery
