// What a node says of itself: idl/echostream/reflection.proto.
#pragma once

#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/session.h"

#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// Everything, or only `services` (full names). UNIMPLEMENTED when the peer serves no reflection;
/// INTERNAL when what it says makes no sense.
Task<Result<Schema>> reflected_schema(Channel channel, std::vector<std::string> services);

}  // namespace echostream::tool
