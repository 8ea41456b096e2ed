// The status that a call ended with, for people and as JSON.
#pragma once

#include <string>
#include <vector>

#include "echostream/base/status.h"

#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

/// Each detail as a JSON object, as protobuf writes an Any: with "@type", and its fields; or
/// "value" in base64 where the type is not known.
std::vector<std::string> detail_texts(const Schema& schema, const Status& status);

/// {"status":"NOT_FOUND","code":5,"message":"...","details":[...]}
std::string status_json(const Status& status, const std::vector<std::string>& details);

/// RFC 4648 section 4.
std::string base64(std::string_view bytes);

}  // namespace echostream::tool
