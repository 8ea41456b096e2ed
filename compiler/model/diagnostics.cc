#include "compiler/model/diagnostics.h"

namespace echostream::compiler {

std::string to_string(const Location& location) {
  return location.file + ":" + std::to_string(location.line) + ":" +
         std::to_string(location.column);
}

void Diagnostics::error(const Location& where, const std::string& what) {
  lines_.push_back(compiler::to_string(where) + ": error: " + what);
}

std::string Diagnostics::to_string() const {
  std::string text = std::to_string(lines_.size()) + (lines_.size() == 1 ? " error" : " errors");
  for (const std::string& line : lines_) text += "\n" + line;
  return text;
}

}  // namespace echostream::compiler
