// Errors in the user's files: where, what, and what to write instead.
#pragma once

#include <string>
#include <vector>

namespace echostream::compiler {

/// Line and column count from 1.
struct Location {
  std::string file;
  int line = 1;
  int column = 1;
};

/// "file:line:column", as compilers print it.
std::string to_string(const Location& location);

/// Collects the errors of a run, so that the user sees all of them at once.
class Diagnostics {
 public:
  void error(const Location& where, const std::string& what);
  bool empty() const { return lines_.empty(); }
  /// "2 errors", then one line for each error.
  std::string to_string() const;

 private:
  std::vector<std::string> lines_;
};

}  // namespace echostream::compiler
