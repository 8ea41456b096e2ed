#include "runtime/transport/tls_error.h"

#include <openssl/err.h>

#include <algorithm>
#include <cctype>

namespace echostream::transport {

std::string take_tls_error() {
  const std::uint32_t error = ERR_get_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  std::string text = reason == nullptr ? "no reason given" : reason;
  ERR_clear_error();
  // The library spells its reasons BAD_OBJECT_HEADER.
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c == '_' ? ' ' : static_cast<char>(std::tolower(c));
  });
  return text;
}

}  // namespace echostream::transport
