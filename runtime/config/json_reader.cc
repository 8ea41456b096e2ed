#include "runtime/config/json_reader.h"

#include <utility>

#include "runtime/config/utf8.h"

namespace echostream::internal {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
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

class JsonReader {
 public:
  JsonReader(std::string_view text, const std::string& source, Problems& problems)
      : text_(text), source_(source), problems_(problems) {}

  std::optional<Value> read() {
    Value value;
    if (!read_value(value, 0)) return std::nullopt;
    skip_space();
    if (!is_at_end()) report("one value was expected, and then the end");
    return value;
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

  // Always false, for `return report(...)`.
  bool report(std::string message) { return report(place(), std::move(message)); }
  bool report(Place where, std::string message) {
    problems_.add(source_, where, "", std::move(message));
    return false;
  }
  std::string found() const {
    if (is_at_end()) return "but the text ends here";
    return "not " + quoted(text_.substr(at_, 1));
  }

  void skip_space() {
    while (!is_at_end()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        step();
      } else if (c == '#' || (c == '/' && (peek(1) == '/' || peek(1) == '*'))) {
        skip_comment(c == '/' && peek(1) == '*');
      } else {
        return;
      }
    }
  }
  void skip_comment(bool is_block) {
    if (!had_comment_) {
      report("JSON has no comments; the text format (*.textproto) has, with '#'");
    }
    had_comment_ = true;
    while (!is_at_end()) {
      if (is_block ? peek() == '*' && peek(1) == '/' : peek() == '\n') break;
      step();
    }
    for (int i = 0; i < (is_block ? 2 : 0) && !is_at_end(); ++i) step();
  }

  bool read_value(Value& value, int depth) {
    skip_space();
    value.place = place();
    if (depth > kMostConfigDepth) {
      return report("nested deeper than " + std::to_string(kMostConfigDepth));
    }
    const char c = peek();
    if (c == '{') return read_object(value, depth);
    if (c == '[') return read_list(value, depth);
    if (c == '"') {
      value.kind = Value::Kind::kString;
      return read_string(value.text);
    }
    if (c == '-' || is_digit(c)) return read_number(value);
    if (is_letter(c)) return read_word(value);
    return report("a value was expected here, " + found());
  }

  bool read_word(Value& value) {
    while (is_letter(peek()) || is_digit(peek())) {
      value.text += peek();
      step();
    }
    value.kind = value.text == "null" ? Value::Kind::kNull : Value::Kind::kWord;
    if (value.text == "true" || value.text == "false" || value.text == "null") return true;
    report(value.place,
           quoted(value.text) + " must stand in double quotes, or be true, false or " + "null");
    return true;
  }

  bool read_number(Value& value) {
    value.kind = Value::Kind::kNumber;
    const std::size_t start = at_;
    const auto digits = [this] {
      const std::size_t first = at_;
      while (is_digit(peek())) step();
      return at_ > first;
    };
    if (peek() == '-') step();
    const bool leading_zero = peek() == '0' && is_digit(peek(1));
    bool good = digits() && !leading_zero;
    if (good && peek() == '.') {
      step();
      good = digits();
    }
    if (good && (peek() == 'e' || peek() == 'E')) {
      step();
      if (peek() == '+' || peek() == '-') step();
      good = digits();
    }
    while (is_letter(peek()) || is_digit(peek())) {
      good = false;
      step();
    }
    value.text = std::string(text_.substr(start, at_ - start));
    if (!good) report(value.place, quoted(value.text) + " is not a number as JSON writes them");
    return true;
  }

  bool read_string(std::string& out) {
    const Place start = place();
    step();
    while (!is_at_end() && peek() != '"') {
      const char c = peek();
      if (c == '\n') break;
      if (static_cast<unsigned char>(c) < 0x20) {
        report("a control character in a string is written as \\u00..");
        step();
      } else if (c == '\\') {
        if (!read_escape(out)) return false;
      } else {
        const std::size_t length = utf8_length(text_.substr(at_));
        if (length == 0) return report("this is not UTF-8");
        for (std::size_t i = 0; i < length; ++i) {
          out += peek();
          step();
        }
      }
    }
    if (peek() != '"') return report(start, "this string has no end in its line");
    step();
    return true;
  }

  bool read_escape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t name = kNames.find(peek(1));
    if (peek(1) != '\0' && name != kNames.npos) {
      out += kMeanings[name];
      step();
      step();
      return true;
    }
    if (peek(1) != 'u') return report("no such escape; a backslash is written as \\\\");
    const Place start = place();
    auto code = read_code_unit();
    if (!code) return false;
    if (*code >= 0xd800 && *code < 0xdc00 && peek() == '\\' && peek(1) == 'u') {
      const auto low = read_code_unit();
      if (!low) return false;
      const bool is_pair = *low >= 0xdc00 && *low < 0xe000;
      code = is_pair ? 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00) : 0xd800;
    }
    if (*code >= 0xd800 && *code < 0xe000) return report(start, "half of a surrogate pair");
    append_utf8(out, *code);
    return true;
  }

  // "\uABCD".
  std::optional<unsigned> read_code_unit() {
    const Place start = place();
    step();
    step();
    unsigned code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      const bool is_hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!is_hex) {
        report(start, "\\u is followed by four hexadecimal digits");
        return std::nullopt;
      }
      code = code * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
      step();
    }
    return code;
  }

  // What comes before an element, or the end. A comma too many, or one that was forgotten before a
  // string, is reported and read over.
  enum class Next : std::uint8_t { kElement, kEnd, kBroken };
  Next next(char end, bool is_first) {
    skip_space();
    if (!is_first && peek() != end) {
      const Place comma = place();
      if (peek() == ',') {
        step();
        skip_space();
        if (peek() == end) report(comma, std::string("no comma is allowed before ") + end);
      } else if (peek() == '"') {
        report("a comma is missing before this");
      } else {
        report(std::string("',' or '") + end + "' was expected here, " + found());
        return Next::kBroken;
      }
    }
    if (peek() != end) return Next::kElement;
    step();
    return Next::kEnd;
  }

  bool read_list(Value& value, int depth) {
    value.kind = Value::Kind::kList;
    step();
    for (;;) {
      const Next found_next = next(']', value.items.empty());
      if (found_next != Next::kElement) return found_next == Next::kEnd;
      if (!read_value(value.items.emplace_back(), depth + 1)) return false;
    }
  }

  bool read_object(Value& value, int depth) {
    value.kind = Value::Kind::kObject;
    step();
    for (;;) {
      const Next found_next = next('}', value.members.empty());
      if (found_next != Next::kElement) return found_next == Next::kEnd;
      Member& member = value.members.emplace_back();
      member.place = place();
      if (peek() != '"') return report("a name in double quotes was expected here, " + found());
      if (!read_string(member.name)) return false;
      skip_space();
      if (peek() != ':') return report("':' was expected after the name, " + found());
      step();
      if (!read_value(member.value, depth + 1)) return false;
    }
  }

  std::string_view text_;
  const std::string& source_;
  Problems& problems_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  bool had_comment_ = false;
};

}  // namespace

std::optional<Value> read_json(std::string_view text, const std::string& source,
                               Problems& problems) {
  return JsonReader(text, source, problems).read();
}

}  // namespace echostream::internal
