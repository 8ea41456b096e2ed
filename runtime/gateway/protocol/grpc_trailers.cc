#include "runtime/gateway/protocol/grpc_trailers.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/field_values.h"
#include "runtime/gateway/protocol/metadata_fields.h"
#include "runtime/gateway/protocol/percent.h"
#include "runtime/gateway/protocol/rpc_status.h"

namespace echostream::gateway {

void write_grpc_trailers(const Status& status, const Metadata& metadata, http3::Fields& fields) {
  fields.add("grpc-status", std::to_string(static_cast<int>(status.code())));
  if (!status.message().empty()) {
    fields.add("grpc-message", encode_grpc_message(status.message()));
  }
  if (!status.details().empty()) {
    fields.add("grpc-status-details-bin", to_base64(as_bytes(to_rpc_status(status))));
  }
  write_metadata(metadata, "", fields);
}

Status read_grpc_status(const http3::Fields& fields) {
  const long long number = parse_digits(trimmed(fields.get("grpc-status")), 18);
  if (number < 0) {
    return {StatusCode::kUnknown, fields.has("grpc-status") ? "grpc-status is no number"
                                                            : "the answer has no grpc-status"};
  }
  const StatusCode code = status_code_from_wire(static_cast<std::uint64_t>(number));
  Status status(code, decode_grpc_message(fields.get("grpc-message")));
  const auto bytes = from_base64(trimmed(fields.get("grpc-status-details-bin")));
  const auto detailed = bytes ? parse_rpc_status(as_bytes(*bytes)) : std::nullopt;
  if (!detailed || detailed->code() != code) return status;
  for (const StatusDetail& detail : detailed->details()) status.add_detail(detail);
  return status;
}

std::string to_trailer_block(const http3::Fields& fields) {
  std::string block;
  for (const http3::Field& field : fields) {
    block.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return block;
}

Result<http3::Fields> parse_trailer_block(std::string_view block) {
  http3::Fields fields;
  while (!block.empty()) {
    const std::size_t end = std::min(block.find('\n'), block.size());
    std::string_view line = block.substr(0, end);
    block.remove_prefix(std::min(end + 1, block.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string name = to_lower_ascii(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
    if (colon == line.size() || !is_field_name(name) || !is_field_value(value)) {
      return Status(StatusCode::kInternal, "trailers that are no header fields");
    }
    fields.add(std::move(name), std::string(value));
  }
  return fields;
}

}  // namespace echostream::gateway
