// Text of a peer's, made safe to print.
#pragma once

#include <string>
#include <string_view>

namespace echostream::transport {

/// Control bytes, backslashes and bytes beyond ASCII become "\xNN"; cut at 200 bytes.
std::string printable(std::string_view text);

}  // namespace echostream::transport
