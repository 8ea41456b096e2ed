// Single values: what a field takes, said in words, and whether a value is that.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/config/value.h"

namespace echostream::internal {

/// Of an enum.
std::vector<std::string> value_names(const google::protobuf::FieldDescriptor& field);
/// "a whole number from 1 to 65535", "one of CUBIC, NEW_RENO, BBR".
std::string expected_text(const google::protobuf::FieldDescriptor& field);

// Each gives nothing when the value is not of that kind, or out of the field's range.
std::optional<std::int64_t> signed_number(const Value& value, bool is_json,
                                          const google::protobuf::FieldDescriptor& field);
std::optional<std::uint64_t> unsigned_number(const Value& value, bool is_json,
                                             const google::protobuf::FieldDescriptor& field);
std::optional<double> real_number(const Value& value, bool is_json,
                                  const google::protobuf::FieldDescriptor& field);
/// Any finite number, as JSON writes it.
std::optional<double> parse_real(const std::string& text);
std::optional<bool> truth(const Value& value, bool is_json);
std::optional<int> choice(const Value& value, bool is_json,
                          const google::protobuf::FieldDescriptor& field);
/// UTF-8.
std::optional<std::string> text(const Value& value);

}  // namespace echostream::internal
