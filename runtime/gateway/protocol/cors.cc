#include "runtime/gateway/protocol/cors.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "runtime/gateway/protocol/field_values.h"

namespace echostream::gateway {
namespace {

// Browsers keep it for two hours at most.
constexpr std::string_view kMaxAgeSeconds = "7200";
// What the protocols' own clients send.
constexpr std::string_view kUsualHeaders =
    "content-type, connect-protocol-version, connect-timeout-ms, connect-content-encoding, "
    "connect-accept-encoding, grpc-timeout, grpc-encoding, grpc-accept-encoding, x-grpc-web, "
    "x-user-agent";
// Pages see these anyway, or have no use for them.
constexpr std::array<std::string_view, 10> kSeenAnyway = {
    "grpc-status",   "grpc-message",     "grpc-status-details-bin",
    "cache-control", "content-language", "content-length",
    "content-type",  "expires",          "pragma",
    "vary"};

bool is_exposed_anyway(std::string_view name) {
  return !is_field_name(name) ||
         std::find(kSeenAnyway.begin(), kSeenAnyway.end(), name) != kSeenAnyway.end();
}

bool is_listed(std::string_view origin, const GatewayRules& rules) {
  const std::string lower = to_lower_ascii(origin);
  return std::any_of(rules.allowed_origins.begin(), rules.allowed_origins.end(),
                     [&](const std::string& allowed) {
                       return allowed != "*" && to_lower_ascii(allowed) == lower;
                     });
}

bool allows_any(const GatewayRules& rules) {
  const auto& allowed = rules.allowed_origins;
  return std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
}

// The names that the browser asks for, as they may stand in an answer.
std::string requested_headers(std::string_view value) {
  std::string headers;
  for (const std::string_view item : split_list(value)) {
    const std::string name = to_lower_ascii(item);
    if (!is_field_name(name)) continue;
    if (!headers.empty()) headers += ", ";
    headers += name;
  }
  return headers.empty() ? std::string(kUsualHeaders) : headers;
}

}  // namespace

bool is_allowed_sender(const http3::Fields& head, std::string_view authority,
                       const GatewayRules& rules) {
  if (allows_any(rules)) return true;
  const std::string_view origin = head.get("origin");
  if (origin.empty()) {
    const std::string_view site = head.get("sec-fetch-site");
    return site.empty() || site == "none" || site == "same-origin";
  }
  std::string own = "https://" + to_lower_ascii(authority);
  if (own.ends_with(":443")) own.resize(own.size() - 4);  // browsers leave it out
  return is_listed(origin, rules) || to_lower_ascii(origin) == own;
}

Status check_allowed_origin(std::string_view origin) {
  if (origin == "*" || origin == "null") return Status::ok();
  const std::size_t scheme_end = origin.find("://");
  const bool has_scheme = scheme_end != origin.npos && scheme_end > 0;
  const std::string_view host = has_scheme ? origin.substr(scheme_end + 3) : std::string_view();
  const bool is_origin = !host.empty() && host.find_first_of("/?#@*, ") == host.npos;
  // Browsers leave a scheme's own port out.
  const bool has_usual_port = (origin.starts_with("https://") && host.ends_with(":443")) ||
                              (origin.starts_with("http://") && host.ends_with(":80"));
  if (is_origin && !has_usual_port) return Status::ok();
  return {StatusCode::kInvalidArgument,
          "HttpOptions::allowed_origins: \"" + std::string(origin) +
              "\" is not how a browser names an origin: write \"https://console.example\" or "
              "\"https://console.example:8443\", with no path or '/' behind it, or \"*\""};
}

CorsGrant::CorsGrant(const GatewayRules& rules, std::string_view origin) {
  is_listed_ = !origin.empty() && is_listed(origin, rules) && is_field_value(origin);
  const bool is_any = allows_any(rules);
  // Whether a shared cache may show one origin's answer to another.
  varies_ = !rules.allowed_origins.empty() && (!is_any || rules.allowed_origins.size() > 1);
  if (is_listed_) origin_ = std::string(origin);
  if (!is_listed_ && is_any && !origin.empty()) origin_ = "*";
}

void CorsGrant::add_origin_to(http3::Fields& head) const {
  if (origin_.empty()) return;
  head.add("access-control-allow-origin", origin_);
  if (is_listed_) head.add("access-control-allow-credentials", "true");
}

void CorsGrant::add_to(http3::Fields& head) const {
  if (!origin_.empty()) {
    std::string exposed = "grpc-status, grpc-message, grpc-status-details-bin";
    for (const http3::Field& field : head) {
      if (!is_exposed_anyway(field.name)) exposed.append(", ").append(field.name);
    }
    add_origin_to(head);
    head.add("access-control-expose-headers", exposed);
  }
  if (varies_) head.add("vary", "origin");
}

bool is_preflight(const http3::Fields& head) {
  return head.get(":method") == "OPTIONS" && head.has("origin") &&
         head.has("access-control-request-method");
}

ResponsePart answer_preflight(const http3::Fields& head, const GatewayRules& rules) {
  ResponsePart part;
  part.is_end = true;
  part.head.add(":status", "204");
  CorsGrant(rules, head.get("origin")).add_origin_to(part.head);
  part.head.add("access-control-allow-methods", "GET, POST");
  part.head.add("access-control-allow-headers",
                requested_headers(head.get("access-control-request-headers")));
  part.head.add("access-control-max-age", std::string(kMaxAgeSeconds));
  part.head.add("vary", "origin, access-control-request-method, access-control-request-headers");
  return part;
}

}  // namespace echostream::gateway
