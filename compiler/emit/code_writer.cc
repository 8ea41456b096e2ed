#include "compiler/emit/code_writer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace echostream::compiler {
namespace {

constexpr int kIndentation = 2;

[[noreturn]] void fail(std::string_view what, std::string_view name) {
  std::fprintf(stderr, "protoc-gen-echostream: %.*s: '%.*s'\n", static_cast<int>(what.size()),
               what.data(), static_cast<int>(name.size()), name.data());
  std::abort();
}

std::string_view value_of(std::string_view name, CodeWriter::Variables variables) {
  const auto found = std::find_if(variables.begin(), variables.end(),
                                  [&](const auto& variable) { return variable.first == name; });
  if (found == variables.end()) fail("unknown variable in a template", name);
  return found->second;
}

std::string substitute(std::string_view text, CodeWriter::Variables variables) {
  std::string result;
  while (true) {
    const std::size_t open = text.find('$');
    result += text.substr(0, open);
    if (open == std::string_view::npos) return result;
    const std::size_t close = text.find('$', open + 1);
    if (close == std::string_view::npos) fail("a template has a $ without its pair", text);
    result += value_of(text.substr(open + 1, close - open - 1), variables);
    text.remove_prefix(close + 1);
  }
}

}  // namespace

void CodeWriter::print(std::string_view text, Variables variables) {
  if (!text.empty() && text.front() == '\n') text.remove_prefix(1);
  print_raw(substitute(text, variables));
}

void CodeWriter::print_raw(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) text_.append(static_cast<std::size_t>(depth_) * kIndentation, ' ');
    text_ += text.substr(0, end);
    text_ += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace echostream::compiler
