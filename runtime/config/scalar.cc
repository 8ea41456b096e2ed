#include "runtime/config/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "echostream/config_options.pb.h"

#include "runtime/config/problems.h"
#include "runtime/messages/utf8.h"

namespace echostream::internal {

namespace {

using google::protobuf::FieldDescriptor;

const config::Setting& setting_of(const FieldDescriptor& field) {
  return field.options().GetExtension(config::setting);
}

template <class Number>
struct Range {
  Number least;
  Number most;
  bool or_zero = false;
  bool has(Number number) const {
    return (number >= least && number <= most) || (or_zero && number == 0);
  }
};

Range<std::int64_t> signed_range(const FieldDescriptor& field) {
  const config::Setting& setting = setting_of(field);
  const bool is_small = field.cpp_type() == FieldDescriptor::CPPTYPE_INT32;
  Range<std::int64_t> range{std::numeric_limits<std::int64_t>::min(),
                            std::numeric_limits<std::int64_t>::max(), setting.or_zero()};
  if (is_small) {
    range.least = std::numeric_limits<std::int32_t>::min();
    range.most = std::numeric_limits<std::int32_t>::max();
  }
  if (setting.has_at_least()) range.least = setting.at_least();
  if (setting.has_at_most()) range.most = setting.at_most();
  return range;
}

Range<std::uint64_t> unsigned_range(const FieldDescriptor& field) {
  const config::Setting& setting = setting_of(field);
  const bool is_small = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
  Range<std::uint64_t> range{0,
                             is_small ? std::numeric_limits<std::uint32_t>::max()
                                      : std::numeric_limits<std::uint64_t>::max(),
                             setting.or_zero()};
  if (setting.has_at_least()) range.least = static_cast<std::uint64_t>(setting.at_least());
  if (setting.has_at_most()) range.most = static_cast<std::uint64_t>(setting.at_most());
  return range;
}

template <class Number>
std::string range_text(const std::string& what, const Range<Number>& range) {
  return what + " from " + std::to_string(range.least) + " to " + std::to_string(range.most) +
         (range.or_zero ? ", or 0" : "");
}

// protobuf's JSON writes 64-bit numbers as strings.
bool may_be_number(const Value& value, bool is_json) {
  return value.kind == Value::Kind::kNumber || value.kind == Value::Kind::kText ||
         (is_json && value.kind == Value::Kind::kString);
}

}  // namespace

std::optional<double> parse_real(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

namespace {

template <class Number>
std::optional<Number> parse_whole(const Value& value, bool is_json) {
  if (!may_be_number(value, is_json)) return std::nullopt;
  Number number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  // 5e3 and 5.0 are whole numbers too, in JSON.
  constexpr double kExact = 9007199254740992;
  const auto real = is_json ? parse_real(value.text) : std::nullopt;
  if (!real || std::trunc(*real) != *real || std::abs(*real) > kExact) return std::nullopt;
  if (*real < static_cast<double>(std::numeric_limits<Number>::min())) return std::nullopt;
  return static_cast<Number>(*real);
}

}  // namespace

std::vector<std::string> value_names(const FieldDescriptor& field) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(field.enum_type()->value_count()));
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    names.push_back(field.enum_type()->value(i)->name());
  }
  return names;
}

std::string expected_text(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return range_text("a whole number", signed_range(field));
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return range_text("a whole number", unsigned_range(field));
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (!setting_of(field).has_at_least() || !setting_of(field).has_at_most()) return "a number";
      return range_text("a number", signed_range(field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "one of " + joined(value_names(field));
    case FieldDescriptor::CPPTYPE_STRING:
      return "text in double quotes";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "an object, {...}";
  }
  return {};
}

std::optional<std::int64_t> signed_number(const Value& value, bool is_json,
                                          const FieldDescriptor& field) {
  const auto number = parse_whole<std::int64_t>(value, is_json);
  return number && signed_range(field).has(*number) ? number : std::nullopt;
}

std::optional<std::uint64_t> unsigned_number(const Value& value, bool is_json,
                                             const FieldDescriptor& field) {
  const auto number = parse_whole<std::uint64_t>(value, is_json);
  return number && unsigned_range(field).has(*number) ? number : std::nullopt;
}

std::optional<double> real_number(const Value& value, bool is_json, const FieldDescriptor& field) {
  if (!may_be_number(value, is_json)) return std::nullopt;
  const auto number = parse_real(value.text);
  const config::Setting& setting = setting_of(field);
  if (!number || (setting.has_at_least() && *number < static_cast<double>(setting.at_least())) ||
      (setting.has_at_most() && *number > static_cast<double>(setting.at_most()))) {
    return std::nullopt;
  }
  const double most = field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT
                          ? std::numeric_limits<float>::max()
                          : std::numeric_limits<double>::max();
  return std::abs(*number) <= most ? number : std::nullopt;
}

std::optional<bool> truth(const Value& value, bool is_json) {
  const bool is_word = value.kind == Value::Kind::kWord || value.kind == Value::Kind::kText;
  const auto is = [&](const char* word) { return is_word && value.text == word; };
  if (is("true") || (!is_json && (is("True") || is("t")))) return true;
  if (is("false") || (!is_json && (is("False") || is("f")))) return false;
  const bool takes_short =
      value.kind == Value::Kind::kText || (!is_json && value.kind == Value::Kind::kNumber);
  if (takes_short && value.text == "1") return true;
  if (takes_short && value.text == "0") return false;
  return std::nullopt;
}

std::optional<int> choice(const Value& value, bool is_json, const FieldDescriptor& field) {
  const bool is_name = value.kind == Value::Kind::kText ||
                       value.kind == (is_json ? Value::Kind::kString : Value::Kind::kWord);
  const auto* known = is_name ? field.enum_type()->FindValueByName(value.text) : nullptr;
  if (known == nullptr && value.kind == Value::Kind::kNumber) {
    const auto number = parse_whole<std::int32_t>(value, false);
    if (number) known = field.enum_type()->FindValueByNumber(*number);
  }
  if (known == nullptr) return std::nullopt;
  return known->number();
}

std::optional<std::string> text(const Value& value) {
  const bool is_text = value.kind == Value::Kind::kString || value.kind == Value::Kind::kText;
  if (!is_text || !is_utf8(value.text)) return std::nullopt;
  return value.text;
}

}  // namespace echostream::internal
