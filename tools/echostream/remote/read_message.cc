#include "tools/echostream/remote/read_message.h"

#include <limits>

#include "echostream/limits.h"

#include "runtime/messages/decode_budget.h"

namespace echostream::tool {

Status read_message(BytesView bytes, google::protobuf::MessageLite& message) {
  if (!internal::decoded_size(bytes, message, Limits().max_decoded_bytes)) {
    return {StatusCode::kResourceExhausted, "an answer that takes too much memory"};
  }
  if (bytes.size() > std::size_t{std::numeric_limits<int>::max()} ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return {StatusCode::kInternal, "an answer that is not the message that it should be"};
  }
  return Status::ok();
}

}  // namespace echostream::tool
