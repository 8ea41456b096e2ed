#include "tools/echostream/call/type_text.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "echostream/base/printable.h"

namespace echostream::tool {

namespace {

bool is_name_character(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// protobuf's JSON mapping: "least_force" is "leastForce".
std::string json_name_of(std::string_view field) {
  std::string name;
  bool is_upper = false;
  for (const char c : field) {
    if (c == '_') {
      is_upper = true;
      continue;
    }
    const bool is_lower_case = c >= 'a' && c <= 'z';
    name += is_upper && is_lower_case ? static_cast<char>(c - 'a' + 'A') : c;
    is_upper = false;
  }
  return name;
}

// The field of "... name = 7", which the text ends with; empty when it does not.
std::string_view field_at_end(std::string_view text) {
  while (!text.empty() && text.back() >= '0' && text.back() <= '9') text.remove_suffix(1);
  if (!text.ends_with(" = ")) return {};
  text.remove_suffix(3);
  std::size_t size = 0;
  while (size < text.size() && is_name_character(text[text.size() - size - 1])) ++size;
  return text.substr(text.size() - size);
}

}  // namespace

std::string without_usual_json_names(std::string_view text) {
  constexpr std::string_view kBegin = " [json_name = \"";
  std::string out;
  for (;;) {
    const std::size_t begin = text.find(kBegin);
    if (begin == std::string_view::npos) return out.append(text);
    out += text.substr(0, begin);
    const std::string_view rest = text.substr(begin + kBegin.size());
    const std::size_t end = rest.find('"');
    const bool is_usual = end != std::string_view::npos &&
                          rest.substr(0, end) == json_name_of(field_at_end(out)) &&
                          !field_at_end(out).empty();
    const std::string_view after = is_usual ? rest.substr(end + 1) : std::string_view();
    if (after.starts_with("]")) {
      text = after.substr(1);
    } else if (after.starts_with(", ")) {
      out += " [";
      text = after.substr(2);
    } else {
      out += kBegin;
      text = rest;
    }
  }
}

std::string type_definition(const Schema& schema, const std::string& name) {
  std::string text;
  if (const auto* message = schema.types().pool().FindMessageTypeByName(name)) {
    text = message->DebugString();
  } else if (const auto* choice = schema.types().pool().FindEnumTypeByName(name)) {
    text = choice->DebugString();
  }
  text = without_usual_json_names(text);
  std::string out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += echostream::printable(text.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out;
}

}  // namespace echostream::tool
