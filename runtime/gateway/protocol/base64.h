// Base64 (RFC 4648): in metadata, queries and details without padding, in gRPC-Web's text with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/bytes.h"

namespace echostream::gateway {

/// The standard alphabet (section 4), without padding.
std::string to_base64(BytesView bytes);
std::string to_padded_base64(BytesView bytes);

/// Either alphabet (sections 4 and 5), padded or not; none for anything else, white space and set
/// bits that say nothing among it.
std::optional<std::string> from_base64(std::string_view text);

/// Base64 that comes in pieces of any size. Padding may also stand inside the text, where a sender
/// has flushed: then what follows begins anew.
class Base64Reader {
 public:
  /// Appends the bytes that are complete; false when this is no base64.
  bool feed(std::string_view text, std::string& bytes);
  /// The text is complete. False when its end is missing.
  bool finish(std::string& bytes);

 private:
  bool end_group(std::string& bytes);

  std::uint32_t bits_ = 0;
  int characters_ = 0;  // of the group of four, padding among them
  int padding_ = 0;
};

}  // namespace echostream::gateway
