// protobuf's text format with places. protobuf's own reader stops at the first field that it does
// not know.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/config/problems.h"
#include "runtime/config/value.h"

namespace echostream::internal {

/// The fields of one message, as an object whose members may repeat. Extensions and google.protobuf
/// Any in its short form are not understood. Nothing when there was any problem.
std::optional<Value> read_text_format(std::string_view text, const std::string& source,
                                      Problems& problems);

}  // namespace echostream::internal
