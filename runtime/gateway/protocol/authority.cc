#include "runtime/gateway/protocol/authority.h"

#include <algorithm>
#include <cstddef>

#include "runtime/gateway/protocol/field_values.h"

namespace echostream::gateway {
namespace {

bool is_host_text(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool is_address_text(std::string_view name) {
  return !name.empty() && name.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

}  // namespace

std::string name_of_authority(std::string_view authority) {
  std::string lower = to_lower_ascii(authority);
  std::string_view name = lower;
  std::string_view port;
  const bool is_address = name.starts_with('[');
  const std::size_t end = is_address ? name.find(']') : name.find(':');
  if (end != std::string_view::npos) {
    port = name.substr(end + (is_address ? 1 : 0));
    name = name.substr(is_address ? 1 : 0, end - (is_address ? 1 : 0));
  } else if (is_address) {
    return {};
  }
  // ":" alone is a port left out.
  const bool is_port = port.empty() || port == ":" ||
                       (port.starts_with(':') && parse_digits(port.substr(1), 5) >= 0);
  if (!is_port || !(is_address ? is_address_text(name) : is_host_text(name))) return {};
  if (!is_address && name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

Result<std::string> authority_of(const http3::Fields& head) {
  const std::string_view authority = head.get(":authority");
  const std::string_view host = head.get("host");
  if (authority.empty() && host.empty()) {
    return Status(StatusCode::kInvalidArgument, "the request names no host");
  }
  if (!authority.empty() && !host.empty() && authority != host) {
    return Status(StatusCode::kInvalidArgument, "the request names two hosts");
  }
  const std::string_view told = authority.empty() ? host : authority;
  if (name_of_authority(told).empty()) {
    return Status(StatusCode::kInvalidArgument, "the request's host is none");
  }
  return std::string(told);
}

bool is_allowed_host(std::string_view authority, const std::vector<std::string>& allowed) {
  const std::string name = name_of_authority(authority);
  return allowed.empty() ||
         std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
           // An IPv6 address may be written without its brackets.
           const bool is_bare = std::count(one.begin(), one.end(), ':') > 1 && one[0] != '[';
           return !name.empty() && name_of_authority(is_bare ? "[" + one + "]" : one) == name;
         });
}

}  // namespace echostream::gateway
