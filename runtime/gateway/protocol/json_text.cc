#include "runtime/gateway/protocol/json_text.h"

#include <cstddef>
#include <cstdint>

namespace echostream::gateway {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::size_t kMaxDepth = 64;

// The bytes of the UTF-8 character at the front (RFC 3629, section 4); 0 when there is none.
std::size_t character_bytes(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < count) return 0;
  for (std::size_t i = 1; i < count; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  // Longer than needed, surrogates, above U+10FFFF.
  const std::uint8_t second = at(1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
  return (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F) ? 0 : count;
}

void append_utf8(std::string& text, unsigned code) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    tail(12), tail(6), tail(0);
  }
}

char escape_letter(char c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

}  // namespace

void append_json_string(std::string& json, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  json += '"';
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    const char c = text[0];
    if (bytes == 0) {
      json += kReplacement;
    } else if (const char letter = escape_letter(c); letter != 0) {
      json.append({'\\', letter});
    } else if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F) {
      json.append({'\\', 'u', '0', '0', kDigits[c >> 4], kDigits[c & 15]});
    } else {
      json += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  json += '"';
}

bool JsonCursor::fail() {
  is_good_ = false;
  rest_ = {};
  return false;
}

void JsonCursor::skip_blank() {
  const std::size_t count = rest_.find_first_not_of(" \t\r\n");
  rest_.remove_prefix(count == std::string_view::npos ? rest_.size() : count);
}

bool JsonCursor::take(char c) {
  skip_blank();
  if (rest_.empty() || rest_[0] != c) return false;
  rest_.remove_prefix(1);
  return true;
}

bool JsonCursor::enter(char bracket) {
  if (!take(bracket)) return fail();
  is_first_ = true;
  return true;
}

bool JsonCursor::next_item(char closing) {
  if (!is_good_) return false;
  const bool is_first = is_first_;
  is_first_ = false;
  if (take(closing)) return false;
  return is_first || take(',') || fail();
}

std::optional<std::string> JsonCursor::next_key() {
  if (!next_item('}')) return std::nullopt;
  std::optional<std::string> key = string();
  if (key && !take(':')) {
    fail();
    return std::nullopt;
  }
  return key;
}

bool JsonCursor::next_element() { return next_item(']'); }

std::optional<unsigned> JsonCursor::code_unit() {
  unsigned unit = 0;
  if (rest_.size() < 4) return std::nullopt;
  for (const char c : rest_.substr(0, 4)) {
    const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    unit = unit * 16 + static_cast<unsigned>(digit > 15 ? digit - 6 : digit);
  }
  rest_.remove_prefix(4);
  return unit;
}

// Behind the backslash.
bool JsonCursor::append_escape(std::string& text) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (rest_.empty()) return false;
  const char letter = rest_[0];
  rest_.remove_prefix(1);
  if (letter != 'u') {
    const std::size_t index = kLetters.find(letter);
    if (index == std::string_view::npos) return false;
    text += kMeanings[index];
    return true;
  }
  const std::optional<unsigned> unit = code_unit();
  if (!unit) return false;
  unsigned code = *unit;
  if (code >= 0xD800 && code < 0xE000) {
    const std::string_view behind = rest_;
    code = 0xFFFD;
    if (*unit < 0xDC00 && rest_.starts_with("\\u")) {
      rest_.remove_prefix(2);
      const std::optional<unsigned> low = code_unit();
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
      } else {
        rest_ = behind;
      }
    }
  }
  append_utf8(text, code);
  return true;
}

std::optional<std::string> JsonCursor::string() {
  std::string text;
  if (!take('"')) {
    fail();
    return std::nullopt;
  }
  while (!rest_.empty()) {
    const char c = rest_[0];
    if (static_cast<std::uint8_t>(c) < 0x20) break;
    rest_.remove_prefix(1);
    if (c == '"') return text;
    if (c != '\\') {
      text += c;
    } else if (!append_escape(text)) {
      break;
    }
  }
  fail();
  return std::nullopt;
}

void JsonCursor::skip() {
  std::string open;  // the brackets that are
  do {
    skip_blank();
    const char c = rest_.empty() ? ']' : rest_[0];
    if (c == '"') {
      if (!string()) return;
    } else if (c == '{' || c == '[') {
      open += c == '{' ? '}' : ']';
      rest_.remove_prefix(1);
      if (open.size() > kMaxDepth) return static_cast<void>(fail());
    } else if (c == '}' || c == ']') {
      if (rest_.empty() || open.empty() || open.back() != c) return static_cast<void>(fail());
      open.pop_back();
      rest_.remove_prefix(1);
    } else if (c == ',' || c == ':') {
      if (open.empty()) return static_cast<void>(fail());
      rest_.remove_prefix(1);
    } else {
      const std::size_t count = rest_.find_first_of(",:]}[{\" \t\r\n");
      rest_.remove_prefix(count == std::string_view::npos ? rest_.size() : count);
    }
  } while (!open.empty());
  is_first_ = false;
}

bool JsonCursor::is_complete() {
  skip_blank();
  return is_good_ && rest_.empty();
}

}  // namespace echostream::gateway
