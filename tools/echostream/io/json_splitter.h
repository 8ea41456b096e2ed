// Takes a text apart that has JSON values one after the other, as it comes in. Whether each is
// right is for whoever reads it; here it is only found where one ends.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"

namespace echostream::tool {

class JsonSplitter {
 public:
  /// Longest value that is collected.
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;

  /// More of the text.
  void feed(std::string_view text);
  /// There is no more.
  void finish() { is_finished_ = true; }

  /// The next value, once all of it is there. The spaces and lines before it say where it stood,
  /// so that a reader's line and column are those of the whole text; far down only the column is
  /// (see lines_left_out()). RESOURCE_EXHAUSTED: it is too long.
  Result<std::optional<std::string>> next();
  /// Lines that were left out before the last value.
  std::size_t lines_left_out() const { return lines_left_out_; }

 private:
  std::size_t end_of_value(std::string_view rest);
  bool is_complete_at(char c);
  void skip_space();
  std::string placed(std::string_view value) const;
  void take(std::size_t count);

  std::string text_;
  // What is before it has been taken.
  std::size_t begin_ = 0;
  // How far the rest has been looked at, and what was seen there.
  std::size_t scanned_ = 0;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool is_escaped_ = false;
  bool is_finished_ = false;
  // Where the rest begins, both from 0.
  std::size_t line_ = 0;
  std::size_t column_ = 0;
  std::size_t lines_left_out_ = 0;
};

}  // namespace echostream::tool
