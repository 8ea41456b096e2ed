#include "runtime/gateway/protocol/error_json.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/field_values.h"
#include "runtime/gateway/protocol/json_text.h"
#include "runtime/gateway/protocol/metadata_fields.h"
#include "runtime/gateway/protocol/status_codes.h"

namespace echostream::gateway {
namespace {

void append_details(std::string& json, const std::vector<StatusDetail>& details) {
  char separator = '[';
  json += ",\"details\":";
  for (const StatusDetail& detail : details) {
    json += std::exchange(separator, ',');
    json += "{\"type\":";
    append_json_string(json, type_name_of_url(detail.type_url));
    json += ",\"value\":\"" + to_base64(as_bytes(detail.value)) + "\"}";
  }
  json += ']';
}

void append_metadata(std::string& json, const Metadata& metadata) {
  // The values of a key stand together, in the order of their keys' first.
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : metadata.entries()) {
    if (is_sendable(key, value) && std::find(keys.begin(), keys.end(), key) == keys.end()) {
      keys.push_back(key);
    }
  }
  char separator = '{';
  for (const std::string_view name : keys) {
    json += std::exchange(separator, ',');
    append_json_string(json, name);
    char between = '[';
    json += ':';
    for (const auto& [key, value] : metadata.entries()) {
      if (key != name || !is_sendable(key, value)) continue;
      json += std::exchange(between, ',');
      append_json_string(json, encoded_metadata_value(key, value));
    }
    json += ']';
  }
  json += keys.empty() ? "{}" : "}";
}

// One object of "details". Broken ones are passed over: they are no reason to lose the error.
std::optional<StatusDetail> read_detail(JsonCursor& json) {
  StatusDetail detail;
  bool is_whole = false;
  if (!json.enter_object()) return std::nullopt;
  while (const auto key = json.next_key()) {
    if (*key == "type") {
      detail.type_url = type_url_of_name(json.string().value_or(""));
    } else if (*key == "value") {
      const auto bytes = from_base64(json.string().value_or(""));
      is_whole = bytes.has_value();
      detail.value = bytes.value_or("");
    } else {
      json.skip();
    }
  }
  if (!is_whole || detail.type_url.empty()) return std::nullopt;
  return detail;
}

std::optional<Status> read_error(JsonCursor& json) {
  std::optional<StatusCode> code;
  std::string message;
  std::vector<StatusDetail> details;
  if (!json.enter_object()) return std::nullopt;
  while (const auto key = json.next_key()) {
    if (*key == "code") {
      code = status_code_from_connect(json.string().value_or(""));
    } else if (*key == "message") {
      message = json.string().value_or("");
    } else if (*key == "details") {
      if (!json.enter_array()) break;
      while (json.next_element()) {
        if (auto detail = read_detail(json)) details.push_back(*std::move(detail));
      }
    } else {
      json.skip();
    }
  }
  if (!json.is_good() || !code) return std::nullopt;
  Status status(*code, std::move(message));
  for (StatusDetail& detail : details) status.add_detail(std::move(detail));
  return status;
}

Status read_end_metadata(JsonCursor& json, Metadata& metadata) {
  Status status;
  if (!json.enter_object()) return status;
  while (const auto key = json.next_key()) {
    if (!json.enter_array()) break;
    while (json.next_element()) {
      const auto value = json.string();
      if (!value || !status.is_ok()) continue;
      status = add_metadata_field(to_lower_ascii(*key), *value, metadata);
    }
  }
  return status;
}

}  // namespace

std::string_view type_name_of_url(std::string_view type_url) {
  const std::size_t slash = type_url.rfind('/');
  return slash == std::string_view::npos ? type_url : type_url.substr(slash + 1);
}

std::string type_url_of_name(std::string_view name) {
  if (name.empty()) return {};
  return (name.find('/') == std::string_view::npos ? "type.googleapis.com/" : "") +
         std::string(name);
}

std::string to_error_json(const Status& status) {
  std::string json = "{\"code\":\"" + std::string(connect_code_name(status.code())) + '"';
  if (!status.message().empty()) {
    json += ",\"message\":";
    append_json_string(json, status.message());
  }
  if (!status.details().empty()) append_details(json, status.details());
  return json + '}';
}

std::optional<Status> parse_error_json(std::string_view text) {
  JsonCursor json(text);
  std::optional<Status> status = read_error(json);
  return json.is_complete() ? status : std::nullopt;
}

std::string to_end_json(const Status& status, const Metadata& metadata) {
  std::string json = "{";
  if (!status.is_ok()) json += "\"error\":" + to_error_json(status);
  if (!metadata.empty()) {
    json += status.is_ok() ? "\"metadata\":" : ",\"metadata\":";
    append_metadata(json, metadata);
  }
  return json + '}';
}

Result<EndOfStream> parse_end_json(std::string_view text) {
  const Status malformed(StatusCode::kInternal, "the end of the stream is malformed");
  JsonCursor json(text);
  EndOfStream end;
  Status metadata_status;
  if (!json.enter_object()) return malformed;
  while (const auto key = json.next_key()) {
    if (*key == "error") {
      std::optional<Status> error = read_error(json);
      if (!error) return malformed;
      end.status = *std::move(error);
    } else if (*key == "metadata") {
      metadata_status = read_end_metadata(json, end.metadata);
    } else {
      json.skip();
    }
  }
  if (!json.is_complete()) return malformed;
  if (!metadata_status.is_ok()) return metadata_status;
  return end;
}

}  // namespace echostream::gateway
