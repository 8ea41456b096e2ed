#include "runtime/gateway/protocol/refusal.h"

#include <utility>

#include "runtime/gateway/protocol/error_json.h"

namespace echostream::gateway {

ResponsePart refuse(int http_status, const Status& status, const http3::Fields& extra) {
  const std::string json = to_error_json(status);
  ResponsePart part;
  part.is_end = true;
  part.head.add(":status", std::to_string(http_status));
  part.head.add("content-type", "application/json");
  part.head.add("content-length", std::to_string(json.size()));
  for (const http3::Field& field : extra) part.head.add(field.name, field.value);
  part.body.push_back(Buffer::copy(json));
  return part;
}

ResponsePart refuse_verb(const std::string& allowed) {
  const Status status(StatusCode::kUnimplemented,
                      "this takes " + allowed + ", no other HTTP method");
  return refuse(405, status, {{"allow", allowed}});
}

ResponsePart refuse_content_type(std::string message, const std::string& accepted) {
  http3::Fields extra;
  if (!accepted.empty()) extra.add("accept-post", accepted);
  return refuse(415, Status(StatusCode::kUnimplemented, std::move(message)), extra);
}

}  // namespace echostream::gateway
