#include "echostream/base/printable.h"

#include <cstdint>

namespace echostream {
namespace {

struct Character {
  std::size_t bytes = 0;  // 0: no UTF-8
  char32_t code = 0;
};

bool continues(std::string_view text, std::size_t count) {
  if (text.size() < count) return false;
  for (std::size_t i = 1; i < count; ++i) {
    if ((static_cast<std::uint8_t>(text[i]) & 0xC0) != 0x80) return false;
  }
  return true;
}

// RFC 3629 section 3: the shortest form only, no surrogates, nothing above U+10FFFF.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto tail = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3F); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {1, lead};
  if (lead >= 0xC2 && lead < 0xE0 && continues(text, 2)) {
    return {2, static_cast<char32_t>(lead & 0x1F) << 6 | tail(1)};
  }
  if (lead >= 0xE0 && lead < 0xF0 && continues(text, 3)) {
    const char32_t code = static_cast<char32_t>(lead & 0x0F) << 12 | tail(1) << 6 | tail(2);
    if (code >= 0x800 && (code < 0xD800 || code > 0xDFFF)) return {3, code};
  }
  if (lead >= 0xF0 && lead < 0xF5 && continues(text, 4)) {
    const char32_t code =
        static_cast<char32_t>(lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
    if (code >= 0x10000 && code <= 0x10FFFF) return {4, code};
  }
  return {};
}

bool is_shown(char32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;
  if (code == 0x2028 || code == 0x2029) return false;                    // separators
  if (code >= 0x202A && code <= 0x202E) return false;                    // embeddings, overrides
  if (code == 0x061C || code == 0x200E || code == 0x200F) return false;  // marks
  return code < 0x2066 || code > 0x2069;                                 // isolates
}

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    out.append({'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]});
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t bytes = character.bytes == 0 ? 1 : character.bytes;
    if (character.code == '\\') {
      out.append("\\\\");
    } else if (character.bytes != 0 && is_shown(character.code)) {
      out.append(text.substr(0, bytes));
    } else {
      append_escaped(out, text.substr(0, bytes));
    }
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace echostream
