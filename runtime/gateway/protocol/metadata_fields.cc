#include "runtime/gateway/protocol/metadata_fields.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/field_values.h"

namespace echostream::gateway {
namespace {

constexpr std::array<std::string_view, 8> kProtocolPrefixes = {
    ":", "connect-", "grpc-", "content-", "access-control-", "proxy-", "sec-", "echostream-"};

// Sorted. "authorization-keep" asks that a session be taken for whom its token names
// (docs/plugins/auth_token.md): an HTTP connection may carry the requests of many.
constexpr std::array<std::string_view, 34> kProtocolNames = {
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-post",
    "age",
    "allow",
    "alt-svc",
    "alt-used",
    "authorization-keep",
    "cache-control",
    "connection",
    "date",
    "dnt",
    "early-data",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "server",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "vary",
    "via",
    "x-grpc-web",
};

bool is_binary(std::string_view key) { return key.ends_with("-bin"); }

Status bad_value(std::string_view key, std::string_view problem) {
  return {StatusCode::kInvalidArgument,
          "metadata \"" + std::string(key) + "\": " + std::string(problem)};
}

}  // namespace

bool is_protocol_field(std::string_view name) {
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  return std::any_of(kProtocolPrefixes.begin(), kProtocolPrefixes.end(), begins) ||
         std::binary_search(kProtocolNames.begin(), kProtocolNames.end(), name);
}

Status add_metadata_field(std::string_view name, std::string_view value, Metadata& metadata) {
  // HTTP allows more marks in names than metadata does; a field that has them is not for us.
  if (is_protocol_field(name) || !Metadata::is_valid_key(name)) return Status::ok();
  if (!is_field_value(value)) return bad_value(name, "control characters");
  if (!is_binary(name)) {
    metadata.add(std::string(name), std::string(trimmed(value)));
    return Status::ok();
  }
  if (trimmed(value).empty()) metadata.add(std::string(name), {});
  for (const std::string_view part : split_list(value)) {
    std::optional<std::string> bytes = from_base64(part);
    if (!bytes) return bad_value(name, "this is no base64");
    metadata.add(std::string(name), *std::move(bytes));
  }
  return Status::ok();
}

Status read_metadata(const http3::Fields& fields, std::size_t max_bytes, Metadata& metadata) {
  for (const http3::Field& field : fields) {
    Status status = add_metadata_field(field.name, field.value, metadata);
    if (!status.is_ok()) return status;
  }
  if (metadata.byte_size() <= max_bytes) return Status::ok();
  return {StatusCode::kResourceExhausted, "metadata of " + std::to_string(metadata.byte_size()) +
                                              " bytes; " + std::to_string(max_bytes) +
                                              " are allowed"};
}

bool is_sendable(std::string_view key, std::string_view value) {
  if (!Metadata::is_valid_key(key) || is_protocol_field(key)) return false;
  return is_binary(key) ||
         std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

std::string encoded_metadata_value(std::string_view key, std::string_view value) {
  return is_binary(key) ? to_base64(as_bytes(value)) : std::string(trimmed(value));
}

void write_metadata(const Metadata& metadata, std::string_view prefix, http3::Fields& fields) {
  for (const auto& [key, value] : metadata.entries()) {
    if (is_sendable(key, value)) {
      fields.add(std::string(prefix) + key, encoded_metadata_value(key, value));
    }
  }
}

}  // namespace echostream::gateway
