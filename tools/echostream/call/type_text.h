// Messages and enums as they would stand in a .proto.
#pragma once

#include <string>
#include <string_view>

#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// The message or enum with that full name; empty when there is none. Printable.
std::string type_definition(const Schema& schema, const std::string& name);

/// Without the JSON names that fields have anyway, which descriptors of others say of every field.
std::string without_usual_json_names(std::string_view text);

}  // namespace echostream::tool
