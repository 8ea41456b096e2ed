#include "tools/echostream/io/json_splitter.h"

#include <utility>

namespace echostream::tool {

namespace {

// Blank lines that are put before a value to show where it stood.
constexpr std::size_t kMostBlankLines = 10'000;
constexpr std::size_t kMostBlankColumns = 10'000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

void JsonSplitter::feed(std::string_view text) {
  text_.erase(0, std::exchange(begin_, 0));
  text_.append(text);
}

Result<std::optional<std::string>> JsonSplitter::next() {
  if (scanned_ == 0) skip_space();
  const std::string_view rest = std::string_view(text_).substr(begin_);
  const std::size_t end = end_of_value(rest);
  if (end == 0 && rest.size() > kMostBytes) {
    return Status(StatusCode::kResourceExhausted,
                  "a message of more than 64 MiB begins in line " + std::to_string(line_ + 1));
  }
  if (end == 0) return std::optional<std::string>();
  std::string value = placed(rest.substr(0, end));
  lines_left_out_ = line_ > kMostBlankLines ? line_ : 0;
  take(end);
  scanned_ = depth_ = 0;
  in_string_ = is_escaped_ = false;
  return std::optional<std::string>(std::move(value));
}

std::size_t JsonSplitter::end_of_value(std::string_view rest) {
  const bool is_scalar = !rest.empty() && rest[0] != '{' && rest[0] != '[' && rest[0] != '"';
  while (scanned_ < rest.size()) {
    const char c = rest[scanned_];
    // A number, a word, or what is no JSON: up to the next space or opening.
    const bool ends_scalar = scanned_ > 0 && (is_space(c) || c == '{' || c == '[' || c == '"');
    if (is_scalar && ends_scalar) return scanned_;
    ++scanned_;
    if (!is_scalar && is_complete_at(c)) return scanned_;
  }
  // What is cut off is given as it is: whoever reads it says what is missing.
  return is_finished_ ? rest.size() : 0;
}

bool JsonSplitter::is_complete_at(char c) {
  if (in_string_) {
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (c == '\\') {
      is_escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
    return !in_string_ && depth_ == 0;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if ((c == '}' || c == ']') && depth_ > 0) --depth_;
  return !in_string_ && depth_ == 0;
}

void JsonSplitter::skip_space() {
  std::size_t count = 0;
  while (begin_ + count < text_.size() && is_space(text_[begin_ + count])) ++count;
  take(count);
}

std::string JsonSplitter::placed(std::string_view value) const {
  const std::size_t lines = line_ > kMostBlankLines ? 0 : line_;
  std::string text(lines, '\n');
  if (column_ <= kMostBlankColumns) text.append(column_, ' ');
  return text.append(value);
}

void JsonSplitter::take(std::size_t count) {
  for (const char c : std::string_view(text_).substr(begin_, count)) {
    if (c == '\n') {
      ++line_;
      column_ = 0;
    } else {
      ++column_;
    }
  }
  begin_ += count;
}

}  // namespace echostream::tool
