// Services as protoc-gen-echostream understands their descriptors.
#pragma once

#include <google/protobuf/descriptor.h>

#include <vector>

#include "echostream/base/status.h"

#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// Adds the services of these files to the schema, which has their types already. INVALID_ARGUMENT:
/// file:line:column, as far as they are known, and what is wrong.
Status add_services(const std::vector<const google::protobuf::FileDescriptor*>& files,
                    Schema& schema);

}  // namespace echostream::tool
