#include "runtime/gateway/json/scalar_check.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <system_error>
#include <vector>

#include "runtime/messages/spelling.h"

namespace echostream::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using internal::JsonScalar;

constexpr int kMostSuggested = 256;  // names that a wrong one is compared with

template <class Number>
bool parses(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end;
}

// "12", and also "12.0" and "1.2e1", which other writers make of whole numbers.
template <class Number>
bool is_whole(std::string_view text) {
  Number whole{};
  if (parses(text, whole)) return true;
  double value = 0;
  if (text.find_first_of(".eE") == text.npos || !parses(text, value)) return false;
  // One above the largest is a power of two, which doubles have.
  const double least = static_cast<double>(std::numeric_limits<Number>::min());
  const double above = std::ldexp(1.0, std::numeric_limits<Number>::digits);
  return value >= least && value < above && value == std::trunc(value);
}

template <class Number>
std::string check_whole(const char* range, JsonScalar kind, const std::string& text) {
  const bool may_be = kind == JsonScalar::kNumber || kind == JsonScalar::kString;
  if (may_be && is_whole<Number>(text)) return {};
  return std::string("a whole number from ") + range + " was expected, not " + shown(kind, text);
}

std::string check_real(bool is_float, JsonScalar kind, const std::string& text) {
  const bool is_name = text == "NaN" || text == "Infinity" || text == "-Infinity";
  if (kind == JsonScalar::kString && is_name) return {};
  double value = 0;
  const bool may_be = kind == JsonScalar::kNumber || kind == JsonScalar::kString;
  if (may_be && !text.empty() && text.find_first_not_of("+-.0123456789eE") == text.npos &&
      parses(text, value)) {
    if (!is_float || std::abs(value) <= std::numeric_limits<float>::max()) return {};
  }
  return std::string("a number that a ") + (is_float ? "float" : "double") +
         " can hold was expected, or \"NaN\", \"Infinity\", \"-Infinity\"; not " +
         shown(kind, text);
}

bool is_base64(std::string_view text) {
  std::size_t size = text.find('=');
  if (size == text.npos) size = text.size();
  const std::size_t padding = text.size() - size;
  bool is_standard = false;
  bool is_url_safe = false;
  for (const char c : text.substr(0, size)) {
    const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (c == '+' || c == '/') is_standard = true;
    if (c == '-' || c == '_') is_url_safe = true;
    if (!is_letter && !(c >= '0' && c <= '9') && c != '+' && c != '/' && c != '-' && c != '_') {
      return false;
    }
  }
  if (is_standard && is_url_safe) return false;
  if (text.find_first_not_of('=', size) != text.npos || size % 4 == 1) return false;
  return padding == 0 || (padding < 3 && text.size() % 4 == 0);
}

std::string check_enum(const EnumDescriptor& type, JsonScalar kind, const std::string& text) {
  if (kind == JsonScalar::kNumber || kind == JsonScalar::kString) {
    if (is_whole<std::int32_t>(text)) return {};
  }
  if (kind == JsonScalar::kString && type.FindValueByName(text) != nullptr) return {};
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count() && i < kMostSuggested; ++i) {
    names.push_back(type.value(i)->name());
  }
  std::string hint = internal::suggestion(text, names);
  if (hint.empty() && !names.empty()) hint = ", for example " + internal::quoted(names.front());
  return "a name of " + type.full_name() + " was expected, not " + shown(kind, text) + hint;
}

}  // namespace

std::string shown(JsonScalar kind, const std::string& text) {
  if (kind == JsonScalar::kString) return internal::quoted(text);
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

std::string check_scalar(const FieldDescriptor& field, JsonScalar kind, const std::string& text) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return check_whole<std::int32_t>("-2147483648 to 2147483647", kind, text);
    case FieldDescriptor::CPPTYPE_UINT32:
      return check_whole<std::uint32_t>("0 to 4294967295", kind, text);
    case FieldDescriptor::CPPTYPE_INT64:
      return check_whole<std::int64_t>("-2^63 to 2^63-1", kind, text);
    case FieldDescriptor::CPPTYPE_UINT64:
      return check_whole<std::uint64_t>("0 to 2^64-1", kind, text);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return check_real(field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT, kind, text);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text == "true" || text == "false") return {};
      return "true or false was expected, not " + shown(kind, text);
    case FieldDescriptor::CPPTYPE_ENUM:
      return check_enum(*field.enum_type(), kind, text);
    case FieldDescriptor::CPPTYPE_STRING:
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "an object was expected, not " + shown(kind, text);
  }
  if (kind != JsonScalar::kString) return "text in quotes was expected, not " + shown(kind, text);
  if (field.type() != FieldDescriptor::TYPE_BYTES || is_base64(text)) return {};
  return "bytes in base64 were expected, not " + shown(kind, text);
}

std::string check_time_text(const Descriptor& type, JsonScalar kind, const std::string& text) {
  using google::protobuf::util::TimeUtil;
  const bool is_text = kind == JsonScalar::kString;
  switch (type.well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_TIMESTAMP: {
      google::protobuf::Timestamp time;
      if (is_text && TimeUtil::FromString(text, &time)) return {};
      return "a time was expected, like \"2024-05-01T12:30:00.5Z\", not " + shown(kind, text);
    }
    case Descriptor::WELLKNOWNTYPE_DURATION: {
      google::protobuf::Duration duration;
      if (is_text && TimeUtil::FromString(text, &duration)) return {};
      return "a duration in seconds was expected, like \"1.5s\", not " + shown(kind, text);
    }
    default:
      break;
  }
  if (is_text) return {};
  return "field names were expected, like \"name,address.city\", not " + shown(kind, text);
}

}  // namespace echostream::gateway
