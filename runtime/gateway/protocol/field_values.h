// What values of header fields are made of: tokens, lists, parameters (RFC 9110 5.6).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace echostream::gateway {

std::string to_lower_ascii(std::string_view text);
/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);
/// The parts between separators, trimmed; empty ones are left out. Views into `text`.
std::vector<std::string_view> split_list(std::string_view text, char separator = ',');
/// A field name as HTTP/3 takes it: a token of RFC 9110 without capital letters.
bool is_field_name(std::string_view name);
/// Without the control characters that end or break a field: nothing below a space but tabs, no
/// DEL.
bool is_field_value(std::string_view value);
/// A decimal number of 1 to `max_digits` digits, and nothing else; -1 for anything else.
/// `max_digits` is at most 18.
long long parse_digits(std::string_view text, std::size_t max_digits);

}  // namespace echostream::gateway
