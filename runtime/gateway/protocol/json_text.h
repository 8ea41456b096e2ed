// The JSON of errors and ends of streams, written and read. Not for messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace echostream::gateway {

/// Appends `text` as a JSON string. What is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& json, std::string_view text);

/// Reads a JSON text from front to end, keeping nothing but what it is asked for. Once something
/// is wrong everything says "no", and is_good() is false. The text outlives it.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : rest_(text) {}

  /// Enters an object or array; false when the next value is none.
  bool enter_object() { return enter('{'); }
  bool enter_array() { return enter('['); }
  /// The next key of the object just entered, whose value has to be read or skipped then; none at
  /// its end.
  std::optional<std::string> next_key();
  /// Whether the array just entered has another element, which has to be read or skipped then.
  bool next_element();
  /// The next value, which has to be a string. Lone surrogates become U+FFFD.
  std::optional<std::string> string();
  /// Passes over any value, nested to 64 levels at most; how it is spelt inside is not checked.
  void skip();
  /// Nothing was wrong, and nothing but white space is left.
  bool is_complete();
  bool is_good() const { return is_good_; }

 private:
  bool enter(char bracket);
  bool next_item(char closing);
  void skip_blank();
  bool take(char c);
  bool fail();
  bool append_escape(std::string& text);
  std::optional<unsigned> code_unit();

  std::string_view rest_;
  bool is_good_ = true;
  bool is_first_ = false;  // of what was just entered
};

}  // namespace echostream::gateway
