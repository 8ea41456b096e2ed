#include "runtime/config/text_reader.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>
#include <utility>

namespace echostream::internal {

namespace {

using google::protobuf::io::Tokenizer;

class TextReader final : private google::protobuf::io::ErrorCollector {
 public:
  TextReader(std::string_view text, const std::string& source, Problems& problems)
      : source_(source),
        problems_(problems),
        input_(text.data(), static_cast<int>(text.size())),
        tokens_(&input_, this) {
    tokens_.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
    tokens_.set_allow_f_after_float(true);
    tokens_.set_require_space_after_number(false);
    tokens_.set_allow_multiline_strings(true);
    tokens_.Next();
  }

  std::optional<Value> read() {
    Value value;
    value.kind = Value::Kind::kObject;
    value.place = {1, 1};
    if (!read_members(value, "", 0) || had_problem_) return std::nullopt;
    return value;
  }

 private:
  // Of the tokenizer, which counts from 0.
  void AddError(int line, int column, const std::string& message) override {
    report({line + 1, column + 1}, message);
  }

  bool report(Place where, std::string message) {
    had_problem_ = true;
    problems_.add(source_, where, "", std::move(message));
    return false;
  }
  bool expected(const std::string& what) {
    const std::string found =
        is_at_end() ? "but the text ends here" : "not " + quoted(tokens_.current().text);
    return report(place(), what + " was expected here, " + found);
  }

  // Not const: Tokenizer::current() is not.
  bool is(Tokenizer::TokenType type) { return tokens_.current().type == type; }
  bool is(const char* symbol) {
    return is(Tokenizer::TYPE_SYMBOL) && tokens_.current().text == symbol;
  }
  bool is_at_end() { return is(Tokenizer::TYPE_END); }
  bool take(const char* symbol) {
    if (!is(symbol)) return false;
    tokens_.Next();
    return true;
  }
  Place place() { return {tokens_.current().line + 1, tokens_.current().column + 1}; }

  // Up to the symbol `end`, or to the end of the text where there is none.
  bool read_members(Value& object, const std::string& end, int depth) {
    while (end.empty() ? !is_at_end() : !is(end.c_str())) {
      Member& member = object.members.emplace_back();
      member.place = place();
      if (!is(Tokenizer::TYPE_IDENTIFIER)) {
        return expected(end.empty() ? "a field's name" : "a field's name or '" + end + "'");
      }
      member.name = tokens_.current().text;
      tokens_.Next();
      const bool has_colon = take(":");
      if (!has_colon && !is("{") && !is("<")) return expected("':' or '{'");
      if (!read_value(member.value, depth + 1)) return false;
      if (!take(",")) take(";");
    }
    if (!end.empty()) tokens_.Next();
    return true;
  }

  bool read_value(Value& value, int depth) {
    value.place = place();
    if (depth > kMostConfigDepth) {
      return report(place(), "nested deeper than " + std::to_string(kMostConfigDepth));
    }
    if (is("{") || is("<")) {
      const std::string end = is("{") ? "}" : ">";
      tokens_.Next();
      value.kind = Value::Kind::kObject;
      return read_members(value, end, depth);
    }
    if (take("[")) return read_list(value, depth);
    if (is(Tokenizer::TYPE_STRING)) return read_strings(value);
    return read_scalar(value);
  }

  bool read_list(Value& value, int depth) {
    value.kind = Value::Kind::kList;
    while (!take("]")) {
      if (!value.items.empty() && !take(",")) return expected("',' or ']'");
      if (!read_value(value.items.emplace_back(), depth + 1)) return false;
    }
    return true;
  }

  // One after the other, they are one.
  bool read_strings(Value& value) {
    value.kind = Value::Kind::kString;
    while (is(Tokenizer::TYPE_STRING)) {
      Tokenizer::ParseStringAppend(tokens_.current().text, &value.text);
      tokens_.Next();
    }
    return true;
  }

  bool read_scalar(Value& value) {
    const bool is_negative = take("-");
    std::string text = tokens_.current().text;
    if (is(Tokenizer::TYPE_INTEGER)) {
      value.kind = Value::Kind::kNumber;
      std::uint64_t number = 0;  // hexadecimal and octal ones become decimal
      const auto most = std::numeric_limits<std::uint64_t>::max();
      if (Tokenizer::ParseInteger(text, most, &number)) text = std::to_string(number);
    } else if (is(Tokenizer::TYPE_FLOAT)) {
      value.kind = Value::Kind::kNumber;
      if (text.back() == 'f' || text.back() == 'F') text.pop_back();
    } else if (is(Tokenizer::TYPE_IDENTIFIER)) {
      value.kind = Value::Kind::kWord;
    } else {
      return expected("a value");
    }
    value.text = (is_negative ? "-" : "") + text;
    tokens_.Next();
    return true;
  }

  const std::string& source_;
  Problems& problems_;
  bool had_problem_ = false;
  google::protobuf::io::ArrayInputStream input_;
  Tokenizer tokens_;
};

}  // namespace

std::optional<Value> read_text_format(std::string_view text, const std::string& source,
                                      Problems& problems) {
  return TextReader(text, source, problems).read();
}

}  // namespace echostream::internal
