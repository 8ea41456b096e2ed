// What is wrong with a configuration: all of it at once, up to a bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/config.h"

#include "runtime/config/value.h"

namespace echostream::internal {

class Problems {
 public:
  /// More are counted only.
  static constexpr std::size_t kMost = 20;

  /// `source` is the file, or where else a setting was made; `field` may be empty. Of several at
  /// one place the first is kept: the others follow from it.
  void add(std::string source, Place place, std::string field, std::string message);
  void add(ConfigProblem problem);

  bool empty() const noexcept { return problems_.empty(); }
  bool is_full() const noexcept { return problems_.size() >= kMost; }
  /// OK, or kInvalidArgument with one line for each. `out` may be null; otherwise it gets them.
  Status status(std::vector<ConfigProblem>* out) const;

 private:
  std::vector<ConfigProblem> problems_;
  std::size_t left_out_ = 0;
};

/// `text` in double quotes, at most 60 bytes of it, with what is not printable escaped.
std::string quoted(std::string_view text);
/// Letters to change, insert, leave out, or exchange with their neighbour; their case is free, so
/// that "cubic" is nearest to "CUBIC".
std::size_t distance(std::string_view a, std::string_view b);
/// "a, b, c".
std::string joined(const std::vector<std::string>& words);
/// `; did you mean "listen"?` for the nearest of `choices` when it is near, else nothing.
std::string suggestion(std::string_view wrong, const std::vector<std::string>& choices);

}  // namespace echostream::internal
