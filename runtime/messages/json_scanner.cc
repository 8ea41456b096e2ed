#include "runtime/messages/json_scanner.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "runtime/messages/spelling.h"
#include "runtime/messages/utf8.h"

namespace echostream::internal {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

void append_utf8(std::string& out, unsigned code) {
  const auto add = [&out](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

// Every function that returns bool says whether the scan goes on.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, const JsonScanOptions& options, JsonHandler& handler)
      : text_(text), options_(options), handler_(handler) {}

  bool scan() {
    if (!scan_value(0) || !skip_space()) return false;
    return is_at_end() || slip(place(), "one value was expected, and then the end");
  }

 private:
  bool is_at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  Place place() const { return {line_, static_cast<int>(at_ - line_start_) + 1}; }
  void step() {
    if (text_[at_] == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    }
    ++at_;
  }

  bool slip(Place where, std::string message) {
    return handler_.on_problem(where, std::move(message));
  }
  bool give_up(Place where, std::string message) {
    (void)handler_.on_problem(where, std::move(message));
    return false;
  }
  bool give_up(std::string message) { return give_up(place(), std::move(message)); }
  std::string found() const {
    if (is_at_end()) return "but the text ends here";
    return "not " + quoted(text_.substr(at_, 1));
  }

  bool skip_space() {
    while (!is_at_end()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        step();
      } else if (c == '#' || (c == '/' && (peek(1) == '/' || peek(1) == '*'))) {
        if (!skip_comment(c == '/' && peek(1) == '*')) return false;
      } else {
        break;
      }
    }
    return true;
  }
  bool skip_comment(bool is_block) {
    const bool is_first = !std::exchange(had_comment_, true);
    if (is_first && !slip(place(), "JSON has no comments" + std::string(options_.comment_hint))) {
      return false;
    }
    while (!is_at_end()) {
      if (is_block ? peek() == '*' && peek(1) == '/' : peek() == '\n') break;
      step();
    }
    for (int i = 0; i < (is_block ? 2 : 0) && !is_at_end(); ++i) step();
    return true;
  }

  bool scan_value(int depth) {
    if (!skip_space()) return false;
    const char c = peek();
    if (c == '{' || c == '[') {
      if (depth >= options_.max_depth) {
        return give_up("nested deeper than " + std::to_string(options_.max_depth));
      }
      return c == '{' ? scan_object(depth) : scan_list(depth);
    }
    if (c == '"') {
      const Place start = place();
      std::string text;
      return scan_string(text) && handler_.on_scalar(start, JsonScalar::kString, std::move(text));
    }
    if (c == '-' || is_digit(c)) return scan_number();
    if (is_letter(c)) return scan_word();
    return give_up("a value was expected here, " + found());
  }

  bool scan_word() {
    const Place start = place();
    const std::size_t first = at_;
    while (is_letter(peek()) || is_digit(peek())) step();
    std::string word(text_.substr(first, at_ - first));
    const bool is_null = word == "null";
    if (!is_null && word != "true" && word != "false" &&
        !slip(start, quoted(word) + " must stand in double quotes, or be true, false or null")) {
      return false;
    }
    return handler_.on_scalar(start, is_null ? JsonScalar::kNull : JsonScalar::kWord,
                              std::move(word));
  }

  bool scan_digits() {
    const std::size_t first = at_;
    while (is_digit(peek())) step();
    return at_ > first;
  }
  bool scan_number() {
    const Place start = place();
    const std::size_t first = at_;
    if (peek() == '-') step();
    const bool leading_zero = peek() == '0' && is_digit(peek(1));
    bool good = scan_digits() && !leading_zero;
    if (good && peek() == '.') {
      step();
      good = scan_digits();
    }
    if (good && (peek() == 'e' || peek() == 'E')) {
      step();
      if (peek() == '+' || peek() == '-') step();
      good = scan_digits();
    }
    while (is_letter(peek()) || is_digit(peek())) {
      good = false;
      step();
    }
    std::string number(text_.substr(first, at_ - first));
    if (!good && !slip(start, quoted(number) + " is not a number as JSON writes them")) {
      return false;
    }
    return handler_.on_scalar(start, JsonScalar::kNumber, std::move(number));
  }

  // Bytes from here on that stand for themselves, and of which most text is made.
  std::size_t plain_run() const {
    std::size_t end = at_;
    while (end < text_.size() && is_plain(text_[end])) ++end;
    return end - at_;
  }
  bool scan_string(std::string& out) {
    const Place start = place();
    step();
    for (;;) {
      const std::size_t plain = plain_run();
      out.append(text_, at_, plain);
      at_ += plain;
      if (is_at_end() || peek() == '"') break;
      const char c = peek();
      if (c == '\n') break;
      if (static_cast<unsigned char>(c) < 0x20) {
        if (!slip(place(), "a control character in a string is written as \\u00..")) return false;
        step();
      } else if (c == '\\') {
        if (!scan_escape(out)) return false;
      } else {
        const std::size_t length = utf8_length(text_.substr(at_));
        if (length == 0) return give_up("this is not UTF-8");
        out.append(text_, at_, length);
        at_ += length;
      }
    }
    if (peek() != '"') return give_up(start, "this string has no end in its line");
    step();
    return true;
  }

  bool scan_escape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t name = kNames.find(peek(1));
    if (peek(1) != '\0' && name != kNames.npos) {
      out += kMeanings[name];
      step();
      step();
      return true;
    }
    if (peek(1) != 'u') return give_up("no such escape; a backslash is written as \\\\");
    const Place start = place();
    auto code = scan_code_unit();
    if (!code) return false;
    if (*code >= 0xd800 && *code < 0xdc00 && peek() == '\\' && peek(1) == 'u') {
      const auto low = scan_code_unit();
      if (!low) return false;
      const bool is_pair = *low >= 0xdc00 && *low < 0xe000;
      code = is_pair ? 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00) : 0xd800;
    }
    if (*code >= 0xd800 && *code < 0xe000) return give_up(start, "half of a surrogate pair");
    append_utf8(out, *code);
    return true;
  }

  // "\uABCD".
  std::optional<unsigned> scan_code_unit() {
    const Place start = place();
    step();
    step();
    unsigned code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      const bool is_hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!is_hex) {
        give_up(start, "\\u is followed by four hexadecimal digits");
        return std::nullopt;
      }
      code = code * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
      step();
    }
    return code;
  }

  // What comes before an element, or the end. A comma too many, or one that was forgotten before a
  // string, is told and read over.
  enum class Next : std::uint8_t { kItem, kEnd, kBroken };
  Next next(char end, bool is_first) {
    if (!skip_space()) return Next::kBroken;
    if (!is_first && peek() != end) {
      const Place comma = place();
      if (peek() == ',') {
        step();
        if (!skip_space()) return Next::kBroken;
        if (peek() == end && !slip(comma, std::string("no comma is allowed before ") + end)) {
          return Next::kBroken;
        }
      } else if (peek() == '"') {
        if (!slip(comma, "a comma is missing before this")) return Next::kBroken;
      } else {
        give_up(std::string("',' or '") + end + "' was expected here, " + found());
        return Next::kBroken;
      }
    }
    if (peek() != end) return Next::kItem;
    const Place last = place();
    step();
    return handler_.on_end(last) ? Next::kEnd : Next::kBroken;
  }

  bool scan_list(int depth) {
    if (!handler_.on_begin(place(), '[')) return false;
    step();
    for (bool is_first = true;; is_first = false) {
      const Next found_next = next(']', is_first);
      if (found_next != Next::kItem) return found_next == Next::kEnd;
      if (!scan_value(depth + 1)) return false;
    }
  }

  bool scan_object(int depth) {
    if (!handler_.on_begin(place(), '{')) return false;
    step();
    for (bool is_first = true;; is_first = false) {
      const Next found_next = next('}', is_first);
      if (found_next != Next::kItem) return found_next == Next::kEnd;
      if (!scan_member(depth)) return false;
    }
  }

  bool scan_member(int depth) {
    if (peek() != '"') return give_up("a name in double quotes was expected here, " + found());
    const Place start = place();
    std::string name;
    if (!scan_string(name) || !handler_.on_name(start, std::move(name)) || !skip_space()) {
      return false;
    }
    if (peek() != ':') return give_up("':' was expected after the name, " + found());
    step();
    return scan_value(depth + 1);
  }

  std::string_view text_;
  const JsonScanOptions& options_;
  JsonHandler& handler_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  bool had_comment_ = false;
};

}  // namespace

bool scan_json(std::string_view text, const JsonScanOptions& options, JsonHandler& handler) {
  return JsonScanner(text, options, handler).scan();
}

}  // namespace echostream::internal
