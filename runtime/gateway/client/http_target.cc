#include "runtime/gateway/client/http_target.h"

#include <algorithm>

#include "echostream/base/printable.h"
#include "echostream/socket_address.h"

namespace echostream::gateway {
namespace {

constexpr std::uint16_t kHttpsPort = 443;
constexpr std::string_view kHttpsScheme = "https://";

Status bad_target(std::string_view text, const char* why) {
  return {StatusCode::kInvalidArgument,
          "'" + printable(text.substr(0, 200)) + "' cannot be dialled: " + why};
}

bool starts_with_scheme(std::string_view text, std::string_view scheme) {
  return text.size() >= scheme.size() &&
         std::equal(scheme.begin(), scheme.end(), text.begin(), [](char wanted, char is) {
           return wanted == (is >= 'A' && is <= 'Z' ? static_cast<char>(is - 'A' + 'a') : is);
         });
}

bool has_port(std::string_view authority) {
  if (!authority.starts_with('[')) return authority.find(':') != authority.npos;
  const std::size_t end = authority.find(']');
  return end != authority.npos && end + 1 < authority.size();
}

// What may stand in a name or a numeric address; the lookup finds out about the rest.
bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == ':' || c == '%';
}

std::string authority_of(const HostAndPort& parsed) {
  // The zone of an address means nothing to others (RFC 6874).
  std::string host = parsed.host.substr(0, parsed.host.find('%'));
  if (host.find(':') != host.npos) host = "[" + host + "]";
  if (parsed.port != kHttpsPort) host += ":" + std::to_string(parsed.port);
  return host;
}

}  // namespace

Result<HttpTarget> parse_http_target(std::string_view text) {
  std::string_view rest = text;
  if (starts_with_scheme(rest, kHttpsScheme)) {
    rest.remove_prefix(kHttpsScheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
  } else if (rest.find("://") != rest.npos) {
    return bad_target(text, "only https:// is, HTTP/3 is always encrypted");
  }
  if (rest.find_first_of("/?#") != rest.npos) {
    return bad_target(text, "the path belongs into the request");
  }
  if (rest.find('@') != rest.npos) return bad_target(text, "it must name no user");
  std::string host_and_port(rest);
  if (rest.size() != text.size() && !has_port(rest)) {
    host_and_port += ":" + std::to_string(kHttpsPort);
  }
  auto parsed = parse_host_and_port(host_and_port);
  if (!parsed) return std::move(parsed).error();
  if (parsed->port == 0) return bad_target(text, "port 0 stands for no port");
  if (!std::all_of(parsed->host.begin(), parsed->host.end(), is_host_character)) {
    return bad_target(text, "that is no name of a host");
  }
  HttpTarget target;
  target.authority = authority_of(*parsed);
  target.host_and_port = std::move(host_and_port);
  return target;
}

}  // namespace echostream::gateway
