// The JSON objects inside of tokens, as far as anybody asks for what is in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace echostream::auth_token {

/// The members of one object. Strings, numbers and lists of strings are kept, of everything else
/// only that it is there.
class JsonObject {
 public:
  enum class Kind : unsigned char { kString, kNumber, kStrings, kOther };
  struct Member {
    std::string key;
    Kind kind = Kind::kOther;
    std::string text;
    double number = 0;
    std::vector<std::string> texts;
  };

  /// None for what is not exactly one JSON object, for members that occur twice, more than 8
  /// levels, and more than 256 values.
  static std::optional<JsonObject> parse(std::string_view text);
  /// Null when there is none.
  const Member* find(std::string_view key) const;

 private:
  std::vector<Member> members_;
};

/// "text" in quotes, escaped.
std::string to_json_string(std::string_view text);

}  // namespace echostream::auth_token
