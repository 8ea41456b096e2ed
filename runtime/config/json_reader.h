// JSON (RFC 8259) with places. protobuf's own reader names no line, and takes super-quadratic time
// on nested lists.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/config/problems.h"
#include "runtime/config/value.h"

namespace echostream::internal {

/// One value and nothing else. Reads over a comma too many and over comments, which it reports; at
/// the first thing that it cannot make out it gives up. Nothing when there was any problem.
std::optional<Value> read_json(std::string_view text, const std::string& source,
                               Problems& problems);

}  // namespace echostream::internal
