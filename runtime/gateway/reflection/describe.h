// The answer of echostream.reflection.v1.Reflection/Describe.
#pragma once

#include "echostream/base/result.h"
#include "echostream/reflection.pb.h"

#include "runtime/gateway/reflection/served_types.h"

namespace echostream::internal {

/// INVALID_ARGUMENT when the request has more names than it may.
Result<reflection::v1::DescribeResponse> describe(ServedTypes& types,
                                                  const reflection::v1::DescribeRequest& request);

}  // namespace echostream::internal
