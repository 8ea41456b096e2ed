// Messages from strangers, decoded.
#pragma once

#include <google/protobuf/message_lite.h>

#include "echostream/base/bytes.h"
#include "echostream/base/status.h"

namespace echostream::tool {

/// INTERNAL when the bytes are no such message, RESOURCE_EXHAUSTED when it would take more memory
/// than Limits::max_decoded_bytes.
Status read_message(BytesView bytes, google::protobuf::MessageLite& message);

}  // namespace echostream::tool
