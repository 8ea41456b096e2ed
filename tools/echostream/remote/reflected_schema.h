// What a node says of itself: idl/echostream/reflection.proto.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/session.h"

#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// Everything, or only `services` (full names). UNIMPLEMENTED when the peer serves no reflection;
/// INTERNAL when what it says makes no sense.
Task<Result<Schema>> reflected_schema(Channel channel, std::vector<std::string> services);

/// The same in parts, for those who call it otherwise: Describe, its request, and what a reply
/// says.
std::unique_ptr<SchemaMethod> describe_method();
Buffer describe_request(std::vector<std::string> services);
Result<Schema> described_schema(BytesView reply);

}  // namespace echostream::tool
