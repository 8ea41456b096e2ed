// JSON text out of bytes that may be anything: what a peer says must not break a line, or make a
// second one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace echostream::internal {

/// How many bytes at the beginning of `text` are one character of well-formed UTF-8 (RFC 3629); 0
/// when they are none.
inline std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (text.empty()) return 0;
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than need be, surrogates, beyond the last character.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

/// Whether the well-formed character `c` should not reach a terminal: control characters (C1 too),
/// those that end lines, and those that change the direction of writing.
inline bool is_unsafe_to_show(std::string_view c) noexcept {
  const auto byte = [c](std::size_t i) { return static_cast<std::uint8_t>(c[i]); };
  if (c.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (c.size() == 2) return byte(0) == 0xc2 && byte(1) < 0xa0;
  if (c.size() != 3 || byte(0) != 0xe2) return false;
  return (byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae) ||
         (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9);
}

/// Appends `text` as it stands within a JSON string. Bytes that are no UTF-8 become U+FFFD; beyond
/// `most` bytes it is cut ("...").
inline void append_escaped(std::string& out, std::string_view text, std::size_t most = SIZE_MAX) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::size_t at = 0;
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  while (at < text.size()) {
    // Nearly all of it is such, and goes at once.
    std::size_t end = at;
    while (end < text.size() && end < most && is_plain(text[end])) ++end;
    out.append(text, at, end - at);
    at = end;
    if (at == text.size()) break;
    if (at >= most) {
      out += "...";
      break;
    }
    const auto c = static_cast<std::uint8_t>(text[at]);
    const std::size_t length = utf8_length(text.substr(at));
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (length == 0) {
      out += "\\ufffd";
    } else if (is_unsafe_to_show(text.substr(at, length))) {
      std::uint32_t code = length == 1 ? c : length == 2 ? c & 0x1fu : c & 0x0fu;
      for (std::size_t i = 1; i < length; ++i) {
        code = (code << 6) | (static_cast<std::uint8_t>(text[at + i]) & 0x3fu);
      }
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(code >> shift) & 15];
    } else {
      out.append(text, at, length);
    }
    at += length == 0 ? 1 : length;
  }
}

/// The same, quotes included.
inline void append_json_string(std::string& out, std::string_view text,
                               std::size_t most = SIZE_MAX) {
  out += '"';
  append_escaped(out, text, most);
  out += '"';
}

}  // namespace echostream::internal
