#include "tools/echostream/io/json_line.h"

#include <cmath>
#include <cstdio>

namespace echostream::tool {

namespace {

// Bytes of the UTF-8 sequence that `text` begins with (RFC 3629 4); 0 when it is none.
std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const std::uint8_t second = byte(1);
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_none = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return is_overlong || is_none ? 0 : bytes;
}

// C1: a terminal may act upon it (U+009B is an escape sequence's beginning).
bool is_control(std::string_view two_bytes) {
  return two_bytes[0] == '\xc2' && static_cast<std::uint8_t>(two_bytes[1]) < 0xa0;
}

void append_escape(std::string& out, unsigned code) {
  char escape[16];
  std::snprintf(escape, sizeof escape, "\\u%04x", code);
  out += escape;
}

void append_ascii(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out += {'\\', c};
  } else if (c == '\n') {
    out += "\\n";
  } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
    append_escape(out, static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

}  // namespace

std::string quoted_json(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t bytes = sequence_bytes(text);
    if (bytes == 1) {
      append_ascii(out, text.front());
    } else if (bytes == 2 && is_control(text)) {
      append_escape(out, static_cast<std::uint8_t>(text[1]));
    } else {
      out += bytes == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return out + '"';
}

JsonLine& JsonLine::add(std::string_view name, std::string_view text) {
  return add_json(name, quoted_json(text));
}

JsonLine& JsonLine::add(std::string_view name, const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  for (const std::string& text : texts) items.push_back(quoted_json(text));
  return add_json(name, json_list(items));
}

JsonLine& JsonLine::add(std::string_view name, double value) {
  if (!std::isfinite(value)) return add_null(name);
  char text[64];
  std::snprintf(text, sizeof text, "%.6f", value);
  std::string number = text;
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return add_json(name, number);
}

JsonLine& JsonLine::add_json(std::string_view name, std::string_view json) {
  if (!members_.empty()) members_ += ',';
  members_ += quoted_json(name) + ":";
  members_ += json;
  return *this;
}

std::string json_list(const std::vector<std::string>& items) {
  std::string list = "[";
  for (const std::string& item : items) {
    if (list.size() > 1) list += ',';
    list += item;
  }
  return list + "]";
}

}  // namespace echostream::tool
