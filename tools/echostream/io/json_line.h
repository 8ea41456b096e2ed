// Objects and lists in JSON, written in one line: for --json.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace echostream::tool {

/// In quotation marks. UTF-8 stays as it is; bytes that are none become U+FFFD, for JSON has no
/// others (RFC 8259 8.1).
std::string quoted_json(std::string_view text);

/// `JsonLine().add("rtt_ms", 1.5).add("peer", name).text()`
class JsonLine {
 public:
  JsonLine& add(std::string_view name, std::string_view text);
  JsonLine& add(std::string_view name, const char* text) {
    return add(name, std::string_view(text));
  }
  JsonLine& add(std::string_view name, const std::vector<std::string>& texts);
  JsonLine& add(std::string_view name, std::same_as<bool> auto value) {
    return add_json(name, value ? "true" : "false");
  }
  JsonLine& add(std::string_view name,
                std::integral auto value) requires(!std::same_as<decltype(value), bool>) {
    return add_json(name, std::to_string(value));
  }
  /// With up to six digits behind the point; null for what is no number.
  JsonLine& add(std::string_view name, double value);
  /// `json` is JSON already.
  JsonLine& add_json(std::string_view name, std::string_view json);
  JsonLine& add_null(std::string_view name) { return add_json(name, "null"); }
  std::string text() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

/// "[a,b]" of what is JSON already.
std::string json_list(const std::vector<std::string>& items);

}  // namespace echostream::tool
