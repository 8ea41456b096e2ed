// Reads a table of comma-separated numbers and names line by line. Its errors name file, line, what
// is wrong and what was expected. Memory is bounded by the longest line that it accepts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

namespace echostream::tool {

/// The columns of a table. Rows may leave out the last `optional` ones.
struct CsvColumns {
  std::string_view header;
  std::size_t optional = 0;
};

/// Tolerates a byte order mark, CR LF, blanks around fields and empty lines at the end. There are
/// no quotes: none of our tables needs them.
class CsvReader {
 public:
  static constexpr std::size_t kLongestLine = 1000;

  /// `file` is the name for messages. Reads nothing yet; `in` must outlive the reader.
  CsvReader(std::istream& in, std::string file, CsvColumns columns);

  /// Advances to the next row, past the header before the first. False at the end.
  Result<bool> next();

  /// Of the current row; empty when it is left out.
  std::string_view field(std::size_t column) const;
  Result<std::uint64_t> whole_number(std::size_t column) const;
  /// Within kFarthestStamp of zero.
  Result<Duration> stamp(std::size_t column) const;
  /// As much as a Duration holds.
  Result<Duration> microseconds(std::size_t column) const;

  std::uint64_t line() const { return line_; }
  /// An error "file:line: what", of the current row or of another one.
  Status problem(std::string_view what) const { return problem_at(line_, what); }
  Status problem_at(std::uint64_t line, std::string_view what) const;

 private:
  Status read_header();
  // The next line without its end; false at the end of the file.
  Result<bool> read_line();
  Status split();
  Result<bool> expect_only_blank_lines();
  Status not_a(std::string_view what, std::size_t column) const;

  std::istream& in_;
  std::string file_;
  CsvColumns columns_;
  std::vector<std::string_view> names_;
  std::array<char, kLongestLine + 3> buffer_{};
  std::string_view text_;
  std::vector<std::string_view> fields_;
  std::uint64_t line_ = 0;
};

/// `text` in quotes, without what would spoil a terminal and not too long.
std::string quoted(std::string_view text);

}  // namespace echostream::tool
