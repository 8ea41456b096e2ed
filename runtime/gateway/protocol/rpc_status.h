// google.rpc.Status, which gRPC's errors carry their details in, as bytes:
//
//   1: code (varint)   2: message   3: details, each 1: type_url 2: value
#pragma once

#include <optional>
#include <string>

#include "echostream/base/bytes.h"
#include "echostream/base/status.h"

namespace echostream::gateway {

std::string to_rpc_status(const Status& status);
/// None for what is no such message. Fields that nobody knows are passed over; groups are refused.
std::optional<Status> parse_rpc_status(BytesView bytes);

}  // namespace echostream::gateway
