#include "runtime/gateway/client/request_check.h"

#include <algorithm>
#include <array>
#include <string>

#include "echostream/base/printable.h"

namespace echostream::gateway {
namespace {

Status refused(const char* what, std::string_view text, const char* why) {
  return {StatusCode::kInvalidArgument,
          std::string(what) + " '" + printable(text.substr(0, 100)) + "' " + why};
}

// Which characters are some of `wanted`, as a table: every request is looked at.
template <class Wanted>
constexpr std::array<bool, 256> table_of(Wanted wanted) {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = wanted(static_cast<unsigned char>(i));
  return table;
}

constexpr bool is_upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }

// RFC 9110 5.6.2.
constexpr bool is_token_character(unsigned char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || is_upper(c) || (c >= '0' && c <= '9') ||
         kOthers.find(static_cast<char>(c)) != kOthers.npos;
}

constexpr auto kTokenCharacters = table_of(is_token_character);
constexpr auto kNameCharacters =
    table_of([](unsigned char c) { return is_token_character(c) && !is_upper(c); });
// RFC 9110 5.5.
constexpr auto kValueCharacters =
    table_of([](unsigned char c) { return (c >= 0x20 || c == '\t') && c != 0x7f; });

bool has_only(const std::array<bool, 256>& table, std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

bool is_token(std::string_view text) { return !text.empty() && has_only(kTokenCharacters, text); }

bool is_path(std::string_view text) {
  if (text == "*") return true;
  return text.starts_with('/') && std::all_of(text.begin(), text.end(), [](char c) {
           return c > 0x20 && c < 0x7f && c != '#';
         });
}

bool is_field_value(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!text.empty() && (is_blank(text.front()) || is_blank(text.back()))) return false;
  return has_only(kValueCharacters, text);
}

bool belongs_to_connections(std::string_view name) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
         name == "transfer-encoding" || name == "upgrade";
}

}  // namespace

Status check_fields(const http3::Fields& fields) {
  for (const http3::Field& field : fields) {
    if (field.name.starts_with(':')) {
      return refused("the field", field.name, "is a pseudo-header, which the client makes itself");
    }
    if (field.name.empty() || !has_only(kNameCharacters, field.name)) {
      return refused("the field name", field.name, "is none: HTTP/3 takes lower-case tokens");
    }
    if (belongs_to_connections(field.name) || (field.name == "te" && field.value != "trailers")) {
      return refused("the field", field.name, "belongs to connections of HTTP/1.1");
    }
    if (!is_field_value(field.value)) {
      return refused("the value of the field", field.name,
                     "has control characters, or blanks around it");
    }
  }
  return Status::ok();
}

Status check_request(const HttpRequest& request) {
  if (!is_token(request.method)) return refused("the method", request.method, "is no token");
  if (request.method == "CONNECT") return refused("the method", "CONNECT", "is not supported");
  if (!is_path(request.path)) {
    return refused("the path", request.path,
                   "is none: it begins with '/', and has no blanks or fragments");
  }
  if (request.streams_body && !request.body.empty()) {
    return {StatusCode::kInvalidArgument, "a body is either whole or streamed, not both"};
  }
  return check_fields(request.fields);
}

}  // namespace echostream::gateway
