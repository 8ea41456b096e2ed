// What is wrong with a configuration: all of it at once, up to a bound.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/config.h"

#include "runtime/config/value.h"
#include "runtime/messages/spelling.h"  // problems quote and suggest

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

}  // namespace echostream::internal
