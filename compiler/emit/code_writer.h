// Writes indented text with $variables$ filled in.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace echostream::compiler {

class CodeWriter {
 public:
  using Variables = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Writes the lines of `text`, each indented, with every $name$ replaced by its value. A value
  /// may have several lines and is not searched for variables. One newline at the start of `text`
  /// is dropped, so that a raw string can begin on a line of its own. A name that is not in
  /// `variables` is a mistake in the emitter and ends the program.
  void print(std::string_view text, Variables variables = {});

  /// Writes the lines of `text` as they are, indented.
  void print_raw(std::string_view text);

  /// Indents while it lives.
  class Indented {
   public:
    explicit Indented(CodeWriter& writer) : writer_(writer) { ++writer_.depth_; }
    ~Indented() { --writer_.depth_; }
    Indented(const Indented&) = delete;
    Indented& operator=(const Indented&) = delete;

   private:
    CodeWriter& writer_;
  };

  const std::string& text() const { return text_; }

 private:
  int depth_ = 0;
  std::string text_;
};

}  // namespace echostream::compiler
