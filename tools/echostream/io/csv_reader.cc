#include "tools/echostream/io/csv_reader.h"

#include <charconv>
#include <utility>

#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void split_at_commas(std::string_view text, std::vector<std::string_view>& fields) {
  fields.clear();
  for (;;) {
    const std::size_t comma = text.find(',');
    fields.push_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string out = "'";
  for (const char c : text.substr(0, kLongest)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > kLongest ? "...'" : "'");
}

CsvReader::CsvReader(std::istream& in, std::string file, CsvColumns columns)
    : in_(in), file_(std::move(file)), columns_(columns) {
  split_at_commas(columns_.header, names_);
}

Status CsvReader::problem_at(std::uint64_t line, std::string_view what) const {
  return {StatusCode::kInvalidArgument,
          file_ + ":" + std::to_string(line) + ": " + std::string(what)};
}

Result<bool> CsvReader::next() {
  if (line_ == 0) {
    Status header = read_header();
    if (!header.is_ok()) return header;
  }
  auto has_line = read_line();
  if (!has_line || !*has_line) return has_line;
  if (trimmed(text_).empty()) return expect_only_blank_lines();
  Status status = split();
  if (!status.is_ok()) return status;
  return true;
}

Status CsvReader::read_header() {
  const auto has_line = read_line();
  if (!has_line) return has_line.error();
  const std::string expected = "; the first line must be '" + std::string(columns_.header) + "'";
  if (!*has_line) return problem_at(1, "the file is empty" + expected);
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  split_at_commas(text_, fields_);
  const bool is_complete = fields_.size() + columns_.optional >= names_.size();
  bool is_equal = is_complete && fields_.size() <= names_.size();
  for (std::size_t i = 0; is_equal && i < fields_.size(); ++i) is_equal = fields_[i] == names_[i];
  if (!is_equal) return problem("the header is missing: here is " + quoted(text_) + expected);
  return Status::ok();
}

Result<bool> CsvReader::read_line() {
  in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  const auto count = static_cast<std::size_t>(in_.gcount());
  if (in_.bad()) return Status(StatusCode::kUnavailable, file_ + ": reading failed");
  if (in_.eof() && count == 0) return false;
  ++line_;
  // getline() counts the line's end, unless the file ended first or the line is too long.
  text_ = std::string_view(buffer_.data(), in_.eof() || in_.fail() ? count : count - 1);
  if (text_.ends_with('\r')) text_.remove_suffix(1);
  if (in_.fail() || text_.size() > kLongestLine) {
    return problem("the line is longer than " + std::to_string(kLongestLine) +
                   " bytes; expected a table with the columns " + std::string(columns_.header));
  }
  return true;
}

Status CsvReader::split() {
  split_at_commas(text_, fields_);
  const std::size_t fewest = names_.size() - columns_.optional;
  if (fields_.size() >= fewest && fields_.size() <= names_.size()) return Status::ok();
  std::string expected = std::to_string(names_.size());
  if (columns_.optional > 0) expected = std::to_string(fewest) + " to " + expected;
  return problem("there are " + std::to_string(fields_.size()) + " columns; expected " + expected +
                 ": " + std::string(columns_.header));
}

Result<bool> CsvReader::expect_only_blank_lines() {
  const std::uint64_t blank = line_;
  for (;;) {
    auto has_line = read_line();
    if (!has_line || !*has_line) return has_line;
    if (trimmed(text_).empty()) continue;
    return problem_at(
        blank, "the line is empty, but rows follow it; expected " + std::string(columns_.header));
  }
}

std::string_view CsvReader::field(std::size_t column) const {
  return column < fields_.size() ? fields_[column] : std::string_view();
}

Status CsvReader::not_a(std::string_view what, std::size_t column) const {
  return problem(std::string(names_[column]) + " is " + quoted(field(column)) + "; expected " +
                 std::string(what));
}

Result<std::uint64_t> CsvReader::whole_number(std::size_t column) const {
  const std::string_view text = field(column);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return not_a("a whole number from 0 to 18446744073709551615", column);
  }
  return number;
}

Result<Duration> CsvReader::microseconds(std::size_t column) const {
  const auto time = parse_microseconds(field(column));
  if (!time) return not_a("microseconds, such as 1520 or 1520.250", column);
  return *time;
}

Result<Duration> CsvReader::stamp(std::size_t column) const {
  auto time = parse_microseconds(field(column));
  if (time && *time <= kFarthestStamp && *time >= -kFarthestStamp) return *time;
  return not_a(
      "microseconds between -4000000000000000 and 4000000000000000, such as 1520 or "
      "1520.250",
      column);
}

}  // namespace echostream::tool
