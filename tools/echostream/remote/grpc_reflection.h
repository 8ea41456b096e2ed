// What servers of other makes say of themselves: idl/grpc/reflection/v1/reflection.proto.
#pragma once

#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"

#include "tools/echostream/remote/remote.h"
#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// Everything, or only `services` (full names). UNIMPLEMENTED when the server does not have it;
/// INTERNAL or INVALID_ARGUMENT when what it says makes no sense; RESOURCE_EXHAUSTED when it says
/// too much. `remote` outlives the task.
Task<Result<Schema>> grpc_reflected_schema(Remote& remote, std::vector<std::string> services);

}  // namespace echostream::tool
