// JSON as the values of a configuration, with every slip in it told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/config/problems.h"
#include "runtime/config/value.h"

namespace echostream::internal {

/// One value and nothing else. Reads on after slips like a comma too many, which it reports, so
/// that what is wrong with the values can be told too. Nothing when it cannot make out what
/// follows.
std::optional<Value> read_json(std::string_view text, const std::string& source,
                               Problems& problems);

}  // namespace echostream::internal
