#include "runtime/transport/printable.h"

#include <cstdio>

namespace echostream::transport {

std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string out;
  for (const char c : text.substr(0, kMost)) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      out += c;
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
      out += escaped;
    }
  }
  if (text.size() > kMost) out += "...";
  return out;
}

}  // namespace echostream::transport
