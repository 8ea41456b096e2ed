#include "runtime/gateway/protocol/query.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/encodings.h"
#include "runtime/gateway/protocol/field_values.h"
#include "runtime/gateway/protocol/percent.h"

namespace echostream::gateway {

Result<GetQuery> parse_query(std::string_view text) {
  GetQuery query;
  const std::array<std::pair<std::string_view, std::optional<std::string>*>, 5> known = {{
      {"message", &query.message},
      {"encoding", &query.encoding},
      {"compression", &query.compression},
      {"base64", &query.base64},
      {"connect", &query.connect},
  }};
  for (const std::string_view parameter : split_list(text, '&')) {
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::optional<std::string> name = decode_query_text(parameter.substr(0, equals));
    for (const auto& [known_name, value] : known) {
      if (name != known_name || value->has_value()) continue;
      *value = decode_query_text(parameter.substr(std::min(equals + 1, parameter.size())));
      if (!value->has_value()) {
        return Status(StatusCode::kInvalidArgument,
                      "the query's \"" + *name + "\" has a broken percent-encoding");
      }
    }
  }
  return query;
}

Result<Buffer> message_of_query(const GetQuery& query, std::size_t max_bytes) {
  if (!query.message) {
    return Status(StatusCode::kInvalidArgument, "the query has no \"message\"");
  }
  std::string message = *query.message;
  if (query.base64 == "1") {
    std::optional<std::string> bytes = from_base64(message);
    if (!bytes) {
      return Status(StatusCode::kInvalidArgument, "the query's \"message\" is no base64");
    }
    message = *std::move(bytes);
  }
  const std::optional<Compression> compression = parse_encoding(query.compression.value_or(""));
  if (!compression) {
    return Status(StatusCode::kUnimplemented,
                  "an unknown compression; known are: " + std::string(kEncodings));
  }
  if (message.size() > max_bytes) {
    return Status(StatusCode::kResourceExhausted, "a message of " + std::to_string(message.size()) +
                                                      " bytes; " + std::to_string(max_bytes) +
                                                      " are allowed");
  }
  return unpack(Buffer::copy(message), *compression, max_bytes);
}

}  // namespace echostream::gateway
