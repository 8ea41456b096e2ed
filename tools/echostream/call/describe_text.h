// Services, methods and types as text.
#pragma once

#include <string>
#include <string_view>

#include "echostream/base/result.h"

#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// "rpc", "event", "published", "stream".
std::string_view to_string(MethodKind kind);
/// "(stream acme.v1.Frame) returns (acme.v1.Report)"
std::string signature_of(const SchemaMethod& method);
/// A line for each service, and below it one for each method.
std::string list_text(const Schema& schema);
/// The service with its methods' options and comments.
std::string service_text(const SchemaService& service);
std::string service_json(const SchemaService& service);
/// The method, and the messages that it takes and gives.
std::string method_text(const Schema& schema, const SchemaMethod& method);
std::string method_json(const SchemaMethod& method);
/// The method, service, message or enum of that name, or of which that is the end. NOT_FOUND says
/// what is spelt like it; INVALID_ARGUMENT when several are meant.
Result<std::string> describe_text(const Schema& schema, const std::string& name, bool as_json);

}  // namespace echostream::tool
