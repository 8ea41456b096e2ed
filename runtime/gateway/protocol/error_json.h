// Errors and ends of streams as Connect writes them in JSON (connectrpc.com/docs/protocol, "Error
// and EndStreamResponse").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/metadata.h"

namespace echostream::gateway {

/// {"code":"not_found","message":"...","details":[{"type":"...","value":"..."}]} of an error.
std::string to_error_json(const Status& status);
/// None when it is malformed or names no code that there is.
std::optional<Status> parse_error_json(std::string_view json);

struct EndOfStream {
  Status status;
  Metadata metadata;
};
/// {"error":{...},"metadata":{"key":["value"]}}; entries that cannot be said are left out.
std::string to_end_json(const Status& status, const Metadata& metadata);
/// INTERNAL when it is malformed; INVALID_ARGUMENT for metadata that is.
Result<EndOfStream> parse_end_json(std::string_view json);

/// "acme.Problem" of "type.googleapis.com/acme.Problem", and back.
std::string_view type_name_of_url(std::string_view type_url);
std::string type_url_of_name(std::string_view name);

}  // namespace echostream::gateway
